internal import HoldfastModel
package import HoldfastRecords

/// The leases' clocks: on the boot clock, volatile, never read by `apply`. They propose; a RETURN
/// record decides.
extension JobEngine {
    /// Starts the clocks of the leases whose records are durable: their replies leave now.
    package mutating func startLeaseClocks(throughDurable lsn: LSN, bootMilliseconds: Int64) {
        leases.start(through: lsn, at: bootMilliseconds)
    }

    /// Keeps a lease's clock from starting with durability: its job has to be read first, and nobody
    /// may lose a lease before having been told of it.
    package mutating func holdLeaseClock(lsn: UInt64, version: UInt32) {
        let entry = index[lsn]
        guard entry.isHome(.leased), leases[entry.slot].pointee.version == version,
            !leases.isStarted(entry.slot)
        else { return }
        leases.hold(entry.slot)
    }

    /// Starts the clock of a lease that was held. Nothing happens where the lease has ended.
    package mutating func startHeldLeaseClock(
        lsn: UInt64, version: UInt32, bootMilliseconds: Int64
    ) {
        let entry = index[lsn]
        guard entry.isHome(.leased), leases[entry.slot].pointee.version == version,
            leases.isHeld(entry.slot)
        else { return }
        leases.setDeadline(
            of: entry.slot,
            bootMilliseconds + Int64(leases[entry.slot].pointee.durationMilliseconds))
    }

    /// Gives every lease its full, that is its largest, duration from now. After replay.
    package mutating func restartLeaseClocks(bootMilliseconds: Int64) {
        leases.start(through: .max, at: bootMilliseconds)
    }

    /// When `expireLeases` should be called next, on the boot clock; nil where no clock runs.
    package var nextLeaseDeadlineMilliseconds: Int64? { leases.nextDeadlineMilliseconds }

    /// Ends leases whose time is up, at most `limit`, in the order of their deadlines: to the
    /// front of ready, or to dead letter.
    ///
    /// - Parameter isConnected: whether a lease's owner is; where not, the job was interrupted.
    /// - Returns: how many were ended; as many as `limit` where there may be more.
    package mutating func expireLeases(
        bootMilliseconds: Int64, limit: Int, isConnected: (UInt32) -> Bool, into batch: RecordBatch
    ) -> Int {
        leases.takeExpired(at: bootMilliseconds, limit: limit, into: &expired)
        expired.sort {
            (leases[$0].pointee.deadlineMilliseconds, leases[$0].pointee.lsn)
                < (leases[$1].pointee.deadlineMilliseconds, leases[$1].pointee.lsn)
        }
        for slot in expired {
            let cause: ReturnCause =
                isConnected(leases[slot].pointee.owner) ? .timeout : .interrupted
            choose(outcome(ofLease: slot, cause))
            if pending.count == Limits.itemCountMax { flushReturn(into: batch) }
        }
        flushReturn(into: batch)
        let count = expired.count
        expired.removeAll(keepingCapacity: true)
        return count
    }

    /// The leased job's birth record was read and is not what was written: to dead letter, never a
    /// loop. No attempt is spent. Nothing happens where the lease has ended meanwhile.
    package mutating func buryCorrupt(lsn: UInt64, version: UInt32, into batch: RecordBatch) {
        let entry = index[lsn]
        guard entry.isHome(.leased), leases[entry.slot].pointee.version == version else { return }
        var item = outcome(ofLease: entry.slot, .undelivered)
        item.outcome = .deadByCorruptPayload
        choose(item)
        flushReturn(into: batch)
    }

    /// A delivery that never reached its worker: the job goes to the front, and no attempt is spent.
    /// Nothing happens where the lease has ended meanwhile.
    package mutating func returnUndelivered(lsn: UInt64, version: UInt32, into batch: RecordBatch) {
        let entry = index[lsn]
        guard entry.isHome(.leased), leases[entry.slot].pointee.version == version else { return }
        choose(outcome(ofLease: entry.slot, .undelivered))
        flushReturn(into: batch)
    }
}
