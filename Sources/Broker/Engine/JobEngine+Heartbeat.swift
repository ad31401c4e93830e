package import HoldfastModel
package import HoldfastRecords

extension JobEngine {
    /// Extends leases, counting from now and never shortening them, and makes `owner` theirs.
    ///
    /// - Parameters:
    ///   - durationMilliseconds: 0 = each lease's own; else 1 s to 12 h or `badArgument`.
    ///   - bootMilliseconds: now, on the boot clock, rounded down.
    package mutating func extend(
        _ tokens: UnsafeBufferPointer<LeaseToken>, durationMilliseconds: UInt32,
        bootMilliseconds: Int64, owner: UInt32, into batch: RecordBatch,
        results: inout [ItemResult]
    ) {
        for token in tokens {
            results.append(
                prolong(
                    HeartbeatItem(token: token), durationMilliseconds, bootMilliseconds, owner,
                    into: batch))
        }
        flushChanges(into: batch)
    }

    /// Extends leases as `extend` does and keeps the checkpoints that come with them. Where
    /// `mustStop` is set the worker does not have the job any more.
    ///
    /// - Parameter items: a checkpoint beyond `Limits.checkpointByteCountMax` is `badArgument`, and
    ///   the lease is not extended.
    package mutating func heartbeat(
        _ items: [HeartbeatItem], durationMilliseconds: UInt32, bootMilliseconds: Int64,
        owner: UInt32, into batch: RecordBatch, results: inout [ItemResult]
    ) {
        for item in items {
            results.append(
                prolong(item, durationMilliseconds, bootMilliseconds, owner, into: batch))
        }
        flushChanges(into: batch)
    }

    private mutating func prolong(
        _ item: HeartbeatItem, _ durationMilliseconds: UInt32, _ bootMilliseconds: Int64,
        _ owner: UInt32, into batch: RecordBatch
    ) -> ItemResult {
        guard
            durationMilliseconds == 0
                || durationMilliseconds >= Limits.leaseMillisecondsMin
                    && durationMilliseconds <= Limits.leaseMillisecondsMax,
            item.checkpoint?.count ?? 0 <= Limits.checkpointByteCountMax
        else { return ItemResult(code: .badArgument) }
        let (code, slot) = findLease(item.token)
        if let code { return ItemResult(code: code, mustStop: true) }
        let ownDuration = leases[slot].durationMilliseconds
        let duration = durationMilliseconds == 0 ? ownDuration : durationMilliseconds
        let isLarger = duration > ownDuration
        if isLarger || item.checkpoint != nil {
            changes.append(
                HeartbeatChange(
                    lsn: item.token.lsn, version: item.token.version,
                    durationMilliseconds: isLarger ? duration : 0, checkpoint: item.checkpoint))
            if changes.count == Limits.itemCountMax { flushChanges(into: batch) }
        }
        let clock = leases.wheel[slot]
        clock.pointee.owner = owner
        // A clock that has not started will start with the larger duration.
        guard leases.wheel.isStarted(slot) else {
            return ItemResult(remainingMilliseconds: duration)
        }
        let deadline = max(
            clock.pointee.deadlineMilliseconds, bootMilliseconds + Int64(duration))
        leases.wheel.setDeadline(of: slot, deadline)
        return ItemResult(remainingMilliseconds: UInt32(clamping: deadline - bootMilliseconds))
    }

    private mutating func flushChanges(into batch: RecordBatch) {
        guard !changes.isEmpty else { return }
        let lsn = changes.withUnsafeBufferPointer { HeartbeatRecord.append($0, to: batch) }
        changes.removeAll(keepingCapacity: true)
        applyAppended(lsn, of: batch)
    }
}
