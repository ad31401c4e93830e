package import HoldfastModel
package import HoldfastRecords

/// The verbs on jobs by id.
extension JobEngine {
    /// Ends jobs wherever they are. A worker that has one loses its lease.
    package mutating func cancel(
        _ ids: [JobID], into batch: RecordBatch, results: inout [ItemResult]
    ) {
        for id in ids {
            let entry = index[id.lsn]
            if !isKnown(id) {
                results.append(ItemResult(code: .unknownJob))
            } else if entry.isNone || entry.isMarked {
                results.append(ItemResult(code: .alreadyDone))
            } else {
                choose(PendingItem(lsn: id.lsn, version: version(of: entry)))
                results.append(ItemResult())
                if pending.count == Limits.itemCountMax { flush(.cancel, into: batch) }
            }
        }
        flush(.cancel, into: batch)
    }

    /// Puts dead jobs back, each at the end of its lane, with the same id, all four counters at zero,
    /// and its last error and checkpoint kept.
    package mutating func redrive(
        _ ids: [JobID], into batch: RecordBatch, results: inout [ItemResult]
    ) {
        for id in ids {
            let entry = index[id.lsn]
            if !isKnown(id) {
                results.append(ItemResult(code: .unknownJob))
            } else if entry.isNone {
                results.append(ItemResult(code: .alreadyDone))
            } else if !entry.isHome(.dead) || entry.isMarked || version(of: entry) > .max - 8 {
                results.append(ItemResult(code: .wrongState))
            } else {
                choose(PendingItem(lsn: id.lsn, version: version(of: entry)))
                results.append(ItemResult())
                if pending.count == Limits.itemCountMax { flush(.redrive, into: batch) }
            }
        }
        flush(.redrive, into: batch)
    }

    /// Puts up to `limit` of a queue's dead jobs back, those that died first before the others.
    ///
    /// - Returns: how many.
    package mutating func redrive(from queue: QueueID, limit: Int, into batch: RecordBatch) -> Int {
        guard queues.isLive(queue) else { return 0 }
        var count = 0
        var slot = queues[Int(queue.rawValue)].pointee.deadHead
        while slot != 0, count < limit {
            let state = states.pointer(slot).pointee
            // The list is walked before the flush takes the jobs out of it.
            slot = state.deadNext
            guard state.version <= .max - 8 else { continue }
            choose(PendingItem(lsn: state.lsn, version: state.version))
            count += 1
            if pending.count == Limits.itemCountMax { flush(.redrive, into: batch) }
        }
        flush(.redrive, into: batch)
        return count
    }

    /// Whether this store may have given out the id.
    func isKnown(_ id: JobID) -> Bool {
        id.lsn > 0 && id.lsn <= lastLSN && configuration.key.knows(id)
    }
}
