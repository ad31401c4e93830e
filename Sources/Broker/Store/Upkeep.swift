package import HoldfastEngine
package import HoldfastPages
package import HoldfastRecords
package import HoldfastSnapshots
package import HoldfastWAL
internal import Synchronization

/// What is done beside serving, one bounded piece at a time: spare segments, the writing of a
/// snapshot, giving back the segments that nothing needs any more, and the reading of those that
/// nobody asks for.
///
/// The engine's owner hands an image over with `begin` and fetches what became of it with
/// `takeOutcome`; one background thread calls `step`. Neither ever waits for the other.
package final class Upkeep: Sendable {
    package enum Progress: Sendable, Equatable {
        /// There is more to do; a snapshot is being written where `isUrgent`.
        case more(isUrgent: Bool)
        /// A snapshot waits for the log: its last record is not durable yet.
        case waitingForLog
        case idle
    }

    package enum Outcome: @unchecked Sendable {
        case committed(FrozenPages)
        /// There was no space for it. The state is as safe as before, in the log.
        case abandoned(FrozenPages, SnapshotError)
    }

    /// A snapshot that was taken, with the live jobs of each range that was counted.
    struct Order: Sendable {
        let image: EngineImage
        let ranges: [ClosedRange<LSN>]
        /// Jobs that live in the segments that were to be compacted.
        let groups: [[SegmentSummary]]
        let survivors: [LSN]
        var segments: [SnapshotSegment] = []
    }

    struct State {
        var order: Order?
        var outcome: Outcome?
        var isBusy = false
        /// What the next snapshot is asked for, so that it can be compacted.
        var groups: [[SegmentSummary]] = []
        var scrubbing: Scrubbing
        var space = Space()
        /// Whether there was nothing more to do for the background since the last snapshot.
        var isSettled = false
    }

    /// The background thread's own.
    struct Work {
        var writing: (SnapshotWriting, Order)?
        /// Whether all else has its turn before the next snapshot: what the last one has set free would
        /// wait for as long as there is another.
        var isTurnOfOthers = false
        /// Whether a snapshot was committed, or the log became quiet, since files of pages were last looked
        /// for that can go.
        var isTrimming = false
        /// Pages that there is to be room for beyond those that are kept: what snapshots wrote lately.
        var sparePageCount = 0
        /// For what the snapshots' slots were last seen to be long enough; 0 where that is not known.
        var securedSlotByteCount = 0
        /// Whether a file of the reserve was refused since the volume was last looked at.
        var isSpaceRefused = false
        /// The last record when the volume was last looked at, and for how many looks it has been the last.
        var lookedLSN: LSN = 0
        var quietLookCount = 0
        /// Whether there was no room for a compaction since the volume has been full.
        var isCompactionRefused = false
        /// Groups to be compacted, with the jobs that live in them.
        var compacting: [(group: [SegmentSummary], survivors: [LSN])] = []
        /// Salts of compacted segments that no snapshot could list so far.
        var unlisted: Set<UInt64> = []
        /// Segments in use that were not yet looked at whether they are sparse.
        var unexamined: [SnapshotSegment] = []
        var candidates: [Compaction.Candidate] = []
        /// Salts of segments that cannot be compacted, because something in them cannot be read. Their
        /// jobs answer for themselves when they are leased.
        var unreadable: Set<UInt64> = []
    }

    let log: WriteAheadLog
    let snapshots: SnapshotStore
    let state: Mutex<State>
    private let work = Mutex(Work())
    let committedLSN: Atomic<LSN>
    /// A `StorageState`.
    let storage = Atomic<UInt8>(StorageState.normal.rawValue)
    let pageByteCount = Atomic<Int>(0)
    let snapshotByteCount = Atomic<Int>(0)

    let compactedJobCountMax: Int
    /// With so much free the volume could take another reserve.
    let roomyByteCount: Int

    /// - Parameters:
    ///   - scrubByteCountPerSecond: 0 for no scrubbing.
    ///   - compactedJobCountMax: jobs that one round of compaction moves.
    init(
        log: WriteAheadLog, snapshots: SnapshotStore, scrubByteCountPerSecond: Int,
        compactedJobCountMax: Int
    ) {
        self.log = log
        self.compactedJobCountMax = compactedJobCountMax
        roomyByteCount = log.reserve.fileCountTarget * log.identity.segmentByteCount
        self.snapshots = snapshots
        let pace = ScrubPace(
            byteCountPerSecond: scrubByteCountPerSecond,
            pieceByteCount: WriteAheadLog.scrubPieceByteCount)
        state = Mutex(
            State(
                scrubbing: Scrubbing(pace: pace),
                space: Space(reservedPageCount: snapshots.sparePageCount)))
        committedLSN = Atomic(snapshots.newest?.lastLSN ?? 0)
    }

    // MARK: For the engine's owner

    /// Whether a snapshot is being written, or its outcome was not taken yet.
    package var isBusy: Bool { state.withLock { $0.isBusy } }

    /// The last record that the newest snapshot knows; 0 where there is none.
    package var snapshotLSN: LSN { committedLSN.load(ordering: .acquiring) }

    /// What snapshots have written since the start, in bytes: pages, and the files that say where
    /// they are.
    package var writtenByteCount: (pages: Int, snapshots: Int) {
        (pageByteCount.load(ordering: .relaxed), snapshotByteCount.load(ordering: .relaxed))
    }

    /// The ranges of LSNs in which the engine counts the live jobs for a snapshot of now: every
    /// segment that will have been sealed by then consists of whole ones. Only while nothing is
    /// being appended.
    ///
    /// - Parameters:
    ///   - lastLSN: the last record of the snapshot.
    ///   - handedOver: the first record of the batch that is about to be appended, with which the
    ///     segment that is written now may come to its end.
    package func rangesToCount(
        through lastLSN: LSN, handedOver: LSN? = nil
    ) -> [ClosedRange<LSN>] {
        let sealed = log.searchedSegments
        var ranges = sealed.compactMap(\.lsns)
        // What lies between has been given back.
        var next = max(sealed.last?.nextLSN ?? 1, log.activeFirstLSN)
        for border in [handedOver ?? next, lastLSN + 1] where border > next {
            ranges.append(next...(border - 1))
            next = border
        }
        return ranges
    }

    /// Has a snapshot written. Only while not busy.
    ///
    /// - Parameters:
    ///   - image: of the engine with all records of the batch that was handed over last.
    ///   - ranges: in which it counted the live jobs.
    ///   - groups: that were wanted.
    ///   - survivors: the live jobs of these groups.
    package func begin(
        _ image: EngineImage, ranges: [ClosedRange<LSN>], groups: [[SegmentSummary]],
        survivors: [LSN]
    ) {
        state.withLock { state in
            precondition(!state.isBusy, "one snapshot is written at a time")
            state.isBusy = true
            state.order = Order(
                image: image, ranges: ranges, groups: groups, survivors: survivors)
            if !groups.isEmpty { state.groups = [] }
        }
    }

    /// The groups that are to be compacted: of their ranges the live jobs have to be known by their
    /// numbers, some ten thousand, or those of one segment, when the next snapshot is taken.
    package var wantedGroups: [[SegmentSummary]] { state.withLock { $0.groups } }

    /// Whether another snapshot would bring on something that gives space back: segments are to be
    /// compacted, or have been and can go when two snapshots do without them.
    package func wantsSnapshot(through lastLSN: LSN) -> Bool {
        if !wantedGroups.isEmpty { return true }
        let searched = Set(log.searchedSegments.map(\.salt))
        return log.sealedSegments.contains { segment in
            // One that ends with the last record cannot go before another record comes.
            segment.nextLSN <= lastLSN && !searched.contains(segment.salt)
        }
    }

    /// What became of the snapshot that was begun; nil while it is being written.
    package func takeOutcome() -> Outcome? {
        state.withLock { state in
            guard let outcome = state.outcome.take() else { return nil }
            state.isBusy = false
            return outcome
        }
    }

    /// Whether a snapshot of now would lead to a segment becoming free: one whose jobs are all done.
    ///
    /// - Parameter liveCount: live jobs in a range of LSNs.
    package func wouldFreeSegment(
        through lastLSN: LSN, liveCount: (ClosedRange<LSN>) -> Int
    ) -> Bool {
        log.sealedSegments.contains { segment in
            segment.nextLSN <= lastLSN && segment.lsns.map { liveCount($0) == 0 } ?? true
        }
    }

    // MARK: For the background thread

    /// One piece of work, at most some milliseconds of the disk's.
    package func step() throws(StoreFault) -> Progress {
        defer {
            countReserve()
            publishStorageState()
        }
        return try work.withLock { work throws(StoreFault) in
            let isWaiting = state.withLock { $0.order.map { !isDurable($0) } ?? false }
            if !isWaiting, !work.isTurnOfOthers, let order = state.withLock({ $0.order.take() }) {
                try begin(order, &work)
            }
            look(&work)
            if try restoreReserve(&work) { return .more(isUrgent: true) }
            if work.writing != nil {
                switch try write(&work) {
                case .more: return .more(isUrgent: true)
                case .committed:
                    work.isTurnOfOthers = true
                    return .more(isUrgent: true)
                case .waitingForLog: return .waitingForLog
                }
            }
            work.isTurnOfOthers = false
            do throws(LogError) {
                // First what gives space: on a full volume all else has to wait for it. Nor is anything
                // compacted that is about to go.
                let free = snapshots.freeSegments(of: log.sealedSegments)
                    .filter { !work.unlisted.contains($0.salt) }
                if !free.isEmpty {
                    try log.release(free)
                    return .more(isUrgent: false)
                }
            } catch {
                throw .log(error)
            }
            if try trim(&work) { return .more(isUrgent: false) }
            do throws(LogError) {
                if try compact(&work) { return .more(isUrgent: false) }
                if try examine(&work) { return .more(isUrgent: false) }
            } catch {
                throw .log(error)
            }
            if try secureSpace(&work) { return .more(isUrgent: false) }
            let isIdle = state.withLock { state in
                state.isSettled = true
                return state.order == nil
            }
            do throws(LogError) {
                if !isWaiting, try scrub() { return .more(isUrgent: false) }
            } catch {
                throw .log(error)
            }
            if isWaiting { return .waitingForLog }
            return isIdle ? .idle : .more(isUrgent: true)
        }
    }
}
