import HoldfastEngine
import HoldfastModel
import HoldfastRecords
import HoldfastSimulation

/// Verbs of every kind by seed, each into the open batch of a store. What the store answers is not
/// judged here; a token or a job that is gone is refused, which is as good a verb as any.
package struct Workload {
    private let queueNames: [String]
    private var random: SeededRandom
    /// The last that were given out.
    private var tokens: [LeaseToken] = []
    private var born: [LSN] = []
    private var sequences: [UInt64: UInt64] = [:]
    private static let rememberedCount = 40

    package init(seed: UInt64, queueNames: [String] = ["alpha", "beta", "gamma"]) {
        self.queueNames = queueNames
        random = SeededRandom(seed: seed)
    }

    /// Runs one verb, or lets time pass; the batch may be empty afterwards.
    package mutating func step(on store: StoreUnderTest) {
        store.openBatch()
        let batch = store.batch
        store.withEngine { engine in
            switch random.below(100) {
            case 0..<26: enqueue(&engine, batch)
            case 26..<48: lease(&engine, batch)
            case 48..<60: ack(&engine, batch)
            case 60..<67: nack(&engine, batch)
            case 67..<71: release(&engine, batch)
            case 71..<74: reject(&engine, batch)
            case 74..<80: prolong(&engine, batch, store.clock.bootMilliseconds)
            case 80..<83: cancel(&engine, store)
            case 83..<86: redrive(&engine, batch)
            case 86..<88: returnUndelivered(&engine, batch)
            case 88..<92: expire(&engine, batch, store.clock.bootMilliseconds)
            case 92..<95: clearOut(&engine, store)
            default: changeQueues(&engine, batch)
            }
        }
    }

    /// How long nothing happens before the next batch, in milliseconds.
    package mutating func pause() -> Int64 { random.pick([0, 1, 16, 160, 1_008, 4_000, 30_000]) }

    package mutating func oneIn(_ count: Int) -> Bool { random.oneIn(count) }
    package mutating func below(_ bound: Int) -> Int { random.below(bound) }
    package mutating func next() -> UInt64 { random.next() }

    // MARK: Births and leases

    /// A queue that exists, created where it does not.
    private mutating func someQueue(_ engine: inout JobEngine, _ batch: RecordBatch) -> QueueID? {
        let name = random.pick(queueNames)
        var policy = QueuePolicy.standard
        policy.visibilityTimeoutMilliseconds = random.pick([1_008, 4_800, 30_000])
        policy.attemptCountMax = UInt32(1 + random.below(4))
        policy.interruptionCountMax = UInt32(1 + random.below(3))
        policy.backoffMilliseconds = random.pick([0, 1, 500, 4_000])
        policy.backoffMillisecondsMax = 10_000
        return name.withUTF8Bytes { name in
            if let queue = engine.queue(named: name) { return queue }
            if let (queue, _) = try? engine.createQueue(named: name, policy: policy, into: batch) {
                return queue
            }
            return engine.queues(after: nil, limit: 1).first?.id
        }
    }

    /// A job's content: small most of the time, of several blocks now and then.
    private mutating func content() -> [UInt8] {
        let byteCount = random.oneIn(12) ? 3_000 + random.below(7_000) : random.below(120)
        let payload = (0..<byteCount).map { _ in UInt8(truncatingIfNeeded: random.next()) }
        return payload.withUnsafeBytes {
            JobContent.bytes(kind: "work".utf8, headers: [], payload: $0)
        }
    }

    private mutating func enqueue(_ engine: inout JobEngine, _ batch: RecordBatch) {
        guard let queue = someQueue(&engine, batch) else { return }
        var options = EnqueueOptions(priority: UInt8(random.pick([0, 0, 0, 5, 15])))
        if random.oneIn(3) { options.delayMilliseconds = random.pick([1, 100, 2_000, 60_000]) }
        if random.oneIn(5) { options.attemptCountMax = UInt32(1 + random.below(3)) }
        let count = random.pick([1, 1, 2, 5])
        var mark: (slot: ProducerSlot, sequence: UInt64, count: UInt32)?
        if random.oneIn(3) {
            let producer = UInt64(1 + random.below(3))
            if let slot = try? engine.registerProducer((producer, 7), into: batch) {
                sequences[producer, default: 0] += 1
                mark = (slot, sequences[producer]!, UInt32(count))
                engine.producerDisconnected(slot)
            }
        }
        for number in 0..<count {
            let lsn = content().withUnsafeBytes {
                engine.enqueue(
                    to: queue, options: options, content: $0, producer: number == 0 ? mark : nil,
                    into: batch)
            }
            remember(lsn)
        }
    }

    private mutating func remember(_ lsn: LSN) {
        if born.count == Self.rememberedCount { born.removeFirst() }
        born.append(lsn)
    }

    private mutating func lease(_ engine: inout JobEngine, _ batch: RecordBatch) {
        guard let queue = someQueue(&engine, batch) else { return }
        var deliveries: [Delivery] = []
        // Refused where there are as many leases as may be.
        try? engine.lease(
            from: queue, count: 1 + random.below(5),
            durationMilliseconds: random.pick([0, 1_000, 4_800]), owner: UInt32(random.below(3)),
            into: batch, deliveries: &deliveries)
        for delivery in deliveries {
            if tokens.count == Self.rememberedCount { tokens.removeFirst() }
            tokens.append(
                engine.configuration.key.leaseToken(delivery.lsn, version: delivery.version))
        }
    }

    // MARK: Verbs on leases

    /// One of the tokens that are new, or one that may be old.
    private mutating func someTokens() -> [LeaseToken] {
        guard !tokens.isEmpty else { return [] }
        return (0..<1 + random.below(3)).map { _ in
            random.oneIn(4)
                ? random.pick(tokens)
                : tokens[tokens.count - 1 - random.below(min(8, tokens.count))]
        }
    }

    private mutating func ack(_ engine: inout JobEngine, _ batch: RecordBatch) {
        var results: [ItemResult] = []
        someTokens().withUnsafeBufferPointer { engine.ack($0, into: batch, results: &results) }
    }

    private mutating func nack(_ engine: inout JobEngine, _ batch: RecordBatch) {
        let delay: UInt64? = random.pick([nil, 0, 1, 2_000])
        let error = random.pick(["", "boom", String(repeating: "long ", count: 60)])
        let tokens = someTokens()
        var results: [ItemResult] = []
        error.withUTF8Bytes { error in
            tokens.withUnsafeBufferPointer {
                engine.nack(
                    $0, delayMilliseconds: delay, error: error, into: batch, results: &results)
            }
        }
    }

    private mutating func release(_ engine: inout JobEngine, _ batch: RecordBatch) {
        var results: [ItemResult] = []
        someTokens().withUnsafeBufferPointer { engine.release($0, into: batch, results: &results) }
    }

    private mutating func reject(_ engine: inout JobEngine, _ batch: RecordBatch) {
        let tokens = someTokens()
        var results: [ItemResult] = []
        "no".withUTF8Bytes { reason in
            tokens.withUnsafeBufferPointer {
                engine.reject($0, reason: reason, into: batch, results: &results)
            }
        }
    }

    private mutating func prolong(_ engine: inout JobEngine, _ batch: RecordBatch, _ boot: Int64) {
        let duration: UInt32 = random.pick([0, 1_000, 9_600])
        let owner = UInt32(random.below(3))
        let tokens = someTokens()
        var results: [ItemResult] = []
        if random.oneIn(3) {
            tokens.withUnsafeBufferPointer {
                engine.extend(
                    $0, durationMilliseconds: duration, bootMilliseconds: boot, owner: owner,
                    into: batch, results: &results)
            }
            return
        }
        let byteCount = random.pick([0, 20, 2_000])
        let checkpoint = (0..<byteCount).map { _ in UInt8(truncatingIfNeeded: random.next()) }
        checkpoint.withUnsafeBytes { checkpoint in
            engine.heartbeat(
                tokens.map { HeartbeatItem(token: $0, checkpoint: checkpoint) },
                durationMilliseconds: duration, bootMilliseconds: boot, owner: owner, into: batch,
                results: &results)
        }
    }

    private mutating func returnUndelivered(_ engine: inout JobEngine, _ batch: RecordBatch) {
        for token in someTokens() {
            engine.returnUndelivered(lsn: token.lsn, version: token.version, into: batch)
        }
    }

    private mutating func expire(_ engine: inout JobEngine, _ batch: RecordBatch, _ boot: Int64) {
        let connected = UInt32(random.below(3))
        _ = engine.expireLeases(
            bootMilliseconds: boot, limit: 1 + random.below(20), isConnected: { $0 == connected },
            into: batch)
    }

    // MARK: Verbs on jobs and queues

    private mutating func someJobs(_ engine: borrowing JobEngine) -> [JobID] {
        guard !born.isEmpty else { return [] }
        let key = engine.configuration.key
        return (0..<1 + random.below(3)).map { _ in key.jobID(random.pick(born)) }
    }

    private mutating func cancel(_ engine: inout JobEngine, _ store: StoreUnderTest) {
        var results: [ItemResult] = []
        engine.cancel(
            someJobs(engine), births: { store.birth(of: $0) }, into: store.batch,
            results: &results)
    }

    /// Ends old jobs, all of them or most, so that little or nothing of some segments is left.
    private mutating func clearOut(_ engine: inout JobEngine, _ store: StoreUnderTest) {
        guard engine.lastLSN > 20 else { return }
        let border = engine.lastLSN - UInt64(random.below(20))
        let keptOneIn = random.pick([4, 1_000])
        let key = engine.configuration.key
        for queue in engine.queues(after: nil, limit: .max) {
            let (jobs, _) = engine.jobCandidates(in: queue.id, state: nil, after: 0, limit: 64)
            let ended = jobs.map(\.lsn).filter { $0 < border && !random.oneIn(keptOneIn) }
            var results: [ItemResult] = []
            engine.cancel(
                ended.map(key.jobID), births: { store.birth(of: $0) }, into: store.batch,
                results: &results)
        }
    }

    private mutating func redrive(_ engine: inout JobEngine, _ batch: RecordBatch) {
        if random.oneIn(2), let queue = someQueue(&engine, batch) {
            _ = engine.redrive(from: queue, limit: 1 + random.below(4), into: batch)
            return
        }
        var results: [ItemResult] = []
        engine.redrive(someJobs(engine), into: batch, results: &results)
    }

    private mutating func changeQueues(_ engine: inout JobEngine, _ batch: RecordBatch) {
        guard let queue = someQueue(&engine, batch), engine.isLive(queue) else { return }
        if random.oneIn(2) {
            var policy = engine.queueSummary(queue).policy
            policy.attemptCountMax = UInt32(1 + random.below(4))
            // Both are refused only where the queue is not there or not empty.
            try? engine.setPolicy(of: queue, policy, into: batch)
        } else {
            try? engine.deleteQueue(queue, into: batch)
        }
    }
}
