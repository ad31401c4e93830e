/// A time in which a job was certainly ready, and what made it so.
struct Wait {
    /// Which promise it is that it does not last.
    let property: HistoryProperty
    let cause: HistoryEvent
    /// Not before the last fault was over, in ns.
    let ready: UInt64
    let boundNanoseconds: UInt64
    /// Nobody can have had it before that, in ns.
    let until: UInt64
    /// The delivery that ended it; nil where there was none.
    let delivery: HistoryEvent?

    /// A request for jobs that was under way for too long while the job was ready.
    func slowness(of job: UInt64) -> Violation? {
        guard let delivery, let received = delivery.responded else { return nil }
        let from = max(ready, delivery.invoked)
        guard received > from, received - from > boundNanoseconds else { return nil }
        return Violation(
            property, job: job,
            "was ready for \((received - from) / 1_000_000) ms while a consumer waited for it",
            [cause, delivery])
    }
}

// L1 to L3, as far as a job by itself can tell: since when it was certainly ready, and until when.
//
// Judged from outside, by answers alone:
// - A job is ready since its enqueue or release was answered (L1); since the delay was over, counted from
//   the answer to the enqueue or nack (L3); since the lease was over, counted from the last answer about
//   it or, for one that is older, from the end of the last fault, after which leases begin anew (L2).
// - It stays so until the next delivery was asked for. That must be the one with the next version: where
//   a version is missing, a delivery was under way to somebody who never received it, and nobody knows
//   for how long. Where there is no further delivery, until the job was looked at and found alive, if no
//   request for jobs of that queue was left without an answer.
//
// A promise is broken where, all that while and longer than its bound, a consumer was in the broker with
// a request for jobs of that queue and was not given one: either its request came back empty, which a
// ready job of any priority must prevent (`HistoryJudge.judgeWaits`), or it brought that very job too
// late. So the time that a job stands behind others in its queue, "queue time" and "drain", is never
// counted: as long as others go first, requests do not come back empty.
//
// False alarms: a client that stands still between the moment its answer arrives and the moment it reads
// the clock; a paused queue; a nack after which the queue's backoff is longer than the nack's delay.
// Nothing is said of a nack without a delay of its own, of a lease for whose extension there is no
// answer, and of a job that nobody asks for.
extension JobHistory {
    /// - Parameter end: when the last fault was over, in ns.
    func waits(after end: UInt64, _ bounds: LivenessBounds) -> [Wait] {
        var waits: [Wait] = []
        func add(
            _ cause: HistoryEvent, _ property: HistoryProperty, _ boundMilliseconds: UInt64,
            ready: UInt64, version: UInt32, next: Delivery?
        ) {
            let until: UInt64
            if let next {
                guard next.version == version &+ 1 else { return }
                until = next.event.invoked
            } else {
                guard let look = finalLook, ["ready", "delayed", "leased"].contains(look.state),
                    possibleAcks.isEmpty
                else { return }
                until = look.event.invoked
            }
            waits.append(
                Wait(
                    property: property, cause: cause, ready: max(ready, end),
                    boundNanoseconds: boundMilliseconds * 1_000_000,
                    until: min(until, possibleCancels.first?.invoked ?? .max),
                    delivery: next?.event))
        }

        if let enqueue = enqueues.min(by: { $0.lastMoment < $1.lastMoment }),
            case .enqueue(_, _, _, let delay, _, _) = enqueue.operation
        {
            add(
                enqueue, delay == 0 ? .readyDelivered : .dueDelivered,
                delay == 0 ? bounds.readyMilliseconds : bounds.dueMilliseconds,
                ready: enqueue.lastMoment + delay * 1_000_000, version: 0,
                next: deliveries.first)
        }
        for (index, delivery) in deliveries.enumerated() {
            let next = index + 1 < deliveries.count ? deliveries[index + 1] : nil
            if let ending = delivery.endings.first(where: { $0.outcome == .ok }) {
                switch ending.operation {
                case .release:
                    add(
                        ending, .readyDelivered, bounds.readyMilliseconds,
                        ready: ending.lastMoment, version: delivery.version, next: next)
                case .nack(_, let delay?):
                    add(
                        ending, .dueDelivered, bounds.dueMilliseconds,
                        ready: ending.lastMoment + delay * 1_000_000, version: delivery.version,
                        next: next)
                default: break
                }
                continue
            }
            guard delivery.endings.allSatisfy(\.leavesTheLeaseToEnd),
                let extended = delivery.extensionsAnswered
            else { continue }
            let begun = max(delivery.received, extended)
            let duration = max(delivery.durationNanoseconds, delivery.extensionNanosecondsMax)
            add(
                delivery.event, .expiredDelivered, bounds.expiryMilliseconds,
                ready: (begun < end ? end : begun) + duration, version: delivery.version, next: next
            )
        }
        return waits
    }
}

extension HistoryEvent {
    /// Whether the job is ready no later than at the end of its lease, should this have been executed.
    fileprivate var leavesTheLeaseToEnd: Bool {
        switch operation {
        case .ack, .release: true
        default: false
        }
    }
}
