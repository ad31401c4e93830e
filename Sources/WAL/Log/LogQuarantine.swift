internal import HoldfastDisk
internal import HoldfastRecords

/// Puts aside what is damaged, for whoever wants to know what happened to it.
///
/// ```
/// quarantine/log-NUMBER-OFFSET.damaged   bytes of a segment that stays
/// quarantine/log-NUMBER-N.seg, .cmp      a file that could not be used
/// ```
/// Beyond the bounds of `QuarantineUse` nothing is kept, and its bytes are counted.
struct LogQuarantine {
    private static let directory = DirectoryLayout.quarantine

    let fileSystem: any FileSystem

    /// The numbers of the segments that were put aside.
    func numbers() throws(DiskError) -> Set<UInt64> {
        Set(
            try names().filter { $0.hasSuffix(".seg") }.compactMap { name in
                let parts = name.split(separator: "-")
                return parts.count == 3 && parts[0] == "log" ? UInt64(parts[1]) : nil
            })
    }

    /// Copies the damaged bytes, durably.
    ///
    /// - Returns: how many bytes could not be kept: beyond the bound, without room on the volume, or
    ///   because the disk does not give them back.
    func copy(_ passage: LogPassage) throws(LogError) -> Int {
        var lost = passage.excessByteCount
        if passage.extents.isEmpty { return lost }
        try LogError.writing { () throws(DiskError) in
            do throws(DiskError) {
                try makeDirectory()
            } catch {
                guard error.isNoSpace, !error.call.isSync else { throw error }
                lost += passage.extents.reduce(0) { $0 + $1.range.count }
                return
            }
            let kept = try names()
            var use = try QuarantineUse(in: fileSystem)
            for (number, range) in passage.extents {
                let name = "log-\(DirectoryLayout.digits(number))-\(range.lowerBound).damaged"
                if kept.contains(name) { continue }
                guard use.hasRoom(for: range.count) else {
                    lost += range.count
                    continue
                }
                use.add(range.count)
                let path = "\(Self.directory)/\(name)"
                do throws(DiskError) {
                    try copy(number, range, to: path)
                } catch {
                    let isUnreadable = error.call == .read && error.code == DiskError.inputOutput
                    guard error.isNoSpace && !error.call.isSync || isUnreadable else {
                        throw error
                    }
                    try? fileSystem.remove(path + ".new")
                    lost += range.count
                }
            }
            try fileSystem.syncDirectory(Self.directory)
        }
        return lost
    }

    /// Moves files out of the log, durably, under names that nothing has yet, and never over another.
    ///
    /// - Returns: the bytes of those that are removed, because there is no more room for them.
    func move(_ files: [(path: String, number: UInt64)]) throws(DiskError) -> Int {
        if files.isEmpty { return 0 }
        try makeDirectory()
        var taken = try names()
        var use = try QuarantineUse(in: fileSystem)
        var lost = 0
        for (path, number) in files {
            let byteCount = try fileSystem.openFile(path, for: .reading).byteCount()
            guard use.hasRoom(for: byteCount) else {
                lost += byteCount
                try fileSystem.remove(path)
                continue
            }
            use.add(byteCount)
            let ending = path.hasSuffix(".cmp") ? ".cmp" : ".seg"
            let digits = DirectoryLayout.digits(number)
            var sequence = 1
            func target() -> String { "log-\(digits)-\(sequence)\(ending)" }
            while taken.contains(target()) { sequence += 1 }
            try fileSystem.rename(path, to: "\(Self.directory)/\(target())")
            taken.insert(target())
        }
        try fileSystem.syncDirectory(Self.directory)
        try fileSystem.syncDirectory(DirectoryLayout.log)
        return lost
    }

    private func copy(
        _ number: UInt64, _ range: Range<Int>, to path: String
    ) throws(DiskError) {
        let source = try fileSystem.openFile(DirectoryLayout.segment(number), for: .reading)
        let draft = path + ".new"
        do throws(DiskError) {
            try fileSystem.remove(draft)
        } catch {
            guard error.isNotFound else { throw error }
        }
        let target = try fileSystem.createFile(draft)
        var place = range.lowerBound
        while place < range.upperBound {
            let bytes = try source.read(
                byteCount: min(1 << 20, range.upperBound - place), at: place)
            if bytes.isEmpty { break }
            try target.allocate(byteCount: place - range.lowerBound + bytes.count)
            try target.write(bytes, at: place - range.lowerBound)
            place += bytes.count
        }
        try target.sync()
        try fileSystem.rename(draft, to: path)
    }

    private func makeDirectory() throws(DiskError) {
        do throws(DiskError) {
            try fileSystem.makeDirectory(Self.directory)
        } catch {
            guard error.isAlreadyThere else { throw error }
        }
        try fileSystem.syncDirectory("")
    }

    private func names() throws(DiskError) -> Set<String> {
        do throws(DiskError) {
            return Set(try fileSystem.list(Self.directory))
        } catch {
            guard error.isNotFound else { throw error }
            return []
        }
    }
}

extension DiskError.Call {
    fileprivate var isSync: Bool { self == .sync || self == .syncDirectory }
}
