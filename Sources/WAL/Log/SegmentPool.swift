internal import HoldfastDisk
internal import Synchronization

/// Files that wait to become segments.
///
/// - `pool/N.raw`: its content is of no account: new, recycled, or left behind by a crash.
/// - `pool/N.spare`: as long as a segment, all zeros between its two headers, and all of that on
///   the disk; overwriting such blocks syncs several times faster than filling new ones.
///
/// A raw file becomes a spare one by being filled with zeros, in pieces, by the background thread.
/// So what a segment has not written yet reads as zeros, and any other byte there is damage.
/// Any thread may call; what is done in the background never holds up the log's writer.
final class SegmentPool: Sendable {
    /// Spares to be kept, besides the one whose headers are ready.
    static let spareCountTarget = 2
    /// Files to be kept: what is released beyond that goes back to the volume.
    static let fileCountMax = spareCountTarget + 1
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

    struct Spares {
        var ready: Candidate?
        var spares: [UInt64] = []
        var raws: [UInt64] = []
        var nextName: UInt64 = 1
        /// Whether one more is being filled with zeros.
        var isFilling = false

        var count: Int {
            spares.count + raws.count + (ready == nil ? 0 : 1) + (isFilling ? 1 : 0)
        }
    }

    /// The raw file that is being filled; used by one background step at a time.
    private struct Filling {
        let name: UInt64
        let file: any File
        var done: Int
    }

    let fileSystem: any FileSystem
    let identity: StoreIdentity
    private let alignment: Int
    private let entropy: @Sendable () -> UInt64
    let spares = Mutex(Spares())
    private let filling = Mutex<Filling?>(nil)

    /// Looks at what is in the pool; changes nothing.
    init(_ directory: DataDirectory, alignment: Int) throws(DiskError) {
        fileSystem = directory.fileSystem
        identity = directory.identity
        entropy = directory.entropy
        self.alignment = alignment
        var found = Spares()
        for name in try fileSystem.list(DirectoryLayout.pool) {
            if let number = DirectoryLayout.number(ofName: name, ending: ".spare") {
                found.spares.append(number)
                found.nextName = max(found.nextName, number + 1)
            } else if let number = DirectoryLayout.number(ofName: name, ending: ".raw") {
                found.raws.append(number)
                found.nextName = max(found.nextName, number + 1)
            }
        }
        let start = found
        spares.withLock { $0 = start }
    }

    /// Whether a filled segment can be had at once.
    var isReady: Bool { spares.withLock { $0.ready != nil } }

    var spareCount: Int {
        spares.withLock { $0.spares.count + ($0.ready == nil ? 0 : 1) }
    }

    /// The files it holds.
    var fileCount: Int {
        spares.withLock { $0.count }
    }

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
            keep(candidate.file)
            throw error
        }
        return candidate.file
    }

    /// A file with the headers of segment `number`, not synced, which is to get more than headers
    /// before it is renamed into the log: so its name no longer says that it holds zeros.
    func takeForCopies(number: UInt64, byteCount: Int) throws(LogError) -> Candidate {
        var candidate = try take(number: number, byteCount: byteCount).file
        try LogError.obtaining { () throws(DiskError) in
            if candidate.path.hasSuffix(".spare") {
                let raw = Self.path(takeName(), ".raw")
                try fileSystem.rename(candidate.path, to: raw)
                try fileSystem.syncDirectory(DirectoryLayout.pool)
                candidate = Candidate(
                    path: raw, file: candidate.file, header: candidate.header, isFilled: true)
            }
            try writeHeaders(of: candidate)
        }
        return candidate
    }

    /// The path of a file that is to be written in the pool before it gets its name. The next opening
    /// removes it where that does not come about.
    func takeDraftPath() -> String { Self.path(takeName(), ".raw") }

    /// Puts a file back that was taken and not used after all.
    func giveBack(_ candidate: Candidate) {
        spares.withLock { spares in
            if spares.ready == nil, candidate.header.byteCount == identity.segmentByteCount {
                spares.ready = candidate
            }
        }
    }

    /// One step towards a full pool, at most one piece of writing; for the background thread.
    ///
    /// - Parameter nextNumber: the segment that will be needed next.
    /// - Returns: whether there is more to do.
    func prepareStep(nextNumber: UInt64) throws(LogError) -> Bool {
        try filling.withLock { filling throws(LogError) in
            try LogError.obtaining { () throws(DiskError) in
                try step(&filling, nextNumber: nextNumber)
            }
        }
    }

    private func step(_ filling: inout Filling?, nextNumber: UInt64) throws(DiskError) -> Bool {
        if let name = spares.withLock({ spares in
            spares.ready == nil ? spares.spares.popLast() : nil
        }) {
            let path = Self.path(name, ".spare")
            let file = try fileSystem.openFile(path, for: .readingAndWriting)
            let candidate = Candidate(
                path: path, file: file, header: header(nextNumber), isFilled: true)
            try writeHeaders(of: candidate)
            try file.sync()
            spares.withLock { $0.ready = candidate }
            return true
        }
        if filling == nil {
            let count = spareCount
            guard count < Self.fileCountMax else { return false }
            let next = try beginFilling()
            filling = next
            spares.withLock { $0.isFilling = true }
            return true
        }
        var current = filling!
        let byteCount = min(Self.pieceByteCount, identity.segmentByteCount - current.done)
        do throws(DiskError) {
            try current.file.write(Zeros.bytes(byteCount), at: current.done)
            // Each piece for itself: one large sync would hold up the log's own.
            try current.file.sync()
        } catch {
            filling = nil
            spares.withLock { $0.isFilling = false }
            throw error
        }
        current.done += byteCount
        filling = current
        if current.done == identity.segmentByteCount {
            filling = nil
            try fileSystem.rename(
                Self.path(current.name, ".raw"), to: Self.path(current.name, ".spare"))
            spares.withLock { spares in
                spares.spares.append(current.name)
                spares.isFilling = false
            }
        }
        return true
    }

    private func beginFilling() throws(DiskError) -> Filling {
        if let name = spares.withLock({ $0.raws.popLast() }) {
            let file = try fileSystem.openFile(Self.path(name, ".raw"), for: .readingAndWriting)
            return Filling(name: name, file: file, done: 0)
        }
        let name = takeName()
        let file = try allocate(name, byteCount: identity.segmentByteCount)
        return Filling(name: name, file: file, done: 0)
    }

    private func take(
        number: UInt64, byteCount: Int
    ) throws(LogError) -> (file: Candidate, isReady: Bool) {
        let needed = max(byteCount, identity.segmentByteCount)
        return try LogError.obtaining { () throws(DiskError) in
            if needed == identity.segmentByteCount {
                if let ready = spares.withLock({ $0.ready.take() }) {
                    if ready.header.number == number { return (ready, true) }
                    return (
                        Candidate(
                            path: ready.path, file: ready.file, header: header(number),
                            isFilled: true), false
                    )
                }
                if let name = spares.withLock({ $0.spares.popLast() }) {
                    let path = Self.path(name, ".spare")
                    let file = try fileSystem.openFile(path, for: .readingAndWriting)
                    return (
                        Candidate(path: path, file: file, header: header(number), isFilled: true),
                        false
                    )
                }
            }
            // No spare: a file that is only reserved, for filling it first would write it twice.
            let name = takeName()
            let file = try allocate(name, byteCount: needed)
            return (
                Candidate(
                    path: Self.path(name, ".raw"), file: file,
                    header: header(number, byteCount: needed), isFilled: false), false
            )
        }
    }

    /// A new file in the pool; gone again where there is no room for it.
    private func allocate(_ name: UInt64, byteCount: Int) throws(DiskError) -> any File {
        let path = Self.path(name, ".raw")
        let file = try fileSystem.createFile(path)
        do throws(DiskError) {
            try file.allocate(byteCount: byteCount)
        } catch {
            try fileSystem.remove(path)
            throw error
        }
        return file
    }

    private func writeHeaders(of candidate: Candidate) throws(DiskError) {
        let block = candidate.header.encoded()
        try candidate.file.write(block, at: 0)
        try candidate.file.write(block, at: candidate.header.frames.upperBound)
    }

    private func header(_ number: UInt64, byteCount: Int? = nil) -> SegmentHeader {
        SegmentHeader(
            uuid: identity.uuid, number: number, salt: entropy(),
            byteCount: byteCount ?? identity.segmentByteCount, alignment: alignment)
    }

    func takeName() -> UInt64 {
        spares.withLock { spares in
            defer { spares.nextName += 1 }
            return spares.nextName
        }
    }

    static func path(_ name: UInt64, _ ending: String) -> String {
        "\(DirectoryLayout.pool)/\(DirectoryLayout.digits(name))\(ending)"
    }
}
