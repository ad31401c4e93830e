internal import HoldfastModel
internal import HoldfastPages
package import HoldfastRecords

/// Where a live job is. It has one home at any time: the lease table, else what its state says, else
/// what its birth says.
enum JobPlace {
    /// It is not live: done, or never born.
    case gone
    case leased(UInt32)
    case known(JobStateValue)
    /// It never was returned: ready in its lane, or delayed since its birth.
    case fresh
}

extension JobEngine {
    func place(of lsn: UInt64) -> JobPlace {
        if let slot = leases.slot(of: lsn) { return .leased(slot) }
        guard isLive(lsn) else { return .gone }
        return jobState(lsn).map { .known($0) } ?? .fresh
    }

    @inline(__always)
    func isLive(_ lsn: UInt64) -> Bool {
        lsn > 0 && lsn <= lastLSN && live.contains(lsn, map, pages)
    }

    /// The state of a live job; nil where it has none.
    func jobState(_ lsn: UInt64) -> JobStateValue? {
        // A queue that does not exist can only come from a damaged page.
        guard let state = map.jobState(lsn), queues.isLive(state.lane.queueID) else { return nil }
        return state
    }

    /// Whether only the job's birth record knows its queue, its priority and when it is due. The
    /// verbs that need those take them as `BirthFacts`.
    package func needsBirth(_ lsn: LSN) -> Bool {
        defer { pages.trim() }
        if case .fresh = place(of: lsn) { return true }
        return false
    }

    /// What a birth says of a job that is as it was born; nil where it is not this job's.
    func checked(_ birth: BirthFacts?, of lsn: LSN) -> BirthFacts? {
        guard let birth, birth.lsn == lsn, queues.isLive(birth.queue) else { return nil }
        return birth
    }

    /// Whether a job that is as it was born is still delayed.
    func isDelayed(_ birth: BirthFacts) -> Bool {
        guard let due = birth.dueMilliseconds else { return false }
        return delayed.place(of: DelayedJob(dueMilliseconds: due, lsn: birth.lsn), map) != nil
    }

    // MARK: The record that is being decided

    /// Whether the job is in it.
    func isChosen(_ lsn: UInt64, _ place: JobPlace) -> Bool {
        if case .leased(let slot) = place { return leases.wheel[slot].pointee.isMarked }
        return chosen[lsn] != nil
    }

    /// Puts a job that is not leased into it.
    mutating func choose(_ item: PendingItem) {
        chosen.insert(item.lsn, slot: 0)
        pending.append(item)
    }

    /// Puts a leased job into it.
    @inline(__always)
    mutating func choose(_ item: PendingItem, leasedIn slot: UInt32) {
        leases.wheel[slot].pointee.isMarked = true
        pending.append(item)
    }

    /// Applies the record that `pending` was written to.
    @inline(__always)
    mutating func applyChosen(_ lsn: LSN, of batch: RecordBatch) {
        if chosen.count > 0 {
            for item in pending { chosen.remove(item.lsn) }
        }
        pending.removeAll(keepingCapacity: true)
        applyAppended(lsn, of: batch)
    }
}
