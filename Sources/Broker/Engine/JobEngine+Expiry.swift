internal import HoldfastModel
package import HoldfastRecords

/// The leases' clocks: on the boot clock, volatile, never read by `apply`. They propose; a RETURN
/// record decides.
extension JobEngine {
    /// Starts the clocks of the leases whose records are durable: their replies leave now.
    package mutating func startLeaseClocks(throughDurable lsn: LSN, bootMilliseconds: Int64) {
        leases.startClocks(through: lsn, at: bootMilliseconds)
    }

    /// Keeps a lease's clock from starting with durability: its job has to be read first, and nobody
    /// may lose a lease before having been told of it.
    package mutating func holdLeaseClock(lsn: UInt64, version: UInt32) {
        guard let slot = lease(of: lsn, version: version), !leases.wheel.isStarted(slot) else {
            return
        }
        leases.wheel.hold(slot)
    }

    /// Starts the clock of a lease that was held. Nothing happens where the lease has ended.
    package mutating func startHeldLeaseClock(
        lsn: UInt64, version: UInt32, bootMilliseconds: Int64
    ) {
        guard let slot = lease(of: lsn, version: version), leases.wheel.isHeld(slot) else { return }
        leases.wheel.setDeadline(
            of: slot, bootMilliseconds + Int64(leases[slot].durationMilliseconds))
    }

    /// Gives every lease its full, that is its largest, duration from now. After replay.
    package mutating func restartLeaseClocks(bootMilliseconds: Int64) {
        leases.startClocks(through: .max, at: bootMilliseconds)
    }

    /// When `expireLeases` should be called next, on the boot clock; nil where no clock runs.
    package var nextLeaseDeadlineMilliseconds: Int64? { leases.wheel.nextDeadlineMilliseconds }

    /// Ends leases whose time is up, at most `limit`, in the order of their deadlines: to the
    /// front of ready, or to dead letter.
    ///
    /// - Parameter isConnected: whether a lease's owner is; where not, the job was interrupted.
    /// - Returns: how many were ended; as many as `limit` where there may be more.
    package mutating func expireLeases(
        bootMilliseconds: Int64, limit: Int, isConnected: (UInt32) -> Bool, into batch: RecordBatch
    ) -> Int {
        leases.wheel.takeExpired(at: bootMilliseconds, limit: limit, into: &expired)
        expired.sort {
            (leases.wheel[$0].pointee.deadlineMilliseconds, leases[$0].lsn)
                < (leases.wheel[$1].pointee.deadlineMilliseconds, leases[$1].lsn)
        }
        for slot in expired {
            let cause: ReturnCause =
                isConnected(leases.wheel[slot].pointee.owner) ? .timeout : .interrupted
            choose(outcome(ofLease: slot, cause), leasedIn: slot)
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
        guard let slot = lease(of: lsn, version: version) else { return }
        var item = outcome(ofLease: slot, .undelivered)
        item.outcome = .deadByCorruptPayload
        choose(item, leasedIn: slot)
        flushReturn(into: batch)
    }

    /// A delivery that never reached its worker: the job goes to the front, and no attempt is spent.
    /// Nothing happens where the lease has ended meanwhile.
    package mutating func returnUndelivered(lsn: UInt64, version: UInt32, into batch: RecordBatch) {
        guard let slot = lease(of: lsn, version: version) else { return }
        choose(outcome(ofLease: slot, .undelivered), leasedIn: slot)
        flushReturn(into: batch)
    }

    /// The slot of that lease; nil where it has ended.
    private func lease(of lsn: UInt64, version: UInt32) -> UInt32? {
        guard let slot = leases.slot(of: lsn), leases[slot].version == version else { return nil }
        return slot
    }
}
