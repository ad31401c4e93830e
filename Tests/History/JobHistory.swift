/// The events of one job, sorted by what they are.
struct JobHistory {
    struct Delivery {
        let event: HistoryEvent
        let version: UInt32
        let queue: String
        let content: UInt64
        let attempt: UInt32
        let durationNanoseconds: UInt64
        let received: UInt64
        /// What ended it, was it executed: each ack, nack, release or reject with its token that was
        /// not refused.
        var endings: [HistoryEvent] = []
        var ending: HistoryEvent? { endings.first }
        /// A release that was not refused: it gives the attempt back.
        var release: HistoryEvent?
        /// The extension that reaches furthest, and how far.
        var extended: (event: HistoryEvent, until: UInt64)?
        /// Of the extensions that may have been executed: when the last was over, nil where one was
        /// not answered, and the longest.
        var extensionsAnswered: UInt64? = 0
        var extensionNanosecondsMax: UInt64 = 0
    }

    /// Something done with a token, and not refused.
    struct Use {
        let event: HistoryEvent
        let version: UInt32
    }

    let job: UInt64
    /// When the first of `enqueues` was sent for the first time; nil where there is none.
    let enqueueFirstInvoked: UInt64?
    /// Enqueues that were answered with this job.
    private(set) var enqueues: [HistoryEvent] = []
    /// By version.
    private(set) var deliveries: [Delivery] = []
    /// Answered with ok, by version.
    private(set) var uses: [Use] = []
    private(set) var acks: [Use] = []
    /// Neither refused nor certain to have been executed: ok and unknown.
    private(set) var possibleAcks: [HistoryEvent] = []
    private(set) var possibleCancels: [HistoryEvent] = []
    private(set) var looks: [HistoryEvent] = []
    /// When the last event that is not a look was invoked.
    private var lastChange: UInt64 = 0

    /// - Parameter events: of this job only, in the order in which they were invoked.
    init(job: UInt64, events: some Sequence<HistoryEvent>, enqueueFirstInvoked: UInt64?) {
        self.job = job
        self.enqueueFirstInvoked = enqueueFirstInvoked
        var endings: [Use] = []
        var releases: [Use] = []
        var extensions: [Use] = []
        for event in events {
            if case .look = event.operation {
                if event.outcome == .ok { looks.append(event) }
                continue
            }
            lastChange = max(lastChange, event.invoked)
            guard event.outcome != .err else { continue }
            let isCertain = event.outcome == .ok
            switch event.operation {
            case .enqueue:
                if isCertain { enqueues.append(event) }
            case .deliver(let lease, let queue, let content, let attempt, let duration):
                guard isCertain, let received = event.responded else { continue }
                deliveries.append(
                    Delivery(
                        event: event, version: lease.version, queue: queue, content: content,
                        attempt: attempt, durationNanoseconds: UInt64(duration) * 1_000_000,
                        received: received))
            case .ack(let lease):
                let use = Use(event: event, version: lease.version)
                endings.append(use)
                possibleAcks.append(event)
                if isCertain {
                    uses.append(use)
                    acks.append(use)
                }
            case .release(let lease), .nack(let lease, _), .reject(let lease):
                let use = Use(event: event, version: lease.version)
                endings.append(use)
                if case .release = event.operation { releases.append(use) }
                if isCertain { uses.append(use) }
            case .extend(let lease, _):
                let use = Use(event: event, version: lease.version)
                extensions.append(use)
                if isCertain { uses.append(use) }
            case .cancel: possibleCancels.append(event)
            case .look, .ask, .fault: break
            }
        }
        deliveries.sort { $0.version < $1.version }
        uses.sort { $0.version < $1.version }
        for use in endings {
            forDeliveries(of: use.version) { $0.endings.append(use.event) }
        }
        for use in releases { forDeliveries(of: use.version) { $0.release = use.event } }
        for use in extensions {
            guard case .extend(_, let duration) = use.event.operation else { continue }
            let until = use.event.invoked + UInt64(duration) * 1_000_000
            forDeliveries(of: use.version) { delivery in
                delivery.extensionNanosecondsMax = max(
                    delivery.extensionNanosecondsMax, UInt64(duration) * 1_000_000)
                guard use.event.outcome == .ok, let responded = use.event.responded else {
                    delivery.extensionsAnswered = nil
                    return
                }
                delivery.extensionsAnswered = delivery.extensionsAnswered.map {
                    max($0, responded)
                }
                if until > delivery.extended?.until ?? 0 {
                    delivery.extended = (use.event, until)
                }
            }
        }
    }

    private mutating func forDeliveries(of version: UInt32, _ body: (inout Delivery) -> Void) {
        // The first of that version, by halving; there are several only where a promise is broken.
        var low = 0
        var high = deliveries.count
        while low < high {
            let middle = (low + high) / 2
            if deliveries[middle].version < version { low = middle + 1 } else { high = middle }
        }
        while low < deliveries.count, deliveries[low].version == version {
            body(&deliveries[low])
            low += 1
        }
    }

    /// What was received first of a job that nobody was told of.
    var deliveryWithoutOrigin: Delivery? {
        enqueues.isEmpty ? deliveries.min { $0.received < $1.received } : nil
    }

    /// What says whether the job came in its turn (S7): nil where it need not, for it was delayed, or
    /// where its first delivery was not seen.
    var turn: (enqueue: HistoryEvent, delivery: HistoryEvent)? {
        guard let enqueue = enqueues.min(by: { $0.lastMoment < $1.lastMoment }),
            case .enqueue(_, _, _, 0, _, _) = enqueue.operation, enqueue.priority != nil,
            let first = deliveries.first, first.version == 1
        else { return nil }
        return (enqueue, first.event)
    }

    /// What the job was found to be when nothing was done to it any more.
    var finalLook: (event: HistoryEvent, state: String)? {
        guard let look = looks.last, look.invoked >= lastChange,
            case .look(_, let state) = look.operation
        else { return nil }
        return (look, state)
    }

    /// 0: not known.
    var attemptCountMax: UInt32 {
        guard case .enqueue(_, _, _, _, let attempts, _)? = enqueues.first?.operation else {
            return 0
        }
        return attempts
    }

    /// The earliest moment at which the broker could have let the lease of a delivery end.
    func earliestEnd(of delivery: Delivery) -> UInt64 {
        // The broker starts the lease no sooner than it was asked for.
        var end = delivery.event.invoked + delivery.durationNanoseconds
        if let extended = delivery.extended { end = max(end, extended.until) }
        if let ending = delivery.ending { end = min(end, ending.invoked) }
        for cancel in possibleCancels { end = min(end, cancel.invoked) }
        return end
    }
}
