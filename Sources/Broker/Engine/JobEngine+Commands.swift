package import HoldfastModel
internal import HoldfastPages
package import HoldfastRecords

/// The verbs on jobs by id.
extension JobEngine {
    /// Ends jobs wherever they are. A worker that has one loses its lease.
    ///
    /// - Parameter births: what the birth of a job says for which `needsBirth` holds; asked once for
    ///   each of them. Where it is nil the job is `payloadCorrupt`, and stays.
    package mutating func cancel(
        _ ids: [JobID], births: (LSN) -> BirthFacts?, into batch: RecordBatch,
        results: inout [ItemResult]
    ) {
        for id in ids {
            results.append(ItemResult(code: decideCancel(id, births)))
            if pending.count == Limits.itemCountMax { flushCancel(into: batch) }
        }
        flushCancel(into: batch)
        pages.trim()
    }

    private mutating func decideCancel(
        _ id: JobID, _ births: (LSN) -> BirthFacts?
    ) -> RefusalCode? {
        guard isKnown(id) else { return .unknownJob }
        let place = place(of: id.lsn)
        guard !isChosen(id.lsn, place) else { return .alreadyDone }
        switch place {
        case .gone:
            return .alreadyDone
        case .leased(let slot):
            let lease = leases[slot]
            choose(
                PendingItem(lsn: id.lsn, version: lease.version, lane: lease.lane), leasedIn: slot)
        case .known(let state):
            choose(PendingItem(lsn: id.lsn, version: state.version, lane: state.lane))
        case .fresh:
            guard let birth = checked(births(id.lsn), of: id.lsn) else { return .payloadCorrupt }
            let isDelayed = isDelayed(birth)
            // The record is not the one that it was taken in by.
            guard isDelayed || queues.lane(birth.lane).pointee.readyCount > 0 else {
                return .payloadCorrupt
            }
            choose(
                PendingItem(
                    lsn: id.lsn, version: 0, place: isDelayed ? .freshDelayed : .freshReady,
                    lane: birth.lane,
                    dueMilliseconds: isDelayed ? birth.dueMilliseconds ?? 0 : 0))
        }
        return nil
    }

    private mutating func flushCancel(into batch: RecordBatch) {
        guard !pending.isEmpty else { return }
        let lsn = pending.withUnsafeBufferPointer { CancelRecord.append($0, to: batch) }
        applyChosen(lsn, of: batch)
    }

    /// Puts dead jobs back, each at the end of its lane, with the same id, all four counters at zero,
    /// and its last error and checkpoint kept.
    package mutating func redrive(
        _ ids: [JobID], into batch: RecordBatch, results: inout [ItemResult]
    ) {
        for id in ids {
            results.append(ItemResult(code: decideRedrive(id)))
            if pending.count == Limits.itemCountMax { flush(.redrive, into: batch) }
        }
        flush(.redrive, into: batch)
        pages.trim()
    }

    private mutating func decideRedrive(_ id: JobID) -> RefusalCode? {
        guard isKnown(id) else { return .unknownJob }
        let place = place(of: id.lsn)
        switch place {
        case .gone:
            return .alreadyDone
        case .known(let state) where state.home == .dead && state.version <= .max - 8:
            guard !isChosen(id.lsn, place) else { return .wrongState }
            choose(PendingItem(lsn: id.lsn, version: state.version))
            return nil
        case .leased, .known, .fresh:
            return .wrongState
        }
    }

    /// Puts up to `limit` of a queue's dead jobs back, those that died first before the others.
    ///
    /// - Returns: how many.
    package mutating func redrive(from queue: QueueID, limit: Int, into batch: RecordBatch) -> Int {
        guard queues.isLive(queue) else { return 0 }
        var count = 0
        var number: UInt64 = 0
        while count < limit, let next = dead.next(after: number, queue: queue, map) {
            number = next.number
            guard let state = jobState(next.lsn), state.home == .dead, state.version <= .max - 8
            else { continue }
            choose(PendingItem(lsn: next.lsn, version: state.version))
            count += 1
            if pending.count == Limits.itemCountMax { flush(.redrive, into: batch) }
        }
        flush(.redrive, into: batch)
        pages.trim()
        return count
    }

    /// Whether this store may have given out the id.
    func isKnown(_ id: JobID) -> Bool {
        id.lsn > 0 && id.lsn <= lastLSN && configuration.key.knows(id)
    }
}
