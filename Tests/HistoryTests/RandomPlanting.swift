internal import HoldfastHistory

/// Breaks one promise in a sound history, at a place that a seed chooses.
struct RandomPlanting {
    private var random: SeededRandom
    private let events: [HistoryEvent]
    private let deliveries: [UInt64: [HistoryEvent]]
    private let enqueues: [UInt64: HistoryEvent]
    /// When the last fault is over.
    private let end: UInt64
    private static let second: UInt64 = 1_000_000_000

    init(_ events: [HistoryEvent], seed: UInt64) {
        random = SeededRandom(seed: seed)
        self.events = events
        var deliveries: [UInt64: [HistoryEvent]] = [:]
        var enqueues: [UInt64: HistoryEvent] = [:]
        var end: UInt64 = 0
        for event in events.sorted(by: { $0.invoked < $1.invoked }) {
            switch event.operation {
            case .enqueue(let job?, _, _, _, _, _): enqueues[job] = event
            case .deliver(let lease, _, _, _, _): deliveries[lease.job, default: []].append(event)
            case .fault: end = max(end, event.responded ?? 0)
            default: break
            }
        }
        self.deliveries = deliveries.mapValues { $0.sorted { $0.version < $1.version } }
        self.enqueues = enqueues
        self.end = end
    }

    /// - Returns: nil where this history has no place for it.
    mutating func broken(_ property: HistoryProperty) -> [HistoryEvent]? {
        switch property {
        case .noLoss: loss()
        case .noCreation: alteration()
        case .exclusivity: sharedLease()
        case .ackIsFinal: lifeAfterAck()
        case .fencing: staleToken()
        case .notBefore: earliness()
        case .order: disorder()
        case .attempts: wrongAttempt()
        case .readyDelivered: starvation(delayed: false)
        case .expiredDelivered: lateExpiry()
        case .dueDelivered: starvation(delayed: true)
        case .restartServes: slowRestart()
        case .spaceServes: random.chance(50) ? lateSpace() : refusedAck()
        }
    }

    private mutating func pick<Element>(_ elements: [Element]) -> Element? {
        elements.randomElement(using: &random)
    }

    private func replacing(_ old: HistoryEvent, _ new: HistoryEvent) -> [HistoryEvent] {
        var events = events
        if let index = events.firstIndex(of: old) { events[index] = new }
        return events
    }

    private mutating func loss() -> [HistoryEvent]? {
        let acked = events.filter { event in
            guard case .ack = event.operation, event.outcome == .ok, let job = event.job else {
                return false
            }
            return enqueues[job] != nil
        }
        guard let job = pick(acked)?.job else { return nil }
        return events.filter { event in
            switch event.operation {
            case .ack, .look: event.job != job
            default: true
            }
        }
    }

    private mutating func alteration() -> [HistoryEvent]? {
        guard let old = pick(deliveries.sorted { $0.key < $1.key }.flatMap(\.value)),
            case .deliver(let lease, let queue, let content, let attempt, let duration) =
                old.operation
        else { return nil }
        var new = old
        new.operation = .deliver(
            lease, queue: queue, content: content ^ 1, attempt: attempt,
            durationMilliseconds: duration)
        return replacing(old, new)
    }

    /// A second worker gets the job with the next version, a moment after the first.
    private mutating func sharedLease() -> [HistoryEvent]? {
        var used: Set<HistoryEvent.Lease> = []
        for event in events {
            if let lease = event.endedLease { used.insert(lease) }
        }
        var lasts: [HistoryEvent] = []
        for (_, list) in deliveries.sorted(by: { $0.key < $1.key }) {
            guard let last = list.last, let lease = last.lease, !used.contains(lease) else {
                continue
            }
            lasts.append(last)
        }
        guard let old = pick(lasts), let lease = old.lease, let received = old.responded,
            case .deliver(_, let queue, let content, let attempt, let duration) = old.operation
        else { return nil }
        var new = old
        new.client += 1
        new.invoked = received
        new.responded = received + 1
        new.operation = .deliver(
            HistoryEvent.Lease(job: lease.job, version: lease.version + 1), queue: queue,
            content: content, attempt: attempt + 1, durationMilliseconds: duration)
        return events + [new]
    }

    private mutating func lifeAfterAck() -> [HistoryEvent]? {
        let acks = events.filter {
            if case .ack = $0.operation { $0.outcome == .ok } else { false }
        }
        guard let ack = pick(acks), let job = ack.job, let answered = ack.responded else {
            return nil
        }
        return events + [
            HistoryEvent(
                client: 0, invoked: answered + 1, responded: answered + 2, outcome: .ok,
                operation: .look(job: job, state: "ready"))
        ]
    }

    private mutating func staleToken() -> [HistoryEvent]? {
        let retried = deliveries.sorted { $0.key < $1.key }.map(\.value).filter { $0.count > 1 }
        guard let pair = pick(retried), let old = pair[0].lease, let received = pair[1].responded
        else { return nil }
        return events + [
            HistoryEvent(
                client: 4, invoked: received + 1, responded: received + 2, outcome: .ok,
                operation: .extend(old, durationMilliseconds: 1_000))
        ]
    }

    private mutating func earliness() -> [HistoryEvent]? {
        let delayed = enqueues.sorted { $0.key < $1.key }.map(\.value).filter {
            guard case .enqueue(let job?, _, _, let delay, _, _) = $0.operation else {
                return false
            }
            return delay > 20 && deliveries[job]?.isEmpty == false
        }
        guard let enqueue = pick(delayed), let job = enqueue.job, let old = deliveries[job]?[0],
            case .enqueue(_, _, _, let delay, _, _) = enqueue.operation
        else { return nil }
        var new = old
        new.responded = enqueue.invoked + delay * 1_000_000 - 1
        new.invoked = min(new.invoked, new.responded!)
        return replacing(old, new)
    }

    /// Two first deliveries of one consumer change places.
    private mutating func disorder() -> [HistoryEvent]? {
        struct Lane: Hashable {
            let queue: String
            let priority: UInt8?
            let client: UInt32
        }
        var lanes: [Lane: [(enqueue: HistoryEvent, delivery: HistoryEvent)]] = [:]
        for (job, enqueue) in enqueues.sorted(by: { $0.key < $1.key }) {
            guard case .enqueue(_, let queue, _, 0, _, _) = enqueue.operation,
                let first = deliveries[job]?.first, first.version == 1
            else { continue }
            lanes[
                Lane(queue: queue, priority: enqueue.priority, client: first.client), default: []
            ].append((enqueue, first))
        }
        var pairs: [(HistoryEvent, HistoryEvent)] = []
        for lane in lanes.values {
            for (earlier, later) in zip(lane, lane.dropFirst()) {
                guard let answered = earlier.enqueue.responded, answered < later.enqueue.invoked
                else { continue }
                pairs.append((earlier.delivery, later.delivery))
            }
        }
        pairs.sort { $0.0.job ?? 0 < $1.0.job ?? 0 }
        guard let (one, other) = pick(pairs) else { return nil }
        var events = events
        guard let first = events.firstIndex(of: one), let second = events.firstIndex(of: other)
        else { return nil }
        for (index, place) in [(first, other), (second, one)] {
            events[index].invoked = place.invoked
            events[index].responded = place.responded
            events[index].request = place.request
            events[index].position = place.position
        }
        return events
    }

    private mutating func wrongAttempt() -> [HistoryEvent]? {
        let retried = deliveries.sorted { $0.key < $1.key }.map(\.value).filter { $0.count > 1 }
        guard let old = pick(retried)?[1],
            case .deliver(let lease, let queue, let content, let attempt, let duration) =
                old.operation
        else { return nil }
        var new = old
        new.operation = .deliver(
            lease, queue: queue, content: content, attempt: attempt + lease.version,
            durationMilliseconds: duration)
        return replacing(old, new)
    }

    // MARK: Liveness

    /// A request that came back empty just before somebody else got the job.
    private func emptyRequest(_ queue: String, before moment: UInt64) -> HistoryEvent {
        HistoryEvent(
            client: 50, invoked: moment - 2_000_000, responded: moment - 1, outcome: .ok,
            operation: .ask(queue: queue, waitMilliseconds: 0))
    }

    /// The job was enqueued long before it came, and somebody had asked.
    private mutating func starvation(delayed: Bool) -> [HistoryEvent]? {
        let late = enqueues.sorted { $0.key < $1.key }.map(\.value).filter {
            guard case .enqueue(let job?, _, _, let delay, _, _) = $0.operation,
                let first = deliveries[job]?.first
            else { return false }
            return first.version == 1 && (delay > 0) == delayed
                && first.invoked > end + 6 * Self.second
        }
        guard let old = pick(late), let job = old.job, let first = deliveries[job]?.first,
            case .enqueue(_, let queue, _, _, _, _) = old.operation
        else { return nil }
        var new = old
        new.invoked = first.invoked - min(first.invoked, 10 * Self.second)
        new.responded = new.invoked + 1
        return replacing(old, new) + [emptyRequest(queue, before: first.invoked)]
    }

    private mutating func lateExpiry() -> [HistoryEvent]? {
        var used: Set<HistoryEvent.Lease> = []
        for event in events {
            if let lease = event.usedLease { used.insert(lease) }
        }
        var places: [(HistoryEvent, HistoryEvent)] = []
        for (_, list) in deliveries.sorted(by: { $0.key < $1.key }) {
            for (old, next) in zip(list, list.dropFirst()) where next.version == old.version + 1 {
                guard let lease = old.lease, !used.contains(lease),
                    next.invoked > end + 5 * Self.second
                else { continue }
                places.append((old, next))
            }
        }
        guard let (old, next) = pick(places), case .deliver(_, let queue, _, _, _) = old.operation
        else { return nil }
        var new = old
        new.invoked = next.invoked - min(next.invoked, 10 * Self.second)
        new.responded = new.invoked + 1
        return replacing(old, new) + [emptyRequest(queue, before: next.invoked)]
    }

    private mutating func slowRestart() -> [HistoryEvent]? {
        let restarts = events.filter { $0.operation == .fault(.restart) }
        guard let last = restarts.max(by: { $0.invoked < $1.invoked }) else { return nil }
        // No other fault may be there to excuse it.
        let after = events.contains {
            if case .fault = $0.operation { $0.lastMoment > last.lastMoment } else { false }
        }
        guard !after else { return nil }
        var new = last
        new.responded = random.chance(50) ? last.invoked + 5_001 * 1_000_000 : nil
        return replacing(last, new)
    }

    private mutating func lateSpace() -> [HistoryEvent]? {
        let times = events.filter { $0.operation == .fault(.full) }
        guard let last = times.max(by: { $0.lastMoment < $1.lastMoment }) else { return nil }
        return events + [
            HistoryEvent(
                client: 0, invoked: last.lastMoment + 5_001 * 1_000_000,
                responded: last.lastMoment + 5_002 * 1_000_000, outcome: .err,
                operation: .enqueue(
                    job: nil, queue: "a", content: 1, delayMilliseconds: 0, attemptCountMax: 1,
                    key: nil), refusal: "storage_full")
        ]
    }

    private mutating func refusedAck() -> [HistoryEvent]? {
        let acks = events.filter {
            if case .ack = $0.operation { $0.outcome == .err } else { false }
        }
        guard let old = pick(acks) else { return nil }
        var new = old
        new.refusal = "storage_full"
        return replacing(old, new)
    }
}

extension HistoryEvent {
    fileprivate var lastMoment: UInt64 { max(invoked, responded ?? 0) }

    fileprivate var lease: Lease? {
        if case .deliver(let lease, _, _, _, _) = operation { lease } else { nil }
    }

    fileprivate var version: UInt32 { lease?.version ?? 0 }

    /// Of what ends a lease.
    fileprivate var endedLease: Lease? {
        switch operation {
        case .ack(let lease), .release(let lease), .nack(let lease, _), .reject(let lease): lease
        default: nil
        }
    }

    fileprivate var usedLease: Lease? {
        if case .extend(let lease, _) = operation { lease } else { endedLease }
    }
}
