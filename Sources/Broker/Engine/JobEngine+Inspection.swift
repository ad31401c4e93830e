package import HoldfastModel

extension JobEngine {
    /// Entries that one call of `jobs` looks at, at most.
    private static var scanCountMax: Int { 65_536 }

    /// What the job's next attempt is handed; nil where nothing was saved.
    package func checkpoint(of lsn: UInt64) -> [UInt8]? {
        let slot = stateSlot(index[lsn])
        guard slot != 0, states.pointer(slot).pointee.hasCheckpoint else { return nil }
        return Array(states.pointer(slot).pointee.checkpoint.view)
    }

    /// A job by its id. Of one that is done nothing is known but that; whether the id ever was a
    /// job's, then, only the log can say.
    package func job(_ id: JobID) throws(Refusal) -> JobSummary {
        guard isKnown(id) else {
            throw Refusal(code: .unknownJob, message: "this store never gave out that job id")
        }
        return summary(of: id.lsn, index[id.lsn])
    }

    /// Jobs of a queue in the order of their birth, each call with a bounded amount of work.
    ///
    /// - Parameters:
    ///   - state: only those in it; nil = all. None is `.done`: those are forgotten.
    ///   - cursor: 0 at first, then `next` of the call before.
    /// - Returns: up to `limit` jobs, possibly none, and where to go on; nil where that was all.
    package func jobs(
        in queue: QueueID, state: JobState?, after cursor: UInt64, limit: Int
    ) -> (jobs: [JobSummary], next: UInt64?) {
        var jobs: [JobSummary] = []
        guard cursor < .max, limit > 0 else { return (jobs, nil) }
        var last = cursor
        var scanned = 0
        while let (lsn, entry) = index.next(from: last + 1) {
            guard jobs.count < limit, scanned < Self.scanCountMax else { return (jobs, last) }
            scanned += 1
            last = lsn
            if entry.lane.queueID == queue, state.map({ entry.isHome($0) }) ?? true {
                jobs.append(summary(of: lsn, entry))
            }
        }
        return (jobs, nil)
    }

    /// The state of the job at that place; 0 where it has none.
    func stateSlot(_ entry: IndexEntry) -> UInt32 {
        if entry.isNone { return 0 }
        return entry.isHome(.leased) ? leases[entry.slot].pointee.state : entry.slot
    }

    private func summary(of lsn: UInt64, _ entry: IndexEntry) -> JobSummary {
        var summary = JobSummary(lsn: lsn, state: entry.home)
        guard !entry.isNone else { return summary }
        summary.queue = entry.lane.queueID
        summary.priority = entry.lane.priority
        summary.version = version(of: entry)
        summary.attemptCountMax = queues[entry.lane.queue].pointee.policy.attemptCountMax
        if entry.isFresh { summary.enqueuedMilliseconds = Int64(entry.enqueuedSecond) * 1_000 }
        let slot = stateSlot(entry)
        if slot != 0 {
            let state = states.pointer(slot).pointee
            summary.attempts = state.attempts
            summary.interruptions = state.interruptions
            summary.timeouts = state.timeouts
            summary.releases = state.releases
            if state.attemptCountMax != 0 { summary.attemptCountMax = state.attemptCountMax }
            summary.enqueuedMilliseconds = Int64(state.enqueuedSecond) * 1_000
            summary.lastError = Array(state.error.view)
            summary.hasCheckpoint = state.hasCheckpoint
            if entry.isHome(.delayed) { summary.dueMilliseconds = state.dueMilliseconds }
            if entry.isHome(.dead) {
                summary.diedMilliseconds = state.diedMilliseconds
                summary.deathReason = DeathReason(rawValue: state.deathReason)
            }
        }
        if entry.isHome(.leased) {
            let lease = leases[entry.slot].pointee
            summary.attempts = attemptCount(of: lease)
            summary.enqueuedMilliseconds = Int64(lease.enqueuedSecond) * 1_000
            summary.leaseDurationMilliseconds = lease.durationMilliseconds
            if leases.isStarted(entry.slot) {
                summary.leaseDeadlineMilliseconds = lease.deadlineMilliseconds
            }
        }
        return summary
    }
}
