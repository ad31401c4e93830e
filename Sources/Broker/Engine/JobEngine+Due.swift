internal import HoldfastModel
package import HoldfastRecords

extension JobEngine {
    /// Makes the jobs ready that are due at `frameTime`, in the order (due, job), at most
    /// `dueCountMax` of them. The first thing in each batch; nothing else looks at time.
    ///
    /// - Parameter frameTime: the batch's.
    package mutating func advance(to frameTime: Int64, into batch: RecordBatch) {
        var count: UInt32 = 0
        var last: DelayedJob?
        var next = delayed.first
        while count < configuration.dueCountMax, let job = next, job.dueMilliseconds <= frameTime {
            count += 1
            last = job
            next = delayed.next(after: job, map)
        }
        guard let last else { return }
        applyAppended(DueRecord.append(count: count, last: last, to: batch), of: batch)
    }

    /// Broker time at which the next delayed job is due; nil where there is none.
    package var nextDueMilliseconds: Int64? { delayed.first?.dueMilliseconds }
}
