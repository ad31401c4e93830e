import HoldfastEngine
import HoldfastHistory
import HoldfastModel
import HoldfastRecords
import HoldfastSimulation

/// Clients that ask, hold what they were given, and write down what they saw. What was asked is
/// answered when its batch is durable; what was asked before a crash is answered by nobody.
struct SimulatedClients {
    /// A delivery that a client has received.
    private struct Held {
        let client: UInt32
        let delivery: Delivery
    }

    private struct Asked {
        var event: HistoryEvent
        /// Set where a job was leased: its content is read when the reply leaves.
        var delivery: Delivery?
    }

    static let clientCount = 3
    private static let queueNames = ["alpha", "beta", "gamma"]
    private var random: HoldfastSimulation.SeededRandom
    private var asked: [Asked] = []
    private var held: [Held] = []
    private(set) var events: [HistoryEvent] = []
    private var enqueueCount: UInt64 = 0
    private var known: Set<LSN> = []
    private var lastMoment: UInt64 = 0

    init(seed: UInt64) {
        random = HoldfastSimulation.SeededRandom(seed: seed)
    }

    /// The time in ns, later than any before: no two things happen at once.
    private mutating func moment(_ elapsedMilliseconds: Int64) -> UInt64 {
        lastMoment = max(lastMoment + 1, UInt64(elapsedMilliseconds) * 1_000_000)
        return lastMoment
    }

    // MARK: Asking

    /// One request of one client, into the open batch.
    mutating func ask(_ store: StoreUnderTest) {
        store.openBatch()
        let client = UInt32(random.below(Self.clientCount))
        let batch = store.batch
        let now = store.clock.elapsedMilliseconds
        let boot = store.clock.bootMilliseconds
        let delayOrigin = store.brokerMilliseconds + 1
        store.withEngine { engine in
            engine.delayOriginMilliseconds = delayOrigin
            switch random.below(20) {
            case 0..<6: enqueue(client, now, &engine, batch)
            case 6..<11: lease(client, now, &engine, batch)
            case 11..<15: ack(now, &engine, batch)
            case 15: nack(now, &engine, batch)
            case 16: give(now, &engine, batch)
            case 17: extend(now, boot, &engine, batch)
            case 18: cancel(client, now, &engine, store)
            default: look(client, now, &engine, store)
            }
        }
    }

    private mutating func ask(
        _ client: UInt32, _ now: Int64, _ operation: HistoryEvent.Operation, _ code: RefusalCode?,
        _ delivery: Delivery? = nil
    ) {
        asked.append(
            Asked(
                event: HistoryEvent(
                    client: client, invoked: moment(now), responded: nil,
                    outcome: code == nil ? .ok : .err, operation: operation),
                delivery: delivery))
    }

    private mutating func enqueue(
        _ client: UInt32, _ now: Int64, _ engine: inout JobEngine, _ batch: RecordBatch
    ) {
        let name = random.pick(Self.queueNames)
        var options = EnqueueOptions(priority: UInt8(random.below(2)))
        if random.oneIn(3) { options.delayMilliseconds = random.pick([1, 700, 5_000, 40_000]) }
        if random.oneIn(3) { options.attemptCountMax = UInt32(1 + random.below(4)) }
        enqueueCount += 1
        var payload = Array("\(enqueueCount)".utf8)
        if random.oneIn(20) { payload += (0..<5_000).map { UInt8(truncatingIfNeeded: $0) } }
        let content = payload.withUnsafeBytes {
            JobContent.bytes(kind: "work".utf8, headers: [], payload: $0)
        }
        let lsn = name.withUTF8Bytes { name -> LSN? in
            guard let queue = try? engine.ensureQueue(named: name, into: batch) else { return nil }
            return content.withUnsafeBytes {
                engine.enqueue(
                    to: queue, options: options, content: $0, producer: nil, into: batch)
            }
        }
        ask(
            client, now,
            .enqueue(
                job: lsn, queue: name, content: contentHash(content),
                delayMilliseconds: options.delayMilliseconds,
                attemptCountMax: options.attemptCountMax, key: nil),
            lsn == nil ? .tooManyQueues : nil)
        asked[asked.count - 1].event.priority = options.priority
    }

    private mutating func lease(
        _ client: UInt32, _ now: Int64, _ engine: inout JobEngine, _ batch: RecordBatch,
        count: Int? = nil, from name: String? = nil
    ) {
        let name = name ?? random.pick(Self.queueNames)
        guard let queue = name.withUTF8Bytes({ engine.queue(named: $0) }) else { return }
        var deliveries: [Delivery] = []
        // Refused where there are as many leases as may be.
        try? engine.lease(
            from: queue, count: count ?? 1 + random.below(4),
            durationMilliseconds: random.pick([0, 1_000, 6_000]), owner: client, into: batch,
            deliveries: &deliveries)
        for delivery in deliveries {
            ask(
                client, now,
                .deliver(
                    HistoryEvent.Lease(job: delivery.lsn, version: delivery.version), queue: name,
                    content: 0, attempt: delivery.attempt,
                    durationMilliseconds: delivery.durationMilliseconds), nil, delivery)
        }
    }

    /// One of what is held, the newest most of the time.
    private mutating func someHeld() -> Held? {
        guard !held.isEmpty else { return nil }
        return random.oneIn(4)
            ? random.pick(held) : held[held.count - 1 - random.below(min(6, held.count))]
    }

    private func token(_ held: Held, _ engine: borrowing JobEngine) -> LeaseToken {
        engine.configuration.key.leaseToken(held.delivery.lsn, version: held.delivery.version)
    }

    private func lease(_ held: Held) -> HistoryEvent.Lease {
        HistoryEvent.Lease(job: held.delivery.lsn, version: held.delivery.version)
    }

    private mutating func ack(
        _ now: Int64, _ engine: inout JobEngine, _ batch: RecordBatch, _ chosen: Int? = nil
    ) {
        guard let held = chosen.map({ held[$0] }) ?? someHeld() else { return }
        var results: [ItemResult] = []
        [token(held, engine)].withUnsafeBufferPointer {
            engine.ack($0, into: batch, results: &results)
        }
        ask(held.client, now, .ack(lease(held)), results[0].code)
    }

    private mutating func nack(_ now: Int64, _ engine: inout JobEngine, _ batch: RecordBatch) {
        guard let held = someHeld() else { return }
        let delay: UInt64? = random.pick([nil, 0, 900, 20_000])
        var results: [ItemResult] = []
        let token = token(held, engine)
        "boom".withUTF8Bytes { error in
            [token].withUnsafeBufferPointer {
                engine.nack(
                    $0, delayMilliseconds: delay, error: error, into: batch, results: &results)
            }
        }
        ask(held.client, now, .nack(lease(held), delayMilliseconds: delay), results[0].code)
    }

    private mutating func give(_ now: Int64, _ engine: inout JobEngine, _ batch: RecordBatch) {
        guard let held = someHeld() else { return }
        var results: [ItemResult] = []
        let token = token(held, engine)
        if random.oneIn(4) {
            "no".withUTF8Bytes { reason in
                [token].withUnsafeBufferPointer {
                    engine.reject($0, reason: reason, into: batch, results: &results)
                }
            }
            ask(held.client, now, .reject(lease(held)), results[0].code)
        } else {
            [token].withUnsafeBufferPointer {
                engine.release($0, into: batch, results: &results)
            }
            ask(held.client, now, .release(lease(held)), results[0].code)
        }
    }

    private mutating func extend(
        _ now: Int64, _ boot: Int64, _ engine: inout JobEngine, _ batch: RecordBatch
    ) {
        guard let held = someHeld() else { return }
        let duration: UInt32 = random.pick([0, 1_000, 12_000])
        var results: [ItemResult] = []
        [token(held, engine)].withUnsafeBufferPointer {
            engine.extend(
                $0, durationMilliseconds: duration, bootMilliseconds: boot, owner: held.client,
                into: batch, results: &results)
        }
        let granted = duration == 0 ? held.delivery.durationMilliseconds : duration
        ask(
            held.client, now, .extend(lease(held), durationMilliseconds: granted),
            results[0].code)
    }

    private mutating func cancel(
        _ client: UInt32, _ now: Int64, _ engine: inout JobEngine, _ store: StoreUnderTest
    ) {
        guard !known.isEmpty, random.oneIn(3) else { return }
        let job = random.pick(known.sorted())
        var results: [ItemResult] = []
        engine.cancel(
            [engine.configuration.key.jobID(job)], births: { store.birth(of: $0) },
            into: store.batch, results: &results)
        ask(client, now, .cancel(job: job), results[0].code)
    }

    private mutating func look(
        _ client: UInt32, _ now: Int64, _ engine: inout JobEngine, _ store: StoreUnderTest,
        _ job: LSN? = nil
    ) {
        guard let job = job ?? (known.isEmpty ? nil : random.pick(known.sorted())) else { return }
        let birth = engine.needsBirth(job) ? store.birth(of: job) : nil
        guard let summary = try? engine.job(engine.configuration.key.jobID(job), birth: birth)
        else {
            ask(client, now, .look(job: job, state: "unknown"), nil)
            return
        }
        ask(client, now, .look(job: job, state: summary.state.name), nil)
    }

    // MARK: Answers

    /// All that was asked is durable: the replies leave, and deliveries are read.
    ///
    /// - Returns: what was wrong with them.
    mutating func answer(_ store: StoreUnderTest) throws -> [String] {
        var faults: [String] = []
        for var question in asked {
            question.event.responded = moment(store.clock.elapsedMilliseconds)
            if let delivery = question.delivery {
                guard let content = try store.content(of: delivery.lsn) else {
                    faults.append("the birth of leased job \(delivery.lsn) cannot be read")
                    continue
                }
                if case .deliver(let lease, let queue, _, let attempt, let duration) =
                    question.event.operation
                {
                    question.event.operation = .deliver(
                        lease, queue: queue, content: contentHash(content), attempt: attempt,
                        durationMilliseconds: duration)
                }
                held.append(Held(client: question.event.client, delivery: delivery))
                if held.count > 60 { held.removeFirst() }
            }
            if question.event.outcome == .ok, let job = question.event.job { known.insert(job) }
            events.append(question.event)
        }
        asked = []
        return faults
    }

    /// The broker is gone: nobody knows what became of what was asked.
    mutating func hangUp() {
        for var question in asked where question.delivery == nil {
            question.event.outcome = .unknown
            if case .enqueue(_, let queue, let content, let delay, let attempts, let key) =
                question.event.operation
            {
                question.event.operation = .enqueue(
                    job: nil, queue: queue, content: content, delayMilliseconds: delay,
                    attemptCountMax: attempts, key: key)
            }
            if case .look = question.event.operation { continue }
            events.append(question.event)
        }
        asked = []
    }

    // MARK: The end

    /// Asks for everything that there is, and acknowledges what was received.
    mutating func drain(_ store: StoreUnderTest) {
        store.openBatch()
        let batch = store.batch
        let now = store.clock.elapsedMilliseconds
        store.withEngine { engine in
            for index in held.indices { ack(now, &engine, batch, index) }
            held = []
            for name in Self.queueNames {
                lease(0, now, &engine, batch, count: 16, from: name)
            }
        }
    }

    /// Looks at every job that anybody knows.
    mutating func lookAtAll(_ store: StoreUnderTest) {
        store.openBatch()
        let now = store.clock.elapsedMilliseconds
        store.withEngine { engine in
            for job in known.sorted() { look(0, now, &engine, store, job) }
        }
    }
}
