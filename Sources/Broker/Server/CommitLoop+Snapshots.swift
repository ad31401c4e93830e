internal import HoldfastEngine
internal import HoldfastPages
internal import HoldfastRecords
internal import HoldfastStore
internal import HoldfastWAL
internal import Logging
internal import NIOCore

// Snapshots: when they are taken, and what becomes of them. Taking one is a matter of a
// millisecond on the core loop; the writing is done in the background.
extension CommitLoop {
    private static let idleCheckSeconds: Int64 = 1
    /// After a snapshot for which there was no space.
    private static let retryMilliseconds: Int64 = 1_000

    /// Called when a batch is handed over, or nothing gathers: the engine has the records of what
    /// was handed over and none behind them.
    ///
    /// - Parameter batch: what is about to be appended.
    func takeSnapshotIfDue(with batch: RecordBatch? = nil) {
        guard !upkeep.isBusy,
            pace.isDue(
                dirtyPageCount: engine.pages.dirtyPageCount, logByteCountMax: scarceLogByteCountMax)
                || isWaitingForSegments && upkeep.wouldGain(through: engine.lastLSN),
            clock.bootMilliseconds >= snapshotNotBeforeBootMilliseconds
        else { return }
        takeSnapshot(with: batch)
    }

    private func takeSnapshot(with batch: RecordBatch? = nil) {
        let ranges = upkeep.rangesToCount(through: engine.lastLSN, handedOver: batch?.firstLSN)
        let groups = upkeep.wantedGroups
        let survivors = groups.joined().compactMap(\.lsns).flatMap { engine.liveJobs(in: $0) }
        let image = engine.freeze(liveCountsIn: ranges)
        // A page that could not be read was taken for an empty one, and its jobs for done.
        checkPages()
        pace.began(byteCount: image.byteCount)
        counters.snapshotsBegun += 1
        upkeep.begin(image, ranges: ranges, groups: groups, survivors: survivors)
        background?.wake()
    }

    /// Takes a snapshot of a broker without work where a segment's space would come back by it, and
    /// lets the scrubber have its time.
    func beginIdleChecks() {
        idleCheck = eventLoop.scheduleRepeatedTask(
            initialDelay: .seconds(Self.idleCheckSeconds), delay: .seconds(Self.idleCheckSeconds)
        ) { _ in
            self.lookAtSpace()
            self.takeSnapshotIfIdle()
            self.scrubIfDue()
        }
    }

    private func takeSnapshotIfIdle() {
        guard isIdle(forMilliseconds: idleMilliseconds), !upkeep.isBusy,
            clock.bootMilliseconds >= snapshotNotBeforeBootMilliseconds
        else { return }
        let lastLSN = engine.lastLSN
        if upkeep.wantsSnapshot(through: lastLSN) { return takeSnapshot() }
        // Without a new record no other segment has come to be without jobs.
        guard lastLSN != nothingFreeLSN else { return }
        let wouldFree = upkeep.wouldFreeSegment(through: lastLSN) { engine.liveCount(in: $0) }
        checkPages()
        engine.pages.trim()
        if wouldFree { takeSnapshot() } else { nothingFreeLSN = lastLSN }
    }

    /// Called after each piece of upkeep.
    func takeSnapshotOutcome() {
        guard let outcome = upkeep.takeOutcome() else { return }
        switch outcome {
        case .committed(let frozen):
            engine.pages.committed(frozen)
            counters.snapshots += 1
        case .abandoned(let frozen, let error):
            engine.pages.abandoned(frozen)
            counters.snapshotsAbandoned += 1
            logger.warning("no space for a snapshot; it is tried again later: \(error)")
            snapshotNotBeforeBootMilliseconds =
                clock.bootMilliseconds + Self.retryMilliseconds
            eventLoop.scheduleTask(in: .milliseconds(Self.retryMilliseconds)) {
                self.beginPass()
            }
        }
        // The next one may be due already, and requests be waiting for it.
        beginPass()
        resumeReading()
    }

    /// A page of the state that could not be read back was taken for an empty one, or a decision did
    /// not fit the state: nothing that was decided may leave.
    func checkPages() {
        if let failure = engine.pages.failure {
            PageSuspicion.note("\(failure)", in: directory.fileSystem)
            FailStop.exit(
                failure.isContradiction ? .stateContradicts : .storageFailed,
                "the state cannot be used: \(failure)")
        }
    }

    /// Writes a snapshot of the end, on the calling thread. When nothing else goes on any more.
    func finishSnapshots() throws {
        idleCheck?.cancel()
        try finishSnapshot()
        guard engine.lastLSN > upkeep.snapshotLSN else { return }
        takeSnapshot()
        try finishSnapshot()
    }

    private func finishSnapshot() throws {
        while upkeep.isBusy {
            _ = try upkeep.step()
            takeSnapshotOutcome()
        }
    }
}
