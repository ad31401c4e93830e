internal import HoldfastModel

/// What an enqueue may ask for beside the job's content.
package struct EnqueueOptions: Hashable, Sendable {
    /// 0 to `Limits.priorityMax`, higher first.
    package var priority: UInt8
    /// From the time of the batch; at most `Limits.delayMillisecondsMax`.
    package var delayMilliseconds: UInt64
    /// Attempts after which this job goes to dead letter; 0 = as the queue says when it fails.
    package var attemptCountMax: UInt32

    package init(
        priority: UInt8 = 0, delayMilliseconds: UInt64 = 0, attemptCountMax: UInt32 = 0
    ) {
        self.priority = priority
        self.delayMilliseconds = delayMilliseconds
        self.attemptCountMax = attemptCountMax
    }

    /// Why the options cannot be had; nil where they can. `JobEngine.enqueue` demands nil, so that
    /// a request of many jobs is judged whole before its first birth is recorded.
    package var refusal: Refusal? {
        if priority > Limits.priorityMax {
            return Refusal(
                code: .badArgument,
                message: "a priority is 0 to \(Limits.priorityMax), this one is \(priority)")
        }
        if delayMilliseconds > Limits.delayMillisecondsMax {
            return Refusal(code: .badArgument, message: "a delay is at most 366 days")
        }
        if attemptCountMax > Limits.attemptCountMax {
            return Refusal(
                code: .badArgument, message: "the maximum of attempts must be 1 to 1,000,000")
        }
        return nil
    }
}
