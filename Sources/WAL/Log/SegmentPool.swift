internal import HoldfastDisk
internal import Synchronization

/// Files that wait to become segments, and with which the log goes on when the volume is full: a
/// *reserve* of files, not only of blocks, since a full xfs creates not even an empty one.
///
/// - `pool/N.spare`: as long as a segment, all zeros between its two headers, and all of that on
///   the disk; overwriting such blocks syncs several times faster than filling new ones.
/// - `pool/N.blank`: as long as a segment; reads as zeros, but its blocks are only reserved.
/// - `pool/N.raw`: its content is of no account: recycled, or left behind by a crash.
///
/// The background thread keeps as many files as there are to be, makes raw ones blank, and fills some
/// with zeros, in pieces. So what a segment has not written yet reads as zeros, and any other
/// byte there is damage. Any thread may call; what is done in the background never holds up the log's
/// writer.
final class SegmentPool: Sendable {
    /// Files that are filled with zeros ahead of need.
    static let filledCountTarget = 3
    /// What one step of the background thread writes: some milliseconds of a disk's time.
    static let pieceByteCount = 1 << 20

    /// A file in the pool that has the headers of a segment.
    struct Candidate {
        let path: String
        let file: any File
        var header: SegmentHeader
        /// Whether its blocks were written before, so that it syncs fast.
        let isFilled: Bool
    }

    struct Files {
        var ready: Candidate?
        var spares: [UInt64] = []
        var blanks: [UInt64] = []
        var raws: [UInt64] = []
        var nextName: UInt64 = 1
        /// Those that the background thread is at: they have no content to count on.
        var inWorkCount = 0
        /// Whether the volume had no room for the last file that was wanted, and there are still
        /// fewer than there should be.
        var isRefused = false

        var filledCount: Int { spares.count + (ready == nil ? 0 : 1) }
        var count: Int { filledCount + blanks.count + raws.count + inWorkCount }
    }

    /// Files that there should be. A few more are kept of what is released, and the rest goes back to the
    /// volume.
    let fileCountTarget: Int
    /// Names for the files of the reserve, and for what comes back.
    let logNames: NameReserve
    let poolNames: NameReserve
    let fileSystem: any FileSystem
    let identity: StoreIdentity
    private let alignment: Int
    private let entropy: @Sendable () -> UInt64
    let files = Mutex(Files())
    let zeroFilled = Atomic<Int>(0)
    let preparing = Mutex(Preparing())

    /// Looks at what is in the pool; changes nothing.
    init(
        _ directory: DataDirectory, alignment: Int, fileCountTarget: Int
    ) throws(DiskError) {
        precondition(fileCountTarget > 0, "a log needs a segment to go on in")
        self.fileCountTarget = fileCountTarget
        fileSystem = directory.fileSystem
        identity = directory.identity
        entropy = directory.entropy
        self.alignment = alignment
        var found = Files()
        for name in try fileSystem.list(DirectoryLayout.pool) {
            guard let kind = PoolFileKind(ofName: name), let number = kind.number(ofName: name)
            else { continue }
            found[kind].append(number)
            found.nextName = max(found.nextName, number + 1)
        }
        let start = found
        logNames = try NameReserve(
            in: DirectoryLayout.log, of: fileSystem,
            countTarget: fileCountTarget * LogReserve.nameCountPerFile)
        poolNames = try NameReserve(
            in: DirectoryLayout.pool, of: fileSystem,
            countTarget: LogReserve.poolNameCount)
        files.withLock { $0 = start }
    }

    /// Whether a filled segment can be had at once.
    var isReady: Bool { files.withLock { $0.ready != nil } }

    /// Files that are filled.
    var spareCount: Int { files.withLock { $0.filledCount } }

    /// Since the log was opened.
    var zeroFilledByteCount: Int { zeroFilled.load(ordering: .relaxed) }

    /// What there is and what there should be.
    var reserve: LogReserve {
        let nameCount = logNames.count + poolNames.count
        let isNameRefused = logNames.isRefused || poolNames.isRefused
        return files.withLock { files in
            LogReserve(
                fileCount: files.count,
                usableCount: files.count - files.raws.count - files.inWorkCount,
                fileCountTarget: fileCountTarget, nameCount: nameCount,
                nameCountTarget: logNames.countTarget + poolNames.countTarget,
                isRefused: files.isRefused || isNameRefused)
        }
    }

    // MARK: Taking

    /// A file with the headers of segment `number` on the disk, to be renamed into the log.
    ///
    /// - Parameter byteCount: how long it has to be at least; beyond the store's segment length a
    ///   file of its own is made.
    func takeForRoll(number: UInt64, byteCount: Int) throws(LogError) -> Candidate {
        let candidate = try take(number: number, byteCount: byteCount)
        if candidate.isReady { return candidate.file }
        do throws(LogError) {
            try LogError.obtaining { () throws(DiskError) in
                try writeHeaders(of: candidate.file)
                try candidate.file.file.sync()
            }
        } catch {
            if !error.isFatal { keep(candidate.file) }
            throw error
        }
        return candidate.file
    }

    /// A file with the headers of segment `number`, not synced, which is to get more than headers
    /// before it is renamed into the log: so its name no longer says that it holds zeros.
    func takeForCopies(number: UInt64, byteCount: Int) throws(LogError) -> Candidate {
        var candidate = try take(number: number, byteCount: byteCount).file
        try LogError.obtaining { () throws(DiskError) in
            // Nobody takes from the pool before the log is open: on an error the next opening finds it.
            if !candidate.path.hasSuffix(PoolFileKind.raw.ending) {
                let raw = PoolFileKind.raw.path(takeName())
                try poolNames.rename(candidate.path, to: raw)
                try fileSystem.syncDirectory(DirectoryLayout.pool)
                candidate = Candidate(
                    path: raw, file: candidate.file, header: candidate.header,
                    isFilled: candidate.isFilled)
            }
            try writeHeaders(of: candidate)
        }
        return candidate
    }

    /// The path of a file that is to be written in the pool before it gets its name. The next opening
    /// removes it where that does not come about.
    func takeDraftPath() -> String { PoolFileKind.raw.path(takeName()) }

    /// Puts a file back that was taken and not used after all.
    func giveBack(_ candidate: Candidate) {
        let isReady = files.withLock { files in
            guard files.ready == nil, candidate.header.byteCount == identity.segmentByteCount else {
                return false
            }
            files.ready = candidate
            return true
        }
        if !isReady { keep(candidate) }
    }

    /// A file of the reserve while that is whole, filled or blank; else a new one. What a load uses up
    /// does not come out of the reserve as long as the volume has room: a volume that is full a moment
    /// later would find less of it. Only then one of the reserve, whatever its kind.
    private func take(
        number: UInt64, byteCount: Int
    ) throws(LogError) -> (file: Candidate, isReady: Bool) {
        let needed = max(byteCount, identity.segmentByteCount)
        guard needed == identity.segmentByteCount else {
            return (try makeOwn(number: number, byteCount: needed), false)
        }
        let takesNew = files.withLock {
            !$0.isRefused
                && ($0.count < fileCountTarget || $0.filledCount == 0 && $0.blanks.isEmpty)
        }
        if takesNew {
            do throws(LogError) {
                return (try makeOwn(number: number, byteCount: needed), false)
            } catch {
                guard case .full = error else { throw error }
                files.withLock { $0.isRefused = true }
                if let taken = try takeReserved(number: number) { return taken }
                throw error
            }
        }
        if let taken = try takeReserved(number: number) { return taken }
        return (try makeOwn(number: number, byteCount: needed), false)
    }

    /// The best of those that are there: filled, blank, and one of no account last, which is filled
    /// first.
    private func takeReserved(
        number: UInt64
    ) throws(LogError) -> (file: Candidate, isReady: Bool)? {
        let found = files.withLock { files -> (ready: Candidate?, kind: PoolFileKind, UInt64)? in
            if let ready = files.ready.take() { return (ready, .spare, 0) }
            for kind in PoolFileKind.allCases {
                if let name = files[kind].popLast() { return (nil, kind, name) }
            }
            return nil
        }
        guard let (ready, kind, name) = found else { return nil }
        if var ready {
            if ready.header.number == number { return (ready, true) }
            ready.header = header(number)
            return (ready, false)
        }
        let path = kind.path(name)
        do throws(LogError) {
            let usable = try LogError.obtaining { () throws(DiskError) -> (any File)? in
                let file = try fileSystem.openFile(path, for: .readingAndWriting)
                guard kind == .raw else { return file }
                let byteCount = try file.byteCount()
                // Begun for a record that no other segment has room for.
                if byteCount > identity.segmentByteCount {
                    try fileSystem.remove(path)
                    return nil
                }
                // What a killed process began to make.
                if byteCount < identity.segmentByteCount {
                    try file.allocate(byteCount: identity.segmentByteCount)
                }
                var done = 0
                while done < identity.segmentByteCount { done += try fillPiece(of: file, at: done) }
                return file
            }
            guard let file = usable else { return try takeReserved(number: number) }
            return (
                Candidate(
                    path: path, file: file, header: header(number), isFilled: kind != .blank), false
            )
        } catch {
            if !error.isFatal { files.withLock { $0[kind].insert(name, at: 0) } }
            throw error
        }
    }

    /// A file that is only reserved, for filling it first would write it twice.
    private func makeOwn(number: UInt64, byteCount: Int) throws(LogError) -> Candidate {
        try LogError.obtaining { () throws(DiskError) in
            let name = takeName()
            let file = try allocate(name, byteCount: byteCount)
            return Candidate(
                path: PoolFileKind.raw.path(name), file: file,
                header: header(number, byteCount: byteCount), isFilled: false)
        }
    }

    // MARK: Parts

    /// A new file in the pool; gone again where there is no room for it.
    func allocate(_ name: UInt64, byteCount: Int) throws(DiskError) -> any File {
        let path = PoolFileKind.raw.path(name)
        let file = try fileSystem.createFile(path)
        do throws(DiskError) {
            try file.allocate(byteCount: byteCount)
        } catch {
            try fileSystem.remove(path)
            throw error
        }
        return file
    }

    /// Writes zeros, and syncs them: each piece for itself, as one large sync would hold up the log's
    /// own.
    ///
    /// - Returns: how many bytes.
    func fillPiece(of file: any File, at offset: Int) throws(DiskError) -> Int {
        let byteCount = min(Self.pieceByteCount, identity.segmentByteCount - offset)
        try file.write([UInt8](repeating: 0, count: byteCount), at: offset)
        try file.sync()
        zeroFilled.add(byteCount, ordering: .relaxed)
        return byteCount
    }

    func writeHeaders(of candidate: Candidate) throws(DiskError) {
        let block = candidate.header.encoded()
        try candidate.file.write(block, at: 0)
        try candidate.file.write(block, at: candidate.header.frames.upperBound)
    }

    func header(_ number: UInt64, byteCount: Int? = nil) -> SegmentHeader {
        SegmentHeader(
            uuid: identity.uuid, number: number, salt: entropy(),
            byteCount: byteCount ?? identity.segmentByteCount, alignment: alignment)
    }

    func takeName() -> UInt64 {
        files.withLock { files in
            defer { files.nextName += 1 }
            return files.nextName
        }
    }
}

extension SegmentPool.Files {
    /// Takes a file out for the background thread; it still counts.
    mutating func beginWork(_ kind: PoolFileKind) -> UInt64? {
        guard let name = self[kind].popLast() else { return nil }
        inWorkCount += 1
        return name
    }

    /// - Parameter kind: what it has become; nil where it is gone.
    mutating func endWork(_ name: UInt64, as kind: PoolFileKind?) {
        inWorkCount -= 1
        if let kind { self[kind].append(name) }
    }

    /// The names of the files of one kind.
    subscript(_ kind: PoolFileKind) -> [UInt64] {
        get {
            switch kind {
            case .spare: spares
            case .blank: blanks
            case .raw: raws
            }
        }
        _modify {
            switch kind {
            case .spare: yield &spares
            case .blank: yield &blanks
            case .raw: yield &raws
            }
        }
    }
}
