package import HoldfastModel
internal import HoldfastPages
package import HoldfastRecords

/// A job that a listing may have: see `JobEngine.jobCandidates`.
package struct JobCandidate: Hashable, Sendable {
    package let lsn: LSN
    /// Whether only the job's birth knows which queue it is in: `JobEngine.summary` needs that.
    package let needsBirth: Bool
}

extension JobEngine {
    /// Jobs that one call of `jobCandidates` looks at, at most.
    private static var scanCountMax: Int { 16_384 }
    /// Candidates of one call whose births must be read, at most.
    private static var birthCountMax: Int { 1_024 }

    /// What the job's next attempt is handed; nil where nothing was saved.
    package func checkpoint(of lsn: UInt64) -> [UInt8]? {
        defer { pages.trim() }
        guard let state = jobState(lsn), state.has(JobStateValue.checkpointFlag) else { return nil }
        return map.text(.checkpoint, lsn)
    }

    /// A job by its id. Of one that is done nothing is known but that; whether the id ever was a
    /// job's, then, only the log can say.
    ///
    /// - Parameter birth: what its birth says where `needsBirth` holds; ignored elsewhere.
    /// - Throws: `unknownJob`, and `payloadCorrupt` where the birth is needed and is nil.
    package func job(_ id: JobID, birth: BirthFacts?) throws(Refusal) -> JobSummary {
        guard isKnown(id) else {
            throw Refusal(code: .unknownJob, message: "this store never gave out that job id")
        }
        defer { pages.trim() }
        let place = place(of: id.lsn)
        if case .gone = place { return JobSummary(lsn: id.lsn, state: .done) }
        guard let summary = summary(of: id.lsn, place, birth) else {
            throw Refusal(
                code: .payloadCorrupt,
                message: "the job is live, but its record in the log is damaged and cannot be read")
        }
        return summary
    }

    /// Jobs that may be in a queue and in a state, in the order of their birth; each call does a
    /// bounded amount of work. Those are left out of which the engine knows that they are not; of
    /// those that were never returned the caller reads the births, and asks `summary` of all.
    ///
    /// - Parameters:
    ///   - state: nil = all. None is `.done`: those are forgotten.
    ///   - cursor: 0 at first, then `next` of the call before.
    /// - Returns: up to `limit` candidates, possibly none, at most 1,024 of which need their births,
    ///   and where to go on; nil where that was all.
    package func jobCandidates(
        in queue: QueueID, state: JobState?, after cursor: UInt64, limit: Int
    ) -> (candidates: [JobCandidate], next: UInt64?) {
        defer { pages.trim() }
        var candidates: [JobCandidate] = []
        guard cursor < .max, limit > 0 else { return (candidates, nil) }
        var last = cursor
        var scanned = 0
        var birthCount = 0
        var nextState: UInt64? = cursor
        while last < .max, let lsn = live.first(from: last + 1, map, pages) {
            guard candidates.count < limit, scanned < Self.scanCountMax,
                birthCount < Self.birthCountMax
            else { return (candidates, last) }
            scanned += 1
            last = lsn
            if let slot = leases.slot(of: lsn) {
                if leases[slot].lane.queueID == queue, state ?? .leased == .leased {
                    candidates.append(JobCandidate(lsn: lsn, needsBirth: false))
                }
                continue
            }
            // The states come in the order of the jobs too: they are looked up once each.
            if let known = nextState, known < lsn { nextState = firstState(from: lsn) }
            if nextState == lsn {
                if let found = jobState(lsn), found.lane.queueID == queue,
                    state ?? found.home == found.home
                {
                    candidates.append(JobCandidate(lsn: lsn, needsBirth: false))
                }
            } else if state == nil || state == .ready || state == .delayed {
                candidates.append(JobCandidate(lsn: lsn, needsBirth: true))
                birthCount += 1
            }
        }
        return (candidates, nil)
    }

    /// The jobs that are leased, rising.
    package var leasedJobs: [LSN] {
        var jobs: [LSN] = []
        leases.forEach { _, lease in jobs.append(lease.lsn) }
        return jobs.sorted()
    }

    /// What there is to say of a job.
    ///
    /// - Parameter birth: what its birth says where `needsBirth` holds; ignored elsewhere.
    /// - Returns: nil where the job is no longer live, or its birth is needed and is nil.
    package func summary(of lsn: LSN, birth: BirthFacts?) -> JobSummary? {
        defer { pages.trim() }
        return summary(of: lsn, place(of: lsn), birth)
    }

    private func firstState(from lsn: UInt64) -> UInt64? {
        guard let found = map.first(from: StateKey.state.key(lsn)), StateKey.state.holds(found.key)
        else { return nil }
        return StateKey.value(of: found.key)
    }

    private func summary(
        of lsn: UInt64, _ place: JobPlace, _ birth: BirthFacts?
    ) -> JobSummary? {
        switch place {
        case .gone:
            return nil
        case .leased(let slot):
            return summary(of: leases[slot], slot)
        case .known(let state):
            var summary = JobSummary(lsn: lsn, state: state.home)
            summary.version = state.version
            add(state, to: &summary)
            if state.home == .delayed { summary.dueMilliseconds = state.dueMilliseconds }
            if state.home == .dead {
                summary.diedMilliseconds = state.diedMilliseconds
                summary.deathReason = DeathReason(rawValue: state.deathReason)
            }
            return summary
        case .fresh:
            guard let birth = checked(birth, of: lsn) else { return nil }
            let isDelayed = isDelayed(birth)
            var summary = JobSummary(lsn: lsn, state: isDelayed ? .delayed : .ready)
            add(
                birth.lane, UInt32(clamping: birth.enqueuedMilliseconds / 1_000), to: &summary)
            if isDelayed { summary.dueMilliseconds = birth.dueMilliseconds }
            return summary
        }
    }

    private func summary(of lease: Lease, _ slot: UInt32) -> JobSummary {
        var summary = JobSummary(lsn: lease.lsn, state: .leased)
        let state = knownState(of: lease)
        if let state {
            add(state, to: &summary)
        } else {
            add(lease.lane, lease.enqueuedSecond, to: &summary)
        }
        summary.version = lease.version
        summary.attempts = attemptCount(state)
        summary.leaseDurationMilliseconds = lease.durationMilliseconds
        if leases.wheel.isStarted(slot) {
            summary.leaseDeadlineMilliseconds = leases.wheel[slot].pointee.deadlineMilliseconds
        }
        return summary
    }

    private func add(
        _ lane: LaneNumber, _ enqueuedSecond: UInt32, to summary: inout JobSummary
    ) {
        summary.queue = lane.queueID
        summary.priority = lane.priority
        summary.attemptCountMax = queues[lane.queue].pointee.policy.attemptCountMax
        summary.enqueuedMilliseconds = Int64(enqueuedSecond) * 1_000
    }

    private func add(_ state: JobStateValue, to summary: inout JobSummary) {
        add(state.lane, state.enqueuedSecond, to: &summary)
        summary.attempts = state.attempts
        summary.interruptions = state.interruptions
        summary.timeouts = state.timeouts
        summary.releases = state.releases
        if state.attemptCountMax != 0 { summary.attemptCountMax = state.attemptCountMax }
        if state.has(JobStateValue.errorFlag) { summary.lastError = map.text(.error, summary.lsn) }
        summary.hasCheckpoint = state.has(JobStateValue.checkpointFlag)
    }
}
