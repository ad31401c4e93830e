internal import HoldfastModel

/// The steps that records are applied by: from home to home, with the counts.
extension JobEngine {
    @inline(__always)
    mutating func pushReady(_ entry: LaneEntry, _ number: LaneNumber, isRetry: Bool) {
        let queue = queues[number.queue]
        let lane = queue.pointee.lanes + Int(number.priority)
        if isRetry {
            lane.pointee.retry.append(entry, &chunks)
        } else {
            lane.pointee.fresh.append(entry, &chunks)
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
        let lane = queues[number.queue].pointee.lanes + Int(number.priority)
        while true {
            let entry: LaneEntry
            if let retried = lane.pointee.retry.popFirst(&chunks) {
                entry = retried
            } else if let fresh = lane.pointee.fresh.popFirst(&chunks) {
                entry = fresh
            } else {
                return nil
            }
            if lane.pointee.staleCount > 0, !isValid(entry, in: number) {
                lane.pointee.staleCount -= 1
                continue
            }
            countOutReady(number)
            return entry
        }
    }

    /// Whether a lane's entry still says where its job is.
    func isValid(_ entry: LaneEntry, in lane: LaneNumber) -> Bool {
        let home = index[entry.lsn]
        return home.isHome(.ready) && home.lane == lane && version(of: home) == entry.version
    }

    @inline(__always)
    func version(of entry: IndexEntry) -> UInt32 {
        if entry.isHome(.leased) { return leases[entry.slot].pointee.version }
        return entry.slot == 0 ? 0 : states.pointer(entry.slot).pointee.version
    }

    @inline(__always)
    mutating func countOutReady(_ number: LaneNumber) {
        let queue = queues[number.queue]
        let lane = queue.pointee.lanes + Int(number.priority)
        lane.pointee.readyCount -= 1
        queue.pointee.readyCount -= 1
        if lane.pointee.readyCount == 0 {
            queue.pointee.laneMask &= ~(1 << UInt16(number.priority))
            if lane.pointee.staleCount > 0 {
                lane.pointee.retry.removeAll(&chunks)
                lane.pointee.fresh.removeAll(&chunks)
                lane.pointee.staleCount = 0
            }
        }
    }

    /// Ends a job that is ready, delayed or dead.
    mutating func removeUnleased(_ lsn: UInt64, _ entry: IndexEntry) {
        switch entry.home {
        case .ready:
            index.remove(lsn)
            let lane = queues[entry.lane.queue].pointee.lanes + Int(entry.lane.priority)
            lane.pointee.staleCount += 1
            countOutReady(entry.lane)
            if lane.pointee.staleCount > max(1_024, lane.pointee.readyCount) { sweep(entry.lane) }
        case .delayed:
            index.remove(lsn)
            queues[entry.lane.queue].pointee.delayedCount -= 1
            delayed.staleCount += 1
            trimDelayed()
        case .dead:
            unlinkDead(entry)
            index.remove(lsn)
        case .leased, .done:
            preconditionFailure("only a job that is ready, delayed or dead is ended here")
        }
        if entry.slot != 0 { dropState(entry.slot) }
    }

    /// Writes a lane anew without its stale entries, so that jobs that are enqueued and cancelled for
    /// ever take no memory for ever. The order stays as it was.
    private mutating func sweep(_ number: LaneNumber) {
        let lane = queues[number.queue].pointee.lanes + Int(number.priority)
        var swept = Lane()
        swept.readyCount = lane.pointee.readyCount
        while let entry = lane.pointee.retry.popFirst(&chunks) {
            if isValid(entry, in: number) { swept.retry.append(entry, &chunks) }
        }
        while let entry = lane.pointee.fresh.popFirst(&chunks) {
            if isValid(entry, in: number) { swept.fresh.append(entry, &chunks) }
        }
        lane.pointee = swept
    }

    /// Restores that the next job due is a valid one, and that most of them are.
    mutating func trimDelayed() {
        guard delayed.staleCount > 0 else { return }
        while let job = delayed.firstUnprepared, !index[job.lsn].isHome(.delayed) {
            delayed.removeFirstUnprepared()
            delayed.staleCount -= 1
        }
        if delayed.staleCount > 1_024, delayed.staleCount > delayed.count / 2 {
            delayed.rebuild { index[$0.lsn].isHome(.delayed) }
        }
    }

    /// The state of a leased job, made where it has none.
    mutating func stateOfLease(_ slot: UInt32) -> UInt32 {
        let lease = leases[slot]
        if lease.pointee.state == 0 {
            var state = JobStateValue(
                lsn: lease.pointee.lsn, enqueuedSecond: lease.pointee.enqueuedSecond,
                contentByteCount: lease.pointee.contentByteCount)
            state.version = lease.pointee.version
            lease.pointee.state = states.insert(state)
        }
        return lease.pointee.state
    }

    /// Takes the lease away and returns its job's state; the job's home is for the caller to change.
    mutating func endLease(_ slot: UInt32) -> UInt32 {
        let state = stateOfLease(slot)
        queues[leases[slot].pointee.lane.queue].pointee.leasedCount -= 1
        leases.remove(slot)
        return state
    }

    mutating func dropState(_ slot: UInt32) {
        states.pointer(slot).pointee.error.free()
        states.pointer(slot).pointee.checkpoint.free()
        states.remove(slot)
    }

    /// Puts a job at the end of its queue's dead list.
    mutating func bury(
        _ lsn: UInt64, _ lane: LaneNumber, _ slot: UInt32, _ reason: DeathReason,
        _ frameTime: Int64
    ) {
        let queue = queues[lane.queue]
        let state = states.pointer(slot)
        state.pointee.deathReason = reason.rawValue
        state.pointee.diedMilliseconds = frameTime
        state.pointee.deadPrevious = queue.pointee.deadTail
        state.pointee.deadNext = 0
        if queue.pointee.deadTail == 0 {
            queue.pointee.deadHead = slot
        } else {
            states.pointer(queue.pointee.deadTail).pointee.deadNext = slot
        }
        queue.pointee.deadTail = slot
        queue.pointee.deadCount += 1
        queue.pointee.totals.died &+= 1
        index.replace(lsn, by: IndexEntry(.dead, lane: lane, slot: slot))
    }

    mutating func unlinkDead(_ entry: IndexEntry) {
        let queue = queues[entry.lane.queue]
        let state = states.pointer(entry.slot).pointee
        if state.deadPrevious == 0 {
            queue.pointee.deadHead = state.deadNext
        } else {
            states.pointer(state.deadPrevious).pointee.deadNext = state.deadNext
        }
        if state.deadNext == 0 {
            queue.pointee.deadTail = state.deadPrevious
        } else {
            states.pointer(state.deadNext).pointee.deadPrevious = state.deadPrevious
        }
        queue.pointee.deadCount -= 1
    }
}
