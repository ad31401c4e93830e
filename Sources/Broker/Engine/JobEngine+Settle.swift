package import HoldfastModel
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
        guard wasGivenOut(token) else { return ItemResult(code: .unknownLease) }
        let entry = index[token.lsn]
        if entry.isHome(.leased) {
            guard leases[entry.slot].pointee.version == token.version else {
                return ItemResult(code: .leaseLost)
            }
            guard !entry.isMarked else { return ItemResult(isDuplicate: true) }
            choose(token, entry)
            return ItemResult()
        }
        if entry.isNone {
            guard let version = recentAcks.version(of: token.lsn) else {
                return ItemResult(code: .alreadyDone)
            }
            return version == token.version
                ? ItemResult(isDuplicate: true) : ItemResult(code: .leaseLost)
        }
        // Expired, but nobody has had the job since: the work is done, running it again helps no one.
        guard !entry.isHome(.delayed), version(of: entry) == token.version else {
            return ItemResult(code: .leaseLost)
        }
        guard !entry.isMarked else { return ItemResult(isDuplicate: true) }
        choose(token, entry)
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
            var item = outcome(ofLease: slot, .failed)
            if item.outcome == .front {
                let lease = leases[slot].pointee
                let delay =
                    delayMilliseconds
                    ?? RetrySchedule.delayMilliseconds(
                        attempt: attemptCount(of: lease), lsn: lease.lsn,
                        policy: queues[lease.lane.queue].pointee.policy)
                if delay > 0 {
                    item.outcome = .delayed
                    item.dueMilliseconds = due(in: delay, batch)
                }
            }
            choose(item)
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
            choose(outcome(ofLease: slot, .released))
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
            let (code, _) = findLease(token)
            results.append(ItemResult(code: code))
            guard code == nil else { continue }
            choose(token, index[token.lsn])
            if pending.count == Limits.itemCountMax { flush(.reject, text: reason, into: batch) }
        }
        flush(.reject, text: reason, into: batch)
    }

    // MARK: Judging tokens

    /// Whether this store gave out the token.
    @inline(__always)
    func wasGivenOut(_ token: LeaseToken) -> Bool {
        token.version > 0 && token.lsn > 0 && token.lsn <= lastLSN
            && configuration.key.knows(token)
    }

    /// The lease that a token proves, for every verb but ack.
    func findLease(_ token: LeaseToken) -> (code: RefusalCode?, slot: UInt32) {
        guard wasGivenOut(token) else { return (.unknownLease, 0) }
        let entry = index[token.lsn]
        if entry.isNone {
            let version = recentAcks.version(of: token.lsn) ?? token.version
            return (version == token.version ? .alreadyDone : .leaseLost, 0)
        }
        guard entry.isHome(.leased), !entry.isMarked,
            leases[entry.slot].pointee.version == token.version
        else { return (.leaseLost, 0) }
        return (nil, entry.slot)
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
        let lease = leases[slot].pointee
        var item = PendingItem(lsn: lease.lsn, version: lease.version, cause: cause)
        let state = lease.state == 0 ? nil : states.pointer(lease.state)
        let policy = queues[lease.lane.queue].pointee.policy
        let interruptions = state?.pointee.interruptions ?? 0
        switch cause {
        case .failed, .timeout, .interrupted:
            let own = state?.pointee.attemptCountMax ?? 0
            if attemptCount(of: lease) >= (own == 0 ? policy.attemptCountMax : own) {
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

    /// The number of the attempt that the lease is.
    func attemptCount(of lease: Lease) -> UInt32 {
        lease.state == 0 ? 1 : states.pointer(lease.state).pointee.attempts &+ 1
    }

    // MARK: From decision to record

    /// Puts the job into the record that is being decided.
    @inline(__always)
    mutating func choose(_ token: LeaseToken, _ entry: IndexEntry) {
        index.replace(token.lsn, by: entry.marked)
        pending.append(PendingItem(lsn: token.lsn, version: token.version))
    }

    mutating func choose(_ item: PendingItem) {
        index.replace(item.lsn, by: index[item.lsn].marked)
        pending.append(item)
    }

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
        pending.removeAll(keepingCapacity: true)
        applyAppended(lsn, of: batch)
    }

    mutating func flushReturn(
        error: UnsafeRawBufferPointer = UnsafeRawBufferPointer(start: nil, count: 0),
        into batch: RecordBatch
    ) {
        guard !pending.isEmpty else { return }
        let lsn = pending.withUnsafeBufferPointer {
            ReturnRecord.append($0, error: error, to: batch)
        }
        pending.removeAll(keepingCapacity: true)
        applyAppended(lsn, of: batch)
    }
}
