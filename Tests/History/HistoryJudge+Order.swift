// S7: first in, first leased.
extension HistoryJudge {
    /// Of two jobs of one queue and priority without a delay, of which one was enqueued when the enqueue
    /// of the other had been answered: where both went to one consumer for the first time, the later one
    /// was not asked for before the earlier one, and does not stand before it in one reply.
    ///
    /// Of grants to several consumers nothing can be told from outside: a reply may be under way for any
    /// time. What was delivered for the first time and not received is passed over, since its next
    /// delivery is a retry.
    ///
    /// It would be a false alarm where one number of a client stood for several connections with
    /// requests under way at a time: those are executed in any order.
    func judgeOrder() throws(HistoryFileFault) {
        var records = RecordSorter<FirstDelivery>(byteCountMax: 0, directory: "")
        swap(&records, &firstDeliveries)
        var previous: FirstDelivery?
        // Of those that were asked for later, and of those behind in the same reply, the one that was
        // enqueued first.
        var later: FirstDelivery?
        var atThatMoment: FirstDelivery?
        var inThatReply: FirstDelivery?
        try records.drain { (record) throws(HistoryFileFault) in
            if previous?.isComparable(with: record) != true {
                later = nil
                atThatMoment = nil
                inThatReply = nil
            } else if previous?.asked != record.asked {
                later = FirstDelivery.first(later, atThatMoment)
                atThatMoment = nil
                inThatReply = nil
            } else if previous?.isInOneReply(with: record) != true {
                inThatReply = nil
            }
            for other in [later, inThatReply] {
                guard let other, other.enqueue.lastMoment < record.firstInvoked else { continue }
                violations.append(
                    Violation(
                        .order, job: record.enqueue.job,
                        "was delivered before job \(other.enqueue.job), which had been enqueued "
                            + "before it",
                        events([
                            other.enqueue, record.enqueue, record.delivery, other.delivery,
                        ])))
                break
            }
            previous = record
            atThatMoment = FirstDelivery.first(atThatMoment, record)
            inThatReply = FirstDelivery.first(inThatReply, record)
        }
    }
}

/// The first delivery of a job and its enqueue: by queue, priority and consumer, and then from the
/// delivery that was asked for last to the first, and from the end of each reply.
struct FirstDelivery: BitwiseCopyable, Comparable {
    let enqueue: EventRecord
    let delivery: EventRecord
    /// When the enqueue was sent for the first time.
    let firstInvoked: UInt64

    var asked: UInt64 { delivery.invoked }

    func isComparable(with other: FirstDelivery) -> Bool {
        (delivery.name, enqueue.priority, delivery.client)
            == (other.delivery.name, other.enqueue.priority, other.delivery.client)
    }

    func isInOneReply(with other: FirstDelivery) -> Bool {
        delivery.request != .max && delivery.request == other.delivery.request
            && delivery.position != .max && other.delivery.position != .max
    }

    static func first(_ one: FirstDelivery?, _ other: FirstDelivery?) -> FirstDelivery? {
        guard let one else { return other }
        guard let other else { return one }
        return one.enqueue.lastMoment <= other.enqueue.lastMoment ? one : other
    }

    private var order: (UInt32, UInt8, UInt32, UInt64, UInt64, UInt32) {
        (
            delivery.name, enqueue.priority, delivery.client, ~asked, delivery.request,
            ~delivery.position
        )
    }

    static func == (left: Self, right: Self) -> Bool { left.order == right.order }
    static func < (left: Self, right: Self) -> Bool { left.order < right.order }
}
