package import HoldfastModel
internal import HoldfastMutants
package import HoldfastRecords

/// The verbs on a leased job. Each appends one result for each token to `results`, and one record
/// where anything changes; a token that comes twice in a call is judged as if it came in two calls.
extension JobEngine {
    /// A job whose version has come this near to the end of what a u32 counts goes to dead letter
    /// when it is returned.
    static var versionMax: UInt32 { .max - 16 }

    package mutating func ack(
        _ tokens: UnsafeBufferPointer<LeaseToken>, into batch: RecordBatch,
        results: inout [ItemResult]
    ) {
        for token in tokens {
            results.append(decideAck(token))
            if pending.count == Limits.itemCountMax { flush(.ack, into: batch) }
        }
        flush(.ack, into: batch)
    }

    @inline(__always)
    private mutating func decideAck(_ token: LeaseToken) -> ItemResult {
        guard wasGivenOut(token) else { return ItemResult(code: refusal(ofUnknown: token)) }
        if let slot = leases.slot(of: token.lsn) {
            let version = leases[slot].version
            guard version == token.version || Mutant.staleTokenAccepted.isOn else {
                return ItemResult(code: .leaseLost)
            }
            guard !leases.wheel[slot].pointee.isMarked else { return ItemResult(isDuplicate: true) }
            choose(PendingItem(lsn: token.lsn, version: version), leasedIn: slot)
            return ItemResult()
        }
        guard isLive(token.lsn) else {
            guard let version = recentAcks.version(of: token.lsn) else {
                return ItemResult(code: .alreadyDone)
            }
            return version == token.version
                ? ItemResult(isDuplicate: true) : ItemResult(code: .leaseLost)
        }
        // Expired, but nobody has had the job since: the work is done, running it again helps no one.
        guard let state = jobState(token.lsn), state.home != .delayed,
            state.version == token.version
        else { return ItemResult(code: .leaseLost) }
        guard chosen[token.lsn] == nil else { return ItemResult(isDuplicate: true) }
        choose(PendingItem(lsn: token.lsn, version: token.version))
        return ItemResult(isLate: true)
    }

    /// The attempts have failed; the jobs come back after the delay.
    ///
    /// - Parameters:
    ///   - delayMilliseconds: nil = the queue's backoff; more than 366 days is `badArgument`.
    ///   - error: what went wrong, UTF-8, at most `Limits.reasonByteCountMax` bytes, kept as the
    ///     job's last error; longer is `badArgument`.
    package mutating func nack(
        _ tokens: UnsafeBufferPointer<LeaseToken>, delayMilliseconds: UInt64?,
        error: UnsafeRawBufferPointer, into batch: RecordBatch, results: inout [ItemResult]
    ) {
        guard delayMilliseconds ?? 0 <= Limits.delayMillisecondsMax,
            error.count <= Limits.reasonByteCountMax
        else { return refuse(tokens, .badArgument, &results) }
        for token in tokens {
            let (code, slot) = findLease(token)
            results.append(ItemResult(code: code))
            guard code == nil else { continue }
            let lease = leases[slot]
            let state = knownState(of: lease)
            var item = outcome(of: lease, state, .failed)
            if item.outcome == .front {
                let delay =
                    delayMilliseconds
                    ?? RetrySchedule.delayMilliseconds(
                        attempt: attemptCount(state), lsn: lease.lsn,
                        policy: queues[lease.lane.queue].pointee.policy)
                if delay > 0 {
                    item.outcome = .delayed
                    item.dueMilliseconds = due(in: delay, batch)
                }
            }
            choose(item, leasedIn: slot)
            if pending.count == Limits.itemCountMax { flushReturn(error: error, into: batch) }
        }
        flushReturn(error: error, into: batch)
    }

    /// The jobs were not started: they go to the front, and no attempt is spent.
    package mutating func release(
        _ tokens: UnsafeBufferPointer<LeaseToken>, into batch: RecordBatch,
        results: inout [ItemResult]
    ) {
        for token in tokens {
            let (code, slot) = findLease(token)
            results.append(ItemResult(code: code))
            guard code == nil else { continue }
            choose(outcome(ofLease: slot, .released), leasedIn: slot)
            if pending.count == Limits.itemCountMax { flushReturn(into: batch) }
        }
        flushReturn(into: batch)
    }

    /// The jobs must never be tried again: they go to dead letter.
    ///
    /// - Parameter reason: UTF-8, at most `Limits.reasonByteCountMax` bytes, kept as the job's last
    ///   error; longer is `badArgument`.
    package mutating func reject(
        _ tokens: UnsafeBufferPointer<LeaseToken>, reason: UnsafeRawBufferPointer,
        into batch: RecordBatch, results: inout [ItemResult]
    ) {
        guard reason.count <= Limits.reasonByteCountMax else {
            return refuse(tokens, .badArgument, &results)
        }
        for token in tokens {
            let (code, slot) = findLease(token)
            results.append(ItemResult(code: code))
            guard code == nil else { continue }
            choose(PendingItem(lsn: token.lsn, version: token.version), leasedIn: slot)
            if pending.count == Limits.itemCountMax { flush(.reject, text: reason, into: batch) }
        }
        flush(.reject, text: reason, into: batch)
    }

    // MARK: Judging tokens

    /// Whether this store gave out the token, and no gap in the log was passed since.
    @inline(__always)
    func wasGivenOut(_ token: LeaseToken) -> Bool {
        token.version > 0 && token.lsn > 0 && token.lsn <= lastLSN
            && configuration.key.knows(token)
    }

    /// Why a token for which `wasGivenOut` does not hold is refused.
    private func refusal(ofUnknown token: LeaseToken) -> RefusalCode {
        // What became of the lease of a void token nobody knows: somebody else may have had the job.
        configuration.key.isVoid(token) && token.version > 0 && token.lsn <= lastLSN
            ? .leaseLost : .unknownLease
    }

    /// The lease that a token proves, for every verb but ack.
    func findLease(_ token: LeaseToken) -> (code: RefusalCode?, slot: UInt32) {
        guard wasGivenOut(token) else { return (refusal(ofUnknown: token), 0) }
        if let slot = leases.slot(of: token.lsn) {
            guard !leases.wheel[slot].pointee.isMarked, leases[slot].version == token.version else {
                return (.leaseLost, 0)
            }
            return (nil, slot)
        }
        guard !isLive(token.lsn) else { return (.leaseLost, 0) }
        let version = recentAcks.version(of: token.lsn) ?? token.version
        return (version == token.version ? .alreadyDone : .leaseLost, 0)
    }

    private func refuse(
        _ tokens: UnsafeBufferPointer<LeaseToken>, _ code: RefusalCode,
        _ results: inout [ItemResult]
    ) {
        for _ in tokens { results.append(ItemResult(code: code)) }
    }

    // MARK: Deciding returns

    /// What becomes of a lease that ends for this cause, a delay apart.
    func outcome(ofLease slot: UInt32, _ cause: ReturnCause) -> PendingItem {
        let lease = leases[slot]
        return outcome(of: lease, knownState(of: lease), cause)
    }

    private func outcome(
        of lease: Lease, _ state: JobStateValue?, _ cause: ReturnCause
    ) -> PendingItem {
        var item = PendingItem(lsn: lease.lsn, version: lease.version, cause: cause)
        let policy = queues[lease.lane.queue].pointee.policy
        let interruptions = state?.interruptions ?? 0
        switch cause {
        case .failed, .timeout, .interrupted:
            let own = state?.attemptCountMax ?? 0
            if attemptCount(state) >= (own == 0 ? policy.attemptCountMax : own) {
                item.outcome = .deadByAttempts
            } else if cause == .interrupted, interruptions >= policy.interruptionCountMax - 1 {
                item.outcome = .deadByInterruptions
            }
        case .released, .undelivered: break
        }
        if item.outcome == .front, lease.version >= Self.versionMax {
            item.outcome = .deadByDeliveries
        }
        return item
    }

    /// The state of a leased job; nil where it has none.
    func knownState(of lease: Lease) -> JobStateValue? {
        lease.hasState ? jobState(lease.lsn) : nil
    }

    /// The number of the attempt that a lease is, by its job's state.
    func attemptCount(_ state: JobStateValue?) -> UInt32 { (state?.attempts ?? 0) &+ 1 }

    // MARK: From decision to record

    @inline(__always)
    mutating func flush(
        _ type: RecordType,
        text: UnsafeRawBufferPointer = UnsafeRawBufferPointer(start: nil, count: 0),
        into batch: RecordBatch
    ) {
        guard !pending.isEmpty else { return }
        let lsn = pending.withUnsafeBufferPointer {
            JobListRecord.append(type, $0, text: text, to: batch)
        }
        applyChosen(lsn, of: batch)
    }

    mutating func flushReturn(
        error: UnsafeRawBufferPointer = UnsafeRawBufferPointer(start: nil, count: 0),
        into batch: RecordBatch
    ) {
        guard !pending.isEmpty else { return }
        let lsn = pending.withUnsafeBufferPointer {
            ReturnRecord.append($0, error: error, to: batch)
        }
        applyChosen(lsn, of: batch)
    }
}
