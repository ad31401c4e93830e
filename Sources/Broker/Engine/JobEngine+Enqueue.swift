internal import HoldfastModel
internal import HoldfastMutants
internal import HoldfastPages
package import HoldfastRecords

extension JobEngine {
    /// Records the birth of a job. The births of one request get consecutive LSNs; the first of them
    /// carries the producer's mark. They must all lie in one batch.
    ///
    /// - Parameters:
    ///   - queue: a live one.
    ///   - options: without a `refusal`, which the caller has looked at.
    ///   - producer: only of the first birth of a request; `count` is how many births it has.
    ///   - content: checked by `JobContent`; stored as it is and never looked at here.
    /// - Returns: the job: `configuration.key.jobID(lsn)` is its id.
    package mutating func enqueue(
        to queue: QueueID, options: EnqueueOptions, content: UnsafeRawBufferPointer,
        producer: (slot: ProducerSlot, sequence: UInt64, count: UInt32)?, into batch: RecordBatch
    ) -> LSN {
        precondition(
            queues.isLive(queue) || pages.failure != nil,
            "a job is enqueued to a queue that exists")
        precondition(
            options.priority <= Limits.priorityMax
                && options.delayMilliseconds <= Limits.delayMillisecondsMax
                && options.attemptCountMax <= Limits.attemptCountMax,
            "the options of an enqueue are checked before its first birth")
        let lsn = BirthRecord.append(
            queue: queue, priority: options.priority, enqueuedMilliseconds: batch.frameTime,
            dueMilliseconds: options.delayMilliseconds == 0
                ? nil : due(in: options.delayMilliseconds, batch),
            attemptCountMax: options.attemptCountMax,
            producer: producer.map {
                ProducerMark(slot: $0.slot, sequence: $0.sequence, count: $0.count)
            }, content: content,
            to: batch)
        applyAppended(lsn, of: batch)
        return lsn
    }

    /// Broker time `delay` from the batch's; the end of time where there is none.
    func due(in delayMilliseconds: UInt64, _ batch: RecordBatch) -> Int64 {
        if Mutant.delayOverflows.isOn {
            return batch.frameTime &+ Int64(Int32(truncatingIfNeeded: delayMilliseconds))
        }
        let (due, isBeyond) = max(batch.frameTime, delayOriginMilliseconds).addingReportingOverflow(
            Int64(clamping: delayMilliseconds))
        return isBeyond ? .max : due
    }
}
