internal import HoldfastDisk
internal import Synchronization

/// What the background thread does ahead of need.
extension SegmentPool {
    /// Used by one background step at a time.
    struct Preparing {
        /// The file that is being filled. A blank one stays what its name says at every moment.
        struct Filling {
            let name: UInt64
            let kind: PoolFileKind
            let file: any File
            var done = 0
        }

        var filling: Filling?
        /// Whether the volume refused a file since it was last looked at: it is not asked again before.
        var isPausing = false
        /// Whether the file system cannot zero a file without writing it.
        var isZeroingUnsupported = false
        /// Whether there was no room for it since the volume was last looked at.
        var isZeroingPausing = false
        /// Whether a file that was filled could not be named so: filling it again would be no better.
        var isNamingRefused = false
    }

    /// One step towards a full pool, at most one piece of writing; for the background thread.
    ///
    /// - Parameters:
    ///   - nextNumber: the segment that will be needed next.
    ///   - isRoomy: whether the volume has room for some more files. Else a file is never risked for which
    ///     blocks might have to be found anew.
    /// - Returns: whether there is more to do. That a file was refused says `reserve`.
    func prepareStep(nextNumber: UInt64, isRoomy: Bool) throws(LogError) -> Bool {
        try preparing.withLock { preparing throws(LogError) in
            if try obtain(&preparing) { return true }
            if isRoomy, try blank(&preparing) { return true }
            if try makeReady(nextNumber) { return true }
            return try fill(&preparing)
        }
    }

    /// Makes names or one file, where there are too few; a millisecond or two of the disk's.
    ///
    /// - Returns: whether it did.
    func obtainStep() throws(LogError) -> Bool {
        try preparing.withLock { preparing throws(LogError) in try obtain(&preparing) }
    }

    /// The volume may have room again for what it refused.
    func retryRefused() {
        logNames.retryRefused()
        poolNames.retryRefused()
        preparing.withLock { preparing in
            preparing.isPausing = false
            preparing.isZeroingPausing = false
            preparing.isNamingRefused = false
        }
    }

    /// Writes the headers of the segment that comes next, so that a roll need not.
    private func makeReady(_ number: UInt64) throws(LogError) -> Bool {
        let spare = files.withLock { files in files.ready == nil ? files.spares.popLast() : nil }
        guard let spare else { return false }
        let candidate: Candidate
        do throws(LogError) {
            candidate = try LogError.obtaining { () throws(DiskError) in
                let path = PoolFileKind.spare.path(spare)
                let candidate = Candidate(
                    path: path, file: try fileSystem.openFile(path, for: .readingAndWriting),
                    header: header(number), isFilled: true)
                try writeHeaders(of: candidate)
                try candidate.file.sync()
                return candidate
            }
        } catch {
            if !error.isFatal { files.withLock { $0.spares.append(spare) } }
            throw error
        }
        // One that was given back meanwhile stays in the pool as what its name says.
        let other = files.withLock { files in
            defer { files.ready = candidate }
            return files.ready
        }
        if let other { keep(other) }
        return true
    }

    /// Makes names, or one file more, where there are too few.
    private func obtain(_ preparing: inout Preparing) throws(LogError) -> Bool {
        let hasNamed = try LogError.obtaining { () throws(DiskError) in
            // Both are looked at: what one directory has room for the other may not.
            let isInLog = try logNames.restore()
            return try poolNames.restore() || isInLog
        }
        if hasNamed { return true }
        guard files.withLock({ $0.count < fileCountTarget }) else {
            files.withLock { $0.isRefused = false }
            return false
        }
        if preparing.isPausing { return false }
        do throws(LogError) {
            let name = takeName()
            try LogError.obtaining { () throws(DiskError) in
                let file = try allocate(name, byteCount: identity.segmentByteCount)
                do throws(DiskError) {
                    try makeBlank(name, file)
                } catch {
                    guard error.call == .rename, error.isNoSpace else { throw error }
                    try? fileSystem.remove(PoolFileKind.raw.path(name))
                    throw error
                }
            }
            files.withLock { $0.blanks.append(name) }
            return true
        } catch {
            guard case .full = error else { throw error }
            preparing.isPausing = true
            files.withLock { $0.isRefused = true }
            return false
        }
    }

    /// Makes a file of no account blank, where the file system can do that without writing it: to fill one
    /// takes seconds, in which the log would have to make new files, and what comes back would have to go.
    private func blank(_ preparing: inout Preparing) throws(LogError) -> Bool {
        if preparing.isZeroingUnsupported || preparing.isZeroingPausing { return false }
        guard let raw = files.withLock({ $0.beginWork(.raw) }) else { return false }
        let kind = try zero(raw, &preparing)
        files.withLock { $0.endWork(raw, as: kind) }
        return kind == .blank
    }

    /// - Returns: what the file is now; nil where it is gone.
    private func zero(
        _ raw: UInt64, _ preparing: inout Preparing
    ) throws(LogError) -> PoolFileKind? {
        do throws(LogError) {
            return try LogError.obtaining { () throws(DiskError) in
                let file = try open(raw, .raw)
                guard try file.allocateZeros(byteCount: identity.segmentByteCount) else {
                    preparing.isZeroingUnsupported = true
                    return .raw
                }
                try makeBlank(raw, file)
                return .blank
            }
        } catch {
            guard case .full(let reason) = error else { throw error }
            preparing.isZeroingPausing = true
            return reason.call == .allocate ? try regain(raw) : .raw
        }
    }

    /// A file that could not be zeroed may have lost blocks. It gets them back, or is no file to go on in.
    ///
    /// - Returns: what it is now; nil where it is gone.
    private func regain(_ raw: UInt64) throws(LogError) -> PoolFileKind? {
        do throws(LogError) {
            try LogError.obtaining { () throws(DiskError) in
                try open(raw, .raw).allocate(byteCount: identity.segmentByteCount)
            }
            return .raw
        } catch {
            guard case .full = error else { throw error }
            try LogError.writing { () throws(DiskError) in
                try fileSystem.remove(PoolFileKind.raw.path(raw))
                try fileSystem.syncDirectory(DirectoryLayout.pool)
            }
            return nil
        }
    }

    /// Has the name of a raw file say that it is blank, once that is certain.
    private func makeBlank(_ raw: UInt64, _ file: any File) throws(DiskError) {
        try file.sync()
        try poolNames.rename(PoolFileKind.raw.path(raw), to: PoolFileKind.blank.path(raw))
        try fileSystem.syncDirectory(DirectoryLayout.pool)
    }

    private func open(_ name: UInt64, _ kind: PoolFileKind) throws(DiskError) -> any File {
        try fileSystem.openFile(kind.path(name), for: .readingAndWriting)
    }

    /// Writes one piece of zeros: into files of no account, which are of no use before, then into
    /// blank ones.
    private func fill(_ preparing: inout Preparing) throws(LogError) -> Bool {
        if preparing.isNamingRefused { return false }
        if preparing.filling == nil { preparing.filling = try beginFilling() }
        guard var filling = preparing.filling.take() else { return false }
        do throws(LogError) {
            try LogError.obtaining { () throws(DiskError) in
                filling.done += try fillPiece(of: filling.file, at: filling.done)
                guard filling.done == identity.segmentByteCount else { return }
                try poolNames.rename(
                    filling.kind.path(filling.name), to: PoolFileKind.spare.path(filling.name))
            }
        } catch {
            let stopped = filling
            files.withLock { $0.endWork(stopped.name, as: stopped.kind) }
            if case .full = error { preparing.isNamingRefused = true }
            throw error
        }
        guard filling.done == identity.segmentByteCount else {
            preparing.filling = filling
            return true
        }
        let name = filling.name
        files.withLock { $0.endWork(name, as: .spare) }
        return true
    }

    private func beginFilling() throws(LogError) -> Preparing.Filling? {
        let next = files.withLock { files -> (name: UInt64, kind: PoolFileKind)? in
            if let name = files.beginWork(.raw) { return (name, .raw) }
            // Some stay blank: a reserve that is never used need not be written.
            guard files.filledCount < Self.filledCountTarget else { return nil }
            return files.beginWork(.blank).map { ($0, .blank) }
        }
        guard let next else { return nil }
        return try LogError.obtaining { () throws(DiskError) in
            Preparing.Filling(
                name: next.name, kind: next.kind, file: try open(next.name, next.kind))
        }
    }
}
