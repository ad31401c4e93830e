// One function for each promise: nil where it was kept.
extension JobHistory {
    /// S1: what was accepted is acknowledged, cancelled, or still somewhere.
    func loss() -> Violation? {
        guard let enqueue = enqueues.first, possibleAcks.isEmpty, possibleCancels.isEmpty else {
            return nil
        }
        if let look = finalLook, look.state != "done" { return nil }
        return Violation(
            .noLoss, job: job, "was accepted, nobody acknowledged or cancelled it, and it is gone",
            [enqueue] + deliveries.map(\.event) + looks.suffix(1))
    }

    /// S2: what is delivered was enqueued, once, into that queue and with those bytes. Whether it was
    /// enqueued at all where nobody was told of it, `HistoryJudge.judgeOrigins` says.
    func creation() -> Violation? {
        guard let enqueue = self.enqueues.first,
            case .enqueue(_, let queue, let content, _, _, _) =
                enqueue.operation
        else {
            return deliveryWithoutOrigin.flatMap {
                alteration(queue: $0.queue, content: $0.content, origin: $0.event)
            }
        }
        for other in self.enqueues.dropFirst() {
            if case .enqueue(_, _, _, _, _, let key?) = other.operation,
                case .enqueue(_, _, _, _, _, key) = enqueue.operation
            {
                continue
            }
            return Violation(
                .noCreation, job: job, "is the answer to two different enqueues", [enqueue, other])
        }
        return alteration(queue: queue, content: content, origin: enqueue)
    }

    private func alteration(queue: String, content: UInt64, origin: HistoryEvent) -> Violation? {
        for delivery in deliveries where delivery.queue != queue || delivery.content != content {
            return Violation(
                .noCreation, job: job,
                delivery.queue != queue
                    ? "was delivered from another queue" : "was delivered with other bytes",
                [origin, delivery.event])
        }
        return nil
    }

    /// S3: a delivery is received no sooner than all earlier ones could have ended.
    func sharedLease() -> Violation? {
        var latest: (delivery: Delivery, end: UInt64)?
        for delivery in deliveries {
            if let latest, delivery.version > latest.delivery.version,
                delivery.received < latest.end
            {
                return Violation(
                    .exclusivity, job: job,
                    "was delivered \((latest.end - delivery.received) / 1_000) µs before an "
                        + "earlier lease could have ended",
                    [latest.delivery.event, latest.delivery.extended?.event, delivery.event]
                        .compactMap { $0 })
            }
            let end = earliestEnd(of: delivery)
            if end > latest?.end ?? 0 { latest = (delivery, end) }
        }
        return nil
    }

    /// S4: after an ack was answered, and after a cancel was, the job is nowhere.
    func lifeAfterAck() -> Violation? {
        for ack in acks {
            let answered = ack.event.responded ?? .max
            for delivery in deliveries
            where delivery.event.invoked > answered
                // An ack is taken for the latest delivery only, and is the last.
                || delivery.version > ack.version && delivery.received >= ack.event.invoked
            {
                return Violation(
                    .ackIsFinal, job: job, "was delivered although it had been acknowledged",
                    [ack.event, delivery.event])
            }
            if let violation = life(after: ack.event, "acknowledged") { return violation }
        }
        for cancel in possibleCancels where cancel.outcome == .ok {
            let answered = cancel.responded ?? .max
            if let delivery = deliveries.first(where: { $0.event.invoked > answered }) {
                return Violation(
                    .ackIsFinal, job: job, "was delivered although it had been cancelled",
                    [cancel, delivery.event])
            }
            if let violation = life(after: cancel, "cancelled") { return violation }
        }
        return nil
    }

    private func life(after end: HistoryEvent, _ word: String) -> Violation? {
        for look in looks where look.invoked > end.responded ?? .max {
            guard case .look(_, let state) = look.operation, state != "done" else { continue }
            return Violation(
                .ackIsFinal, job: job, "was found \(state) although it had been \(word)",
                [end, look])
        }
        return nil
    }

    /// S5: no token is taken once a newer one has been received by anybody.
    func staleTokenTaken() -> Violation? {
        // From the newest down: the first that was received of all that are newer than the token.
        var index = deliveries.count
        var newer: Delivery?
        for use in uses.reversed() {
            while index > 0, deliveries[index - 1].version > use.version {
                index -= 1
                if deliveries[index].received < newer?.received ?? .max {
                    newer = deliveries[index]
                }
            }
            if let newer, newer.received < use.event.invoked {
                return Violation(
                    .fencing, job: job, "took a token of an earlier delivery",
                    [newer.event, use.event])
            }
        }
        return nil
    }

    /// S6: never before its delay is over, of the enqueue or of a nack.
    func earliness(toleranceNanoseconds: UInt64) -> Violation? {
        guard let first = deliveries.min(by: { $0.received < $1.received }) else { return nil }
        if let enqueue = self.enqueues.first,
            case .enqueue(_, _, _, let delay, _, _) = enqueue.operation
        {
            let due = (enqueueFirstInvoked ?? enqueue.invoked) + delay * 1_000_000
            if first.received + toleranceNanoseconds < due {
                return Violation(
                    .notBefore, job: job,
                    "was delivered \((due - first.received) / 1_000) µs before it was due",
                    [enqueue, first.event])
            }
        }
        // By version: what was received after the nack, least first from the end.
        var index = deliveries.count
        var next: Delivery?
        for use in uses.reversed() {
            guard case .nack(_, let delay?) = use.event.operation else { continue }
            while index > 0, deliveries[index - 1].version > use.version {
                index -= 1
                if deliveries[index].received < next?.received ?? .max { next = deliveries[index] }
            }
            let due = use.event.invoked + delay * 1_000_000
            if let next, next.received + toleranceNanoseconds < due {
                return Violation(
                    .notBefore, job: job,
                    "was delivered \((due - next.received) / 1_000) µs before the delay of its "
                        + "nack was over",
                    [use.event, next.event])
            }
        }
        return nil
    }

    /// S8: of two deliveries one after the other the later has the greater number.
    func wrongDeliveryNumber() -> Violation? {
        for (earlier, later) in zip(deliveries, deliveries.dropFirst())
        where earlier.version == later.version {
            return Violation(
                .attempts, job: job, "was delivered twice under one number",
                [earlier.event, later.event])
        }
        let byReceipt = deliveries.sorted { $0.received < $1.received }
        var greatest: Delivery?
        var index = 0
        for delivery in deliveries.sorted(by: { $0.event.invoked < $1.event.invoked }) {
            while index < byReceipt.count, byReceipt[index].received < delivery.event.invoked {
                if byReceipt[index].version > greatest?.version ?? 0 {
                    greatest = byReceipt[index]
                }
                index += 1
            }
            if let greatest, greatest.version > delivery.version {
                return Violation(
                    .attempts, job: job, "was delivered under a number lower than an earlier one",
                    [greatest.event, delivery.event])
            }
        }
        return nil
    }

    /// S8: each delivery costs an attempt unless it was released; there are no more attempts than
    /// the job may have, and after the last of them it is dead.
    func wrongAttempt(isDrained: Bool) -> Violation? {
        for delivery in deliveries
        where attemptCountMax > 0 && delivery.attempt > attemptCountMax {
            return Violation(
                .attempts, job: job,
                "was delivered more often than its \(attemptCountMax) attempts",
                [delivery.event])
        }
        for (earlier, later) in zip(deliveries, deliveries.dropFirst()) {
            let least = UInt64(earlier.attempt) + (earlier.release == nil ? 1 : 0)
            let most = UInt64(earlier.attempt) + UInt64(later.version - earlier.version)
            if later.attempt < least || later.attempt > most {
                return Violation(
                    .attempts, job: job,
                    later.attempt < least
                        ? "was delivered again without counting the attempt before"
                        : "counts more attempts than it had deliveries",
                    [earlier.event, later.event])
            }
        }
        if isDrained, attemptCountMax > 0, let last = deliveries.last,
            last.attempt == attemptCountMax, last.release == nil, possibleAcks.isEmpty,
            possibleCancels.isEmpty, let look = finalLook, look.state != "dead"
        {
            return Violation(
                .attempts, job: job, "used up its attempts and is not dead",
                [last.event, look.event])
        }
        return nil
    }
}
