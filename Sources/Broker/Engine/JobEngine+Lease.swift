internal import HoldfastModel
internal import HoldfastMutants
internal import HoldfastPages
package import HoldfastRecords

/// Walks the valid entries of a lane without changing it.
struct LaneCursor {
    private var cursor: Lane.Cursor
    private let mayBeStale: Bool
    /// The entry that would be popped next.
    private(set) var head: LaneEntry?

    init(_ number: LaneNumber, _ engine: borrowing JobEngine) {
        let lane = engine.queues.lane(number)
        cursor = Lane.Cursor(lane.pointee)
        mayBeStale = lane.pointee.staleCount > 0
        advance(engine)
    }

    @inline(__always)
    mutating func advance(_ engine: borrowing JobEngine) {
        repeat {
            head = cursor.next(engine.pages)
        } while mayBeStale
            && head.map { !engine.isLive($0.lsn) } ?? false
    }
}

/// How many bytes a lease may still bring along.
private struct LeaseBudget {
    private var byteCount: Int
    private let byteCountEach: Int

    init(byteCountMax: Int, byteCountEach: Int) {
        byteCount = byteCountMax
        self.byteCountEach = byteCountEach
    }

    /// Whether the job fits in; the first always does.
    @inline(__always)
    mutating func take(_ entry: LaneEntry, isFirst: Bool) -> Bool {
        let needed = Int(entry.contentByteCount) + byteCountEach
        guard needed <= byteCount || isFirst else { return false }
        byteCount -= needed
        return true
    }
}

extension JobEngine {
    /// Every how many grants of a queue the oldest lane head goes first, so that nothing starves.
    private static var agingPeriod: UInt32 { 8 }

    /// Leases up to `count` jobs of a queue (at most `Limits.itemCountMax`): the highest priority
    /// first, retries before the rest, in order; every eighth grant the oldest of the lanes' heads.
    ///
    /// - Parameters:
    ///   - byteCountMax: where the leases end, in bytes of the jobs' contents and
    ///   - byteCountEach: so many beside each of them; one job is leased whatever its size.
    ///   - durationMilliseconds: 0 = the queue's visibility timeout.
    ///   - owner: whom `expireLeases` asks about; not part of the state.
    ///   - deliveries: gets one appended for each lease, in the order of the grants.
    /// - Throws: `badArgument`, `unknownQueue`, and `tooManyLeases` where there are ready jobs but no
    ///   lease left for the first of them.
    package mutating func lease(
        from queue: QueueID, count: Int, byteCountMax: Int = .max, byteCountEach: Int = 0,
        durationMilliseconds: UInt32, owner: UInt32, into batch: RecordBatch,
        deliveries: inout [Delivery]
    ) throws(Refusal) {
        try mustBeLive(queue)
        let duration: UInt32
        if durationMilliseconds == 0 {
            duration = queues[Int(queue.rawValue)].pointee.policy.visibilityTimeoutMilliseconds
        } else {
            guard durationMilliseconds >= Limits.leaseMillisecondsMin,
                durationMilliseconds <= Limits.leaseMillisecondsMax
            else {
                throw Refusal(code: .badArgument, message: "a lease is 1 s to 12 h long")
            }
            duration = durationMilliseconds
        }
        let ready = queues[Int(queue.rawValue)].pointee.readyCount
        guard count > 0, ready > 0 else { return }
        guard leases.count < configuration.leaseCountMax else {
            throw Refusal(
                code: .tooManyLeases,
                message: "\(leases.count) jobs are leased, as many as may be; try again later",
                retryAfterMilliseconds: 1_000)
        }
        choose(
            min(count, ready, configuration.leaseCountMax - leases.count, Limits.itemCountMax),
            from: queue, LeaseBudget(byteCountMax: byteCountMax, byteCountEach: byteCountEach))
        // Only where a page is missing there may be none.
        guard !pending.isEmpty else { return }
        let target = Mutant.leaseNotLogged.isOn ? Self.unloggedBatch(behind: batch) : batch
        let lsn = pending.withUnsafeBufferPointer {
            LeaseRecord.append(queue: queue, durationMilliseconds: duration, $0, to: target)
        }
        applyAppended(lsn, of: target)
        if Mutant.leaseNotLogged.isOn { lastLSN -= 1 }
        for item in pending {
            guard let slot = leases.slot(of: item.lsn) else { continue }
            leases.wheel[slot].pointee.owner = owner
            deliveries.append(delivery(of: leases[slot]))
        }
        pending.removeAll(keepingCapacity: true)
    }

    /// Where `Mutant.leaseNotLogged` puts its record: into a batch that nobody writes.
    private static func unloggedBatch(behind batch: RecordBatch) -> RecordBatch {
        let unlogged = RecordBatch()
        unlogged.open(firstLSN: batch.nextLSN, frameTime: batch.frameTime)
        return unlogged
    }

    /// Puts the next `count` ready jobs, of which there are as many, into `pending`, or fewer where
    /// the budget ends.
    private mutating func choose(_ count: Int, from queue: QueueID, _ budget: LeaseBudget) {
        var budget = budget
        let state = queues[Int(queue.rawValue)].pointee
        if state.laneMask & (state.laneMask - 1) == 0 {
            let priority = UInt8(state.laneMask.trailingZeroBitCount)
            var cursor = LaneCursor(LaneNumber(queue: queue, priority: priority), self)
            for _ in 0..<count {
                guard choose(&cursor, priority, &budget) else { return }
            }
            return
        }
        withUnsafeTemporaryAllocation(of: LaneCursor.self, capacity: QueueState.laneCount) {
            cursors in
            for priority in 0...Limits.priorityMax {
                (cursors.baseAddress.unsafelyUnwrapped + Int(priority)).initialize(
                    to: LaneCursor(LaneNumber(queue: queue, priority: priority), self))
            }
            for grant in 0..<count {
                let isAging =
                    (state.grantCount &+ UInt32(grant)) % Self.agingPeriod == Self.agingPeriod - 1
                var chosen = -1
                for priority in stride(from: QueueState.laneCount - 1, through: 0, by: -1) {
                    guard let head = cursors[priority].head else { continue }
                    if chosen < 0 {
                        chosen = priority
                        if !isAging { break }
                    } else if let oldest = cursors[chosen].head,
                        (head.enqueuedSecond, head.lsn) < (oldest.enqueuedSecond, oldest.lsn)
                    {
                        chosen = priority
                    }
                }
                guard chosen >= 0, choose(&cursors[chosen], UInt8(chosen), &budget) else { break }
            }
            cursors.deinitialize()
        }
    }

    @inline(__always)
    private mutating func choose(
        _ cursor: inout LaneCursor, _ priority: UInt8, _ budget: inout LeaseBudget
    ) -> Bool {
        guard let head = cursor.head, budget.take(head, isFirst: pending.isEmpty) else {
            return false
        }
        pending.append(
            PendingItem(lsn: head.lsn, version: head.version &+ 1, priority: priority))
        cursor.advance(self)
        return true
    }

    @inline(__always)
    private func delivery(of lease: Lease) -> Delivery {
        guard lease.hasState, let state = jobState(lease.lsn) else {
            return Delivery(
                lsn: lease.lsn, version: lease.version, attempt: 1, interruptions: 0, timeouts: 0,
                releases: 0, priority: lease.lane.priority,
                durationMilliseconds: lease.durationMilliseconds, hasCheckpoint: false)
        }
        return Delivery(
            lsn: lease.lsn, version: lease.version, attempt: state.attempts &+ 1,
            interruptions: state.interruptions, timeouts: state.timeouts, releases: state.releases,
            priority: lease.lane.priority, durationMilliseconds: lease.durationMilliseconds,
            hasCheckpoint: state.has(JobStateValue.checkpointFlag))
    }
}
