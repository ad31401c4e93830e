internal import HoldfastDisk
internal import HoldfastMutants
package import HoldfastRecords
internal import Synchronization

/// The log: records in, durable, and out again by LSN or all of them in order.
///
/// One thread appends; any thread reads and asks for the status; a background thread prepares
/// spare segments. After a failed write or sync it takes nothing more: what is on the disk is then
/// unknown, and memory may be ahead of it, so the process has to end and to open the log again.
package final class WriteAheadLog: Sendable {
    private struct Writing {
        var segment: SegmentWriter
        /// What that begins with.
        var start: StartMark
        var nextLSN: LSN
        var frameTime: Int64
        var isClosed = false
    }

    package let recovery: LogRecoveryReport
    /// Where the first batch has to start.
    package let firstNextLSN: LSN
    package let identity: StoreIdentity

    let directory: DataDirectory
    private let epoch: UInt32
    private let clocks: StartMark
    let pool: SegmentPool
    let catalog: SegmentCatalog
    /// Of this opening, padding included.
    private let frameByteCount = Atomic<Int>(0)
    let scrubber = Mutex(Scrubber())
    private let writing: Mutex<Writing>
    private let lastDurableLSN: Atomic<LSN>
    /// The error after which nothing goes on.
    private let failure = Mutex<LogError?>(nil)

    /// Opens the log of a store: replays it, makes its end durable and begins a new segment.
    ///
    /// - Parameters:
    ///   - start: the clocks, the boot and the program of this opening.
    ///   - origin: what a snapshot says; nil where there is none, so that the log must begin with its
    ///     first record. Segments that it neither lists nor needs are put away.
    ///   - spareSegmentCount: files that are kept besides the segments, in which the log goes on where the
    ///     volume is full.
    ///   - passing: is told of each damage, which is passed then; nil where damage is refused. Passed
    ///     damage is met again by the next opening from the same origin: nothing may be served before
    ///     snapshots lie behind it.
    ///   - begin: is told the number of this opening, before the first record is replayed. What it
    ///     throws ends the opening.
    ///   - beforeChange: is called when nothing is left that could be refused, and nothing has been
    ///     changed.
    ///   - replay: gets every record behind the origin in order, less those that are missing. The body is valid during the call.
    ///     What it throws ends the opening.
    /// - Throws: `damaged`, `unreadable`, `olderThanSnapshot` and `snapshotMissing` before the first
    ///   change on disk.
    package static func open(
        _ directory: DataDirectory, start: LogStart, from origin: LogOrigin? = nil,
        spareSegmentCount: Int = LogReserve.fileCountDefault,
        passing: ((LogDamage) -> Void)? = nil,
        begin: (_ epoch: UInt32) throws -> Void = { _ in },
        beforeChange: () throws(LogError) -> Void = {},
        replay: (_ lsn: LSN, _ frameTime: Int64, _ body: UnsafeRawBufferPointer) throws -> Void
    ) throws(LogError) -> WriteAheadLog {
        var recovery = try LogRecovery(
            directory.fileSystem, from: origin, passing: passing)
        do {
            try begin(recovery.epoch)
        } catch {
            throw .unreadable(lsn: origin?.lastLSN ?? 0, reason: "\(error)")
        }
        try recovery.run(replay)
        try beforeChange()
        let pool = try LogError.reading { () throws(DiskError) in
            try SegmentPool(
                directory, alignment: directory.fileSystem.blockByteCount,
                fileCountTarget: spareSegmentCount)
        }
        let opening = LogOpening(directory, recovery, start: start)
        let (segment, uncopiedByteCount) = try opening.begin(pool)
        let quarantine = try LogError.reading { () throws(DiskError) in
            try QuarantineUse(in: directory.fileSystem)
        }
        return try WriteAheadLog(
            opening, pool, segment,
            opening.report(uncopiedByteCount: uncopiedByteCount, quarantine))
    }

    private init(
        _ opening: LogOpening, _ pool: SegmentPool, _ segment: SegmentWriter,
        _ report: LogRecoveryReport
    ) throws(LogError) {
        let recovery = opening.recovery
        directory = opening.directory
        identity = opening.directory.identity
        self.pool = pool
        epoch = opening.goesOnInLast ? opening.epoch - 1 : opening.epoch
        firstNextLSN = recovery.sequence.nextLSN
        clocks = StartMark(
            clocks: opening.start, timeBaseMilliseconds: opening.timeBaseMilliseconds,
            previousNumber: 0, previousCut: 0, previousTailChecksum: 0)
        self.recovery = report
        lastDurableLSN = Atomic(firstNextLSN - 1)
        writing = Mutex(
            Writing(
                segment: segment, start: opening.startMark, nextLSN: firstNextLSN,
                frameTime: opening.frameTimeMin))
        let index = try LogError.reading { () throws(DiskError) in
            try SegmentIndex.scanning(
                SegmentReader(file: segment.file, header: segment.header),
                firstLSN: segment.firstLSN, end: segment.end,
                nextLSN: opening.recovery.sequence.nextLSN
            ).index
        }
        catalog = SegmentCatalog(
            directory.fileSystem, sealed: recovery.chain.compacted + recovery.sealed,
            last: recovery.sealed.last, lastIndex: recovery.lastIndex, active: segment,
            activeIndex: index, nextLSN: firstNextLSN)
    }

    /// The last LSN that is on the disk.
    package var durableLSN: LSN { lastDurableLSN.load(ordering: .acquiring) }

    // MARK: Writing

    /// What a batch takes of the log, in bytes: a small one as much as a block of the disk.
    package func frameByteCount(of batch: RecordBatch) -> Int {
        LogFormat.padded(batch.byteCount, to: directory.fileSystem.blockByteCount)
    }

    /// Makes a batch durable as one frame. Returns when it is; on an error it may or may not be in
    /// the log, and nobody may be told that it is. For one thread at a time.
    ///
    /// The batch follows the one before (`firstLSN`, and a `frameTime` that is not lower), and has
    /// at least one record; any other is a mistake of the caller's.
    package func append(_ batch: RecordBatch) throws(LogError) {
        try checkUsable()
        try poisoning { () throws(LogError) in
            try writing.withLock { writing throws(LogError) in
                if writing.isClosed { throw .closed }
                precondition(!batch.isEmpty, "a batch without records takes no frame")
                precondition(batch.firstLSN == writing.nextLSN, "LSNs have no gaps")
                precondition(batch.frameTime >= writing.frameTime, "frame time never decreases")
                if !writing.segment.hasRoom(forFrameOf: batch.byteCount) {
                    try roll(&writing, forFrameOf: batch.byteCount)
                } else if !writing.segment.isFilled, pool.isReady, pool.reserve.isWhole {
                    // For speed only: where the volume has no room for that, this one still has, and
                    // the rest of it would be lost to a reserve that is not whole.
                    do throws(LogError) {
                        try roll(&writing, forFrameOf: batch.byteCount)
                    } catch {
                        if error.isFatal { throw error }
                    }
                }
                let offset = try LogError.writing { () throws(DiskError) in
                    try writing.segment.append(
                        batch, epoch: epoch, durableLSN: writing.nextLSN - 1)
                }
                writing.nextLSN = batch.nextLSN
                writing.frameTime = batch.frameTime
                catalog.add(batch, at: offset, writer: writing.segment)
                frameByteCount.add(writing.segment.end - offset, ordering: .relaxed)
                lastDurableLSN.store(batch.lastLSN, ordering: .releasing)
            }
        }
    }

    /// Goes on in the next segment. Its name and then its START are durable before any frame is.
    private func roll(_ writing: inout Writing, forFrameOf byteCount: Int) throws(LogError) {
        let fileSystem = directory.fileSystem
        let full = writing.segment
        let alignment = fileSystem.blockByteCount
        let needed =
            3 * alignment
            + LogFormat.padded(LogFormat.frameHeaderByteCount + StartMark.byteCount, to: alignment)
            + LogFormat.padded(byteCount, to: alignment)
        let candidate = try pool.takeForRoll(number: full.number + 1, byteCount: needed)
        let path = DirectoryLayout.segment(candidate.header.number)
        do throws(LogError) {
            try LogError.obtaining { () throws(DiskError) in
                try pool.logNames.rename(candidate.path, to: path)
            }
        } catch {
            pool.giveBack(candidate)
            throw error
        }
        var start = clocks
        if writing.nextLSN == full.firstLSN {
            // There is nothing in it: the new one takes its place.
            start.previousNumber = writing.start.previousNumber
            start.previousCut = writing.start.previousCut
            start.previousTailChecksum = writing.start.previousTailChecksum
        } else {
            start.previousNumber = full.number
            start.previousCut = full.end
            // Never written, so zeros: a segment's file is filled with them or only reserved.
            start.previousTailChecksum = Checksum.crc32c(
                zeroCount: full.header.frames.upperBound - full.end)
        }
        let mark = Mark.start(start)
        let next = try LogError.writing { () throws(DiskError) in
            if !Mutant.noDirectorySyncAfterRename.isOn {
                try fileSystem.syncDirectory(DirectoryLayout.log)
            }
            try fileSystem.syncDirectory(DirectoryLayout.pool)
            var next = SegmentWriter(
                file: try fileSystem.openFile(path, for: .readingAndWriting),
                header: candidate.header, firstLSN: writing.nextLSN,
                isFilled: candidate.isFilled,
                end: candidate.header.frames.lowerBound)
            try next.append(
                mark, epoch: epoch, nextLSN: writing.nextLSN, durableLSN: writing.nextLSN - 1,
                frameTime: writing.frameTime)
            return next
        }
        writing.segment = next
        writing.start = start
        catalog.roll(to: next)
    }

    /// One step of what is done ahead of time, at most some milliseconds of the disk's: the next
    /// segment's headers, zeroing a file or writing a piece of one, a sidecar, a released segment. For one
    /// background thread.
    ///
    /// - Parameter isRoomy: whether the volume has room for some segments more.
    /// - Returns: whether there is more to do. What a full volume refused, `reserve` says.
    package func prepareSpareSegments(isRoomy: Bool = true) throws(LogError) -> Bool {
        try checkUsable()
        return try poisoning { () throws(LogError) in
            if try recycleLeft() { return true }
            let hasWritten = try LogError.obtaining { () throws(DiskError) in
                try catalog.writeSidecar()
            }
            if hasWritten { return true }
            do throws(LogError) {
                return try pool.prepareStep(
                    nextNumber: catalog.counts.active.number + 1, isRoomy: isRoomy)
            } catch {
                guard case .full = error else { throw error }
                return false
            }
        }
    }

    /// The part of it that comes before all else: names, or one file of the reserve, where there are too few.
    ///
    /// - Returns: whether any was made.
    package func restoreReserve() throws(LogError) -> Bool {
        try checkUsable()
        return try poisoning { () throws(LogError) in try pool.obtainStep() }
    }

    /// What the volume refused is asked for again. Any thread may call.
    package func retryRefused() { pool.retryRefused() }

    /// With what the log goes on where the volume has no room. Any thread may ask.
    package var reserve: LogReserve { pool.reserve }

    /// What the volume has free, in bytes; nil where it does not say.
    package var volumeFreeByteCount: Int? {
        do throws(DiskError) {
            return try directory.fileSystem.space().freeByteCount
        } catch {
            return nil
        }
    }

    /// Bytes that the log can still take without any new file, what one segment cannot hold of a frame
    /// left aside.
    package var reservedByteCount: Int {
        let active = catalog.counts.active
        return max(0, identity.segmentByteCount - active.end)
            + pool.reserve.usableCount * identity.segmentByteCount
    }

    /// Ends the log in order: its last frame says that everything before it is durable, so that
    /// from then on any damage can be told from a torn commit. Waits for an append in progress.
    package func close() throws(LogError) {
        try checkUsable()
        try poisoning { () throws(LogError) in
            try writing.withLock { writing throws(LogError) in
                if writing.isClosed { return }
                writing.isClosed = true
                // Only the smallest segments may have no block left for it. Then the next opening
                // has one commit in doubt, that is all.
                guard writing.segment.hasRoomForMark else { return }
                try LogError.writing { () throws(DiskError) in
                    try writing.segment.append(
                        .end, epoch: epoch, nextLSN: writing.nextLSN,
                        durableLSN: writing.nextLSN - 1, frameTime: writing.frameTime)
                }
            }
            try LogError.writing { () throws(DiskError) in
                while try catalog.writeSidecar() {}
            }
        }
        failure.withLock { $0 = $0 ?? .closed }
    }

    // MARK: Reading

    /// Reads indexed records by LSN, from any thread.
    ///
    /// - Parameters:
    ///   - body: is called once for each LSN asked for, in rising order within each segment; with
    ///     nil where there is no such record, where it is not durable yet, and where what lies
    ///     there is not the record any more. The bytes are valid during the call.
    /// - Throws: `read` where the disk does not answer; LSNs may then be left without a call.
    package func read(
        _ lsns: [LSN], _ body: (LSN, UnsafeRawBufferPointer?) -> Void
    ) throws(LogError) {
        try checkUsable()
        try poisoning { () throws(LogError) in
            // A sidecar that is missing is written here: that write may fail for good.
            let located = try LogError.reading { () throws(DiskError) in
                try catalog.locate(lsns.sorted())
            }
            defer { catalog.letGo(located) }
            for lsn in located.absent { body(lsn, nil) }
            try LogError.reading { () throws(DiskError) in
                for group in located.groups {
                    try RecordReading(file: group.file).read(group.places, body)
                }
            }
        }
    }

    package var status: LogStatus {
        let counts = catalog.counts
        return LogStatus(
            epoch: epoch, durableLSN: durableLSN, segmentCount: counts.segments,
            byteCount: counts.bytes, activeNumber: counts.active.number,
            activeByteCount: counts.active.end, poolFileCount: pool.reserve.fileCount,
            spareCount: pool.spareCount, indexByteCount: counts.indexBytes,
            writtenByteCount: frameByteCount.load(ordering: .relaxed),
            zeroFilledByteCount: pool.zeroFilledByteCount,
            segmentByteCount: identity.segmentByteCount)
    }

    // MARK: Failing

    func checkUsable() throws(LogError) {
        if let failure = failure.withLock({ $0 }) { throw failure }
    }

    func poisoning<Value>(
        _ body: () throws(LogError) -> Value
    ) throws(LogError) -> Value {
        do throws(LogError) {
            return try body()
        } catch {
            if error.isFatal { failure.withLock { $0 = $0 ?? error } }
            throw error
        }
    }
}
