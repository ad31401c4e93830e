/// Judges what clients of a broker saw against the promises S1 to S6 and S8 of its reliability.
/// Knows nothing of the broker: a promise is broken where no order of what happened inside could
/// explain the answers.
///
/// Jobs are independent of each other, so each is judged by itself after one sort of all events:
/// O(n log n). Dead jobs must not have been put back by a redrive, which starts their attempts anew.
package struct HistoryChecker: Sendable {
    /// Whether, after the last delivery, every queue was emptied and all that was left was looked
    /// at. Loss can be told only then.
    private let isDrained: Bool
    /// What a delay may fall short by. The broker reads its clock once for all that it decides
    /// together, so that a delay may be counted from a moment before the request was sent.
    private let delayToleranceMilliseconds: UInt64

    package init(isDrained: Bool, delayToleranceMilliseconds: UInt64 = 0) {
        self.isDrained = isDrained
        self.delayToleranceMilliseconds = delayToleranceMilliseconds
    }

    package func judge(_ events: [HistoryEvent]) -> Verdict {
        let sorted = events.sorted {
            ($0.job ?? .max, $0.invoked, $0.lastMoment) < (
                $1.job ?? .max, $1.invoked, $1.lastMoment
            )
        }
        var enqueues = Enqueues(sorted)
        var violations = enqueues.violations
        var jobCount = 0
        var deliveryCount = 0
        var start = 0
        while start < sorted.count, let job = sorted[start].job {
            var end = start + 1
            while end < sorted.count, sorted[end].job == job { end += 1 }
            let history = JobHistory(job: job, events: sorted[start..<end])
            jobCount += 1
            deliveryCount += history.deliveries.count
            violations += [
                isDrained ? history.loss() : nil,
                history.creation(&enqueues),
                history.sharedLease(),
                history.lifeAfterAck(),
                history.staleTokenTaken(),
                history.earliness(
                    enqueues, toleranceNanoseconds: delayToleranceMilliseconds * 1_000_000),
                history.wrongDeliveryNumber(),
                history.wrongAttempt(isDrained: isDrained),
            ].compactMap { $0 }
            start = end
        }
        return Verdict(
            eventCount: events.count, jobCount: jobCount, deliveryCount: deliveryCount,
            violations: violations.sorted { $0.moment < $1.moment })
    }
}
