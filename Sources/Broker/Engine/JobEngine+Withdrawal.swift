internal import HoldfastModel
internal import HoldfastPages

/// A live job that has no home for the moment.
struct WithdrawnJob {
    let lsn: UInt64
    let lane: LaneNumber
    let version: UInt32
    let enqueuedSecond: UInt32
    let contentByteCount: UInt32
    /// What the map says of it, that it is ready; nil where it says nothing.
    let state: JobStateValue?
    let wasReady: Bool

    /// Its state, made where it has none.
    var known: JobStateValue {
        state
            ?? JobStateValue(
                .ready, lane: lane, enqueuedSecond: enqueuedSecond,
                contentByteCount: contentByteCount)
    }
}

/// Jobs out of homes that a record behind a gap knows nothing of.
extension JobEngine {
    /// How far a lane is searched for a job before it is written anew without it. The jobs before one
    /// that a record has found gone from its lane had left before it.
    private static var nearCountMax: Int { 4_096 }

    /// The version of a job that lives.
    func version(of lsn: UInt64) -> UInt32? {
        switch place(of: lsn) {
        case .gone: nil
        case .leased(let slot): leases[slot].version
        case .known(let state): state.version
        case .fresh: 0
        }
    }

    /// Takes a job out of its home, which it needs another one for at once.
    ///
    /// - Returns: nil where it does not live, where its delay is not over, or where a page is missing.
    mutating func withdraw(_ lsn: UInt64) -> WithdrawnJob? {
        switch place(of: lsn) {
        case .gone:
            return nil
        case .leased(let slot):
            let lease = leases[slot]
            let state = knownState(of: lease)
            guard !lease.hasState || state != nil else { return nil }
            endLease(slot, lease)
            return WithdrawnJob(
                lsn: lsn, lane: lease.lane, version: lease.version,
                enqueuedSecond: lease.enqueuedSecond, contentByteCount: lease.contentByteCount,
                state: state, wasReady: false)
        case .known(let state):
            return withdraw(lsn, state)
        case .fresh:
            guard let lane = lane(ofFresh: lsn), let entry = takeFromLane(lsn, lane) else {
                return nil
            }
            return WithdrawnJob(
                lsn: lsn, lane: lane, version: entry.version, enqueuedSecond: entry.enqueuedSecond,
                contentByteCount: entry.contentByteCount, state: nil, wasReady: true)
        }
    }

    private mutating func withdraw(_ lsn: UInt64, _ state: JobStateValue) -> WithdrawnJob? {
        var state = state
        let wasReady = state.home == .ready
        let queue = queues[state.lane.queue]
        switch state.home {
        case .ready:
            guard takeFromLane(lsn, state.lane) != nil else { return nil }
        case .delayed:
            delayed.remove(DelayedJob(dueMilliseconds: state.dueMilliseconds, lsn: lsn), &map)
            Self.countOut(&queue.pointee.delayedCount, pages)
        case .dead:
            dead.remove(state.deathNumber, queue: state.lane.queueID, &map)
            Self.countOut(&queue.pointee.deadCount, pages)
        case .leased, .done:
            return nil
        }
        if !wasReady {
            state.home = .ready
            state.dueMilliseconds = 0
            state.deathReason = 0
            state.diedMilliseconds = 0
            state.deathNumber = 0
            map.setJobState(lsn, state)
        }
        return WithdrawnJob(
            lsn: lsn, lane: state.lane, version: state.version,
            enqueuedSecond: state.enqueuedSecond, contentByteCount: state.contentByteCount,
            state: state, wasReady: wasReady)
    }

    /// Gives a job without a home a lease.
    mutating func grant(
        _ job: WithdrawnJob, version: UInt32, grantLSN: UInt64, durationMilliseconds: UInt32
    ) {
        leases.insert(
            Lease(
                lsn: job.lsn, grantLSN: grantLSN, version: version, lane: job.lane,
                enqueuedSecond: job.enqueuedSecond, contentByteCount: job.contentByteCount,
                durationMilliseconds: durationMilliseconds,
                flags: job.state == nil ? 0 : Lease.stateFlag))
        queues[job.lane.queue].pointee.leasedCount += 1
    }

    // MARK: Lanes

    /// Where a job that is as it was born is ready; nil where it is delayed.
    mutating func lane(ofFresh lsn: UInt64) -> LaneNumber? {
        if gap?.lanes == nil {
            let lanes = findFresh()
            gap?.lanes = lanes
        }
        if let lane = gap?.lanes?.lane(of: lsn) { return lane }
        // A record presupposes that it is due, and may be the first to say so.
        let now = gap?.frameTime ?? frameTime
        _ = makeDueReady(through: DelayedJob(dueMilliseconds: now, lsn: .max))
        // Its queue may be gone since, or never have been: a place may say anything.
        return gap?.lanes?.lane(of: lsn).flatMap { queues.isLive($0.queueID) ? $0 : nil }
    }

    private func findFresh() -> FreshLanes {
        var lanes = FreshLanes()
        for number in 0..<queues.count where queues[number].pointee.isLive {
            for priority in 0...Limits.priorityMax {
                let lane = LaneNumber(queue: QueueID(rawValue: UInt32(number)), priority: priority)
                // None of them is among the returned ones.
                queues.lane(lane).pointee.fresh.forEach(pages) { entry in
                    if !entry.hasState { lanes.insert(entry.lsn, lane) }
                }
            }
        }
        return lanes
    }

    /// Makes all delayed jobs ready up to and including this one.
    ///
    /// - Returns: how many; fewer where a page is missing.
    mutating func makeDueReady(through last: DelayedJob) -> Int {
        var count = 0
        while let job = delayed.first, job <= last {
            if let place = delayed.place(of: job, map), !place.hasState {
                gap?.lanes?.insert(job.lsn, place.lane)
            }
            do throws(RecordFault) { _ = try moveDue(through: job) } catch { return count }
            count += 1
        }
        return count
    }

    /// Takes a ready job out of its lane and counts it out. The jobs before it must have left the lane
    /// in the gap, unless the order is another one here: those are delayed.
    private mutating func takeFromLane(_ lsn: UInt64, _ number: LaneNumber) -> LaneEntry? {
        guard isNearFront(lsn, number) else { return sweep(number, without: lsn) }
        while let entry = popReady(number) {
            if entry.lsn == lsn { return entry }
            delayOvertaken(entry, number)
        }
        return nil
    }

    private func isNearFront(_ lsn: UInt64, _ number: LaneNumber) -> Bool {
        var cursor = LaneCursor(number, self)
        for _ in 0..<Self.nearCountMax {
            guard let head = cursor.head else { return false }
            if head.lsn == lsn { return true }
            cursor.advance(self)
        }
        return false
    }

    /// A job that came out of its lane before its turn was leased in the gap, or ended there: as if its
    /// lease had begun now, but without its token and without an attempt.
    private mutating func delayOvertaken(_ entry: LaneEntry, _ lane: LaneNumber) {
        var state =
            jobState(entry.lsn)
            ?? JobStateValue(
                .delayed, lane: lane, enqueuedSecond: entry.enqueuedSecond,
                contentByteCount: entry.contentByteCount)
        let timeout = queues[lane.queue].pointee.policy.visibilityTimeoutMilliseconds
        let (due, isBeyond) = (gap?.frameTime ?? frameTime).addingReportingOverflow(Int64(timeout))
        state.home = .delayed
        state.dueMilliseconds = isBeyond ? .max : due
        map.setJobState(entry.lsn, state)
        delay(entry.lsn, state)
        gap?.counts.overtakenJobCount += 1
    }
}
