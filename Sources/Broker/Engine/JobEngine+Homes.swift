internal import HoldfastModel
internal import HoldfastPages

/// The steps that records are applied by: from home to home, with the counts.
extension JobEngine {
    /// - Returns: false where a job of that number lives already.
    @inline(__always)
    mutating func insertLive(_ lsn: UInt64) -> Bool {
        guard live.insert(lsn, &map, pages) else { return false }
        jobCount += 1
        return true
    }

    @inline(__always)
    mutating func removeLive(_ lsn: UInt64) {
        if live.remove(lsn, &map, pages) { Self.countOut(&jobCount, pages) }
    }

    /// Takes one from a count. Where there is none to take, the counts are not those of the jobs.
    @inline(__always)
    static func countOut(_ count: inout Int, _ pages: PageSpace) {
        guard count > 0 else { return pages.condemn("there are more jobs than are counted") }
        count -= 1
    }

    // MARK: Lanes

    @inline(__always)
    mutating func pushReady(_ entry: LaneEntry, _ number: LaneNumber, isRetry: Bool) {
        let queue = queues[number.queue]
        let lane = queue.pointee.lanes + Int(number.priority)
        if isRetry {
            lane.pointee.retry.append(entry, pages)
        } else {
            lane.pointee.fresh.append(entry, pages)
        }
        lane.pointee.readyCount += 1
        queue.pointee.laneMask |= 1 << UInt16(number.priority)
        queue.pointee.readyCount += 1
        if queue.pointee.readyCount == 1, !queue.pointee.isReadied {
            queue.pointee.isReadied = true
            readied.append(number.queueID)
        }
    }

    /// Takes the first valid entry of a lane and counts it out; its job's home is for the caller to
    /// change.
    @inline(__always)
    mutating func popReady(_ number: LaneNumber) -> LaneEntry? {
        let lane = queues.lane(number)
        while true {
            let entry: LaneEntry
            if let retried = lane.pointee.retry.popFirst(pages) {
                entry = retried
            } else if let fresh = lane.pointee.fresh.popFirst(pages) {
                entry = fresh
            } else {
                return nil
            }
            if lane.pointee.staleCount > 0, !isLive(entry.lsn) {
                lane.pointee.staleCount -= 1
                staleEntryCount -= 1
                continue
            }
            countOutReady(number)
            return entry
        }
    }

    @inline(__always)
    mutating func countOutReady(_ number: LaneNumber) {
        let queue = queues[number.queue]
        let lane = queue.pointee.lanes + Int(number.priority)
        Self.countOut(&lane.pointee.readyCount, pages)
        Self.countOut(&queue.pointee.readyCount, pages)
        if lane.pointee.readyCount == 0 {
            queue.pointee.laneMask &= ~(1 << UInt16(number.priority))
            if lane.pointee.staleCount > 0 { removeAll(of: lane) }
        }
    }

    /// Takes out all entries, which are stale.
    mutating func removeAll(of lane: UnsafeMutablePointer<Lane>) {
        staleEntryCount -= lane.pointee.staleCount
        lane.pointee.removeAll(pages)
    }

    /// Counts out a ready job that has just ended where it was; its entry is stale from now on.
    mutating func endReady(_ number: LaneNumber) {
        let lane = queues.lane(number)
        lane.pointee.staleCount += 1
        staleEntryCount += 1
        countOutReady(number)
        if lane.pointee.staleCount > max(1_024, lane.pointee.readyCount) {
            sweep(number, without: nil)
        }
    }

    /// Writes a lane anew without its stale entries, so that jobs that are enqueued and cancelled for
    /// ever take no room for ever. The order stays as it was.
    ///
    /// - Parameter lsn: a job that is taken out and counted out too; its home is for the caller to
    ///   change.
    /// - Returns: its entry.
    @discardableResult
    mutating func sweep(_ number: LaneNumber, without lsn: UInt64?) -> LaneEntry? {
        let lane = queues.lane(number)
        var swept = Lane(number)
        swept.readyCount = lane.pointee.readyCount
        staleEntryCount -= lane.pointee.staleCount
        var taken: LaneEntry?
        while let entry = lane.pointee.retry.popFirst(pages) {
            if entry.lsn == lsn {
                taken = entry
            } else if isLive(entry.lsn) {
                swept.retry.append(entry, pages)
            }
        }
        while let entry = lane.pointee.fresh.popFirst(pages) {
            if entry.lsn == lsn {
                taken = entry
            } else if isLive(entry.lsn) {
                swept.fresh.append(entry, pages)
            }
        }
        lane.pointee = swept
        if taken != nil { countOutReady(number) }
        return taken
    }

    // MARK: Ends

    /// Ends a job that is ready, delayed or dead by its state.
    mutating func endUnleased(_ lsn: UInt64, _ state: JobStateValue) {
        removeLive(lsn)
        let queue = queues[state.lane.queue]
        switch state.home {
        case .ready:
            endReady(state.lane)
        case .delayed:
            Self.countOut(&queue.pointee.delayedCount, pages)
            delayed.remove(DelayedJob(dueMilliseconds: state.dueMilliseconds, lsn: lsn), &map)
        case .dead:
            Self.countOut(&queue.pointee.deadCount, pages)
            dead.remove(state.deathNumber, queue: state.lane.queueID, &map)
        case .leased, .done: break
        }
        map.removeJobState(lsn, state)
    }

    /// Ends a leased job.
    @inline(__always)
    mutating func endLeased(_ lsn: UInt64, _ slot: UInt32, _ lease: Lease) {
        if lease.hasState, let state = map.jobState(lsn) { map.removeJobState(lsn, state) }
        leases.remove(slot)
        Self.countOut(&queues[lease.lane.queue].pointee.leasedCount, pages)
        removeLive(lsn)
    }

    // MARK: Leases

    /// The state of a leased job, made where it has none; with the lease's version.
    ///
    /// - Returns: nil where its page is missing.
    func state(ofLease lease: Lease) -> JobStateValue? {
        var state: JobStateValue
        if lease.hasState {
            guard let known = jobState(lease.lsn), known.lane == lease.lane else { return nil }
            state = known
        } else {
            state = JobStateValue(
                .leased, lane: lease.lane, enqueuedSecond: lease.enqueuedSecond,
                contentByteCount: lease.contentByteCount)
        }
        state.version = lease.version
        return state
    }

    /// Takes the lease away; its job's home is for the caller to change.
    mutating func endLease(_ slot: UInt32, _ lease: Lease) {
        Self.countOut(&queues[lease.lane.queue].pointee.leasedCount, pages)
        leases.remove(slot)
    }

    // MARK: Delayed and dead

    mutating func delay(_ lsn: UInt64, _ state: JobStateValue) {
        delayed.insert(
            DelayedJob(dueMilliseconds: state.dueMilliseconds, lsn: lsn),
            DelayedPlace(
                lane: state.lane, enqueuedSecond: state.enqueuedSecond,
                contentByteCount: state.contentByteCount, hasState: true), &map)
        queues[state.lane.queue].pointee.delayedCount += 1
    }

    /// Puts a job at the end of its queue's dead ones.
    mutating func bury(
        _ lsn: UInt64, _ state: inout JobStateValue, _ reason: DeathReason, _ frameTime: Int64
    ) {
        let queue = queues[state.lane.queue]
        state.home = .dead
        state.deathReason = reason.rawValue
        state.diedMilliseconds = frameTime
        state.deathNumber = dead.append(lsn, queue: state.lane.queueID, &map)
        queue.pointee.deadCount += 1
        queue.pointee.totals.died &+= 1
    }
}
