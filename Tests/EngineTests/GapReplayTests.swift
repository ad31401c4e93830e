import HoldfastEngine
import HoldfastModel
import HoldfastPages
import HoldfastRecords
import HoldfastSimulation
import Testing

@Suite struct GapReplayTests {
    @Test(
        "S1, S2, S13: ranges of a random history are gone, and every job that is not known to be done is there, once",
        arguments: 1...150)
    func randomGaps(seed: UInt64) throws {
        let run = GapRun(seed: seed)
        run.replay()
        run.judgeLiveJobs()
        run.judgeTokens()
        try run.restart()
        run.judgeTokens()
        try run.drain()
    }

    @Test("S13: a gap without a record changes nothing but the lease epoch", arguments: 1...40)
    func emptyGap(seed: UInt64) {
        let run = GapRun(seed: seed, stepCount: 150)
        var random = SeededRandom(seed: seed)
        let place = LSN(random.below(run.records.count + 1))
        var strict = EngineRig.emptyEngine(run.rig.configuration)
        var lenient = EngineRig.emptyEngine(run.rig.configuration)
        if place == 0 { lenient.passGap(through: 0) }
        for record in run.records {
            replay(record, on: &strict)
            replay(record, on: &lenient)
            if record.lsn == place { lenient.passGap(through: place) }
        }
        strict.passGap(through: strict.lastLSN)
        let counts = lenient.gapCounts
        let expected = strict.gapCounts
        #expect(counts == expected, "seed \(seed)")
        let isSame = lenient.canonicalDump() == strict.canonicalDump()
        #expect(isSame, "seed \(seed), gap at \(place)")
    }

    private func replay(_ record: GapRun.Record, on engine: inout JobEngine) {
        do {
            try record.body.withUnsafeBytes {
                try engine.replay(lsn: record.lsn, frameTime: record.frameTime, body: $0)
            }
        } catch {
            Issue.record("\(error)")
        }
    }

    @Test(
        "S13: random records behind a gap: the invariants hold, and only an unknown type is a fault",
        arguments: 1...60)
    func randomRecords(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let run = GapRun(seed: seed, stepCount: 80)
        let rig = run.rig
        for record in run.records { replay(record, on: &rig.engine) }
        rig.engine.passGap(through: rig.engine.lastLSN + LSN(random.below(3)))
        for number in 0..<150 {
            let body = body(&random, run)
            do {
                try body.withUnsafeBytes {
                    try rig.engine.replay(
                        lsn: rig.engine.lastLSN + 1, frameTime: rig.engine.frameTime, body: $0)
                }
            } catch {
                #expect(
                    "\(error)".contains("a newer broker wrote it"),
                    "seed \(seed), \(number): \(error)")
            }
            let faults = rig.engine.invariantFaults()
            #expect(faults.isEmpty, "seed \(seed), record \(number), \(body): \(faults)")
            guard faults.isEmpty else { return }
        }
        let dump = rig.engine.canonicalDump()
        rig.batch.open(firstLSN: rig.engine.lastLSN + 1, frameTime: rig.engine.frameTime)
        rig.freeze()
        rig.finishSnapshot()
        rig.epoch += 1
        let isSame = try rig.restored(rig.kept.last!).canonicalDump() == dump
        #expect(isSame, "seed \(seed)")
    }

    /// A record of the history, with a byte or so changed; its jobs and queues are likely ones.
    private func body(_ random: inout SeededRandom, _ run: GapRun) -> [UInt8] {
        var body = random.pick(run.records).body
        if random.oneIn(3) { body[0] = 0x80 | UInt8(1 + random.below(12)) }
        for _ in 0..<random.below(3) {
            body[random.below(body.count)] =
                random.oneIn(3) ? UInt8(random.below(256)) : UInt8(random.below(4))
        }
        return body
    }

    // MARK: Tokens

    @Test(
        "S3, S5: tokens of an earlier epoch are lease_lost, also after a restart; made-up ones are not"
    )
    func leaseEpochs() throws {
        let rig = EngineRig()
        let queue = rig.queue("q")
        let lsns = (0..<3).map { _ in rig.enqueue(queue) }
        _ = try rig.lease(queue, count: 1)
        rig.commit()
        #expect(rig.engine.configuration.key.leaseEpoch == 0)
        for epoch in UInt32(1)...2 {
            rig.engine.passGap(through: rig.engine.lastLSN + 5)
            rig.engine.passGap(through: rig.engine.lastLSN + 5)
            rig.batch.open(firstLSN: rig.engine.lastLSN + 1, frameTime: rig.time)
            rig.freeze()
            rig.finishSnapshot()
            rig.epoch += 1
            rig.engine = try rig.restored(try #require(rig.kept.last))
            #expect(rig.engine.configuration.key.leaseEpoch == epoch)
            #expect(rig.engine.gapCounts == GapCounts())
        }
        // What became of the lease nobody knows: it stays until its time is up.
        let summary = try rig.job(rig.id(lsns[0]))
        #expect(summary.state == .leased)
        let key = rig.engine.configuration.key
        for epoch in UInt32(0)...1 {
            var old = key
            old.leaseEpoch = epoch
            let token = old.leaseToken(lsns[0], version: 1)
            #expect(rig.ack([token]).map(\.code) == [.leaseLost])
            #expect(rig.nack([token]).map(\.code) == [.leaseLost])
            #expect(rig.release([token]).map(\.code) == [.leaseLost])
            #expect(rig.reject([token]).map(\.code) == [.leaseLost])
            #expect(rig.extend([token], duration: 0).map(\.code) == [.leaseLost])
            #expect(rig.heartbeat(token) == ItemResult(code: .leaseLost, mustStop: true))
        }
        let good = key.leaseToken(lsns[0], version: 1)
        let madeUp = LeaseToken(lsn: lsns[0], version: 1, check: good.check ^ 1)
        #expect(rig.ack([madeUp]).map(\.code) == [.unknownLease])
        rig.engine.restartLeaseClocks(bootMilliseconds: rig.boot)
        rig.pass(31_000)
        #expect(rig.expire() == 1)
        let deliveries = try rig.lease(queue, count: 3)
        #expect(deliveries.map(\.lsn) == lsns && deliveries.map(\.version) == [2, 1, 1])
        let tokens = deliveries.map { key.leaseToken($0.lsn, version: $0.version) }
        #expect(rig.ack(tokens).allSatisfy { $0 == ItemResult() })
    }

    // MARK: Single records

    /// A rig that replays some of another's records.
    private func follow(_ source: EngineRig, without gone: ClosedRange<LSN>) -> EngineRig {
        source.commit()
        let rig = EngineRig()
        for frame in source.frames {
            for record in frame.records where !gone.contains(record.lsn) {
                if record.lsn > rig.engine.lastLSN + 1 {
                    rig.engine.passGap(through: record.lsn - 1)
                }
                replay(
                    GapRun.Record(lsn: record.lsn, frameTime: frame.frameTime, body: record.body),
                    on: &rig.engine)
            }
        }
        let faults = rig.engine.invariantFaults()
        #expect(faults.isEmpty)
        rig.batch.open(firstLSN: rig.engine.lastLSN + 1, frameTime: rig.engine.frameTime)
        return rig
    }

    @Test("S13: a lease in the gap, and an ack behind it: the job is done, those before it wait")
    func ackBehind() throws {
        let source = EngineRig()
        let queue = source.queue("q")
        let lsns = (0..<6).map { _ in source.enqueue(queue) }
        _ = try source.lease(queue, count: 3)
        let gone = source.batch.lastLSN...source.batch.lastLSN
        _ = source.ack([source.token(lsns[1], 1)])
        _ = try source.lease(queue, count: 2)
        let rig = follow(source, without: gone)
        #expect(rig.engine.liveJobs(in: 1...100) == [0, 2, 3, 4, 5].map { lsns[$0] })
        let states = try [0, 2, 3, 4].map { try rig.engine.job(rig.id(lsns[$0]), birth: nil).state }
        #expect(states == [.delayed, .delayed, .leased, .leased])
        #expect(rig.engine.readyCount(of: queue) == 1)
        let counts = rig.engine.gapCounts
        #expect(
            counts.gapCount == 1 && counts.missingCount == 1 && counts.overtakenJobCount == 2
                && counts.movedJobCount == 1 && counts.coercedCount == 2
                && counts.leftOutCount == 0)
    }

    @Test("S13: a job deep in its lane is taken out of it, and no other is touched")
    func deepInLane() throws {
        let source = EngineRig(limits: PageLimits())
        let (queue, other) = (source.queue("q"), source.queue("r"))
        // Its delay ends in the gap; behind the gap it comes after all the others.
        let lsn = source.enqueue(queue, EnqueueOptions(delayMilliseconds: 1_000))
        let first = source.batch.nextLSN
        source.pass(1_000)
        _ = try source.lease(queue)
        source.commit()
        let last = source.batch.lastLSN
        for _ in 0..<5_000 { _ = source.enqueue(queue) }
        _ = source.enqueue(other)
        _ = source.nack([source.token(lsn, 1)], delay: 0, error: "boom")
        let rig = follow(source, without: first...last)
        #expect(rig.engine.gapCounts.overtakenJobCount == 0)
        #expect(rig.engine.readyCount(of: queue) == 5_001)
        let delivery = try #require(try rig.lease(queue).first)
        #expect(delivery.lsn == lsn && delivery.version == 3 && delivery.attempt == 2)
    }

    @Test("S1: a queue that was made in the gap has another name, until a record says its own")
    func lostQueue() throws {
        let source = EngineRig()
        _ = source.queue("first")
        let queue = source.queue("q")
        let gone = source.batch.lastLSN...source.batch.lastLSN
        let lsn = source.enqueue(queue)
        var rig = follow(source, without: gone)
        #expect(rig.engine.queues(after: nil, limit: 9).map(\.name) == ["first", "recovered-1"])
        #expect(try rig.lease(queue).map(\.lsn) == [lsn])
        var policy = QueuePolicy.standard
        policy.attemptCountMax = 3
        try source.engine.setPolicy(of: queue, policy, into: source.batch)
        rig = follow(source, without: gone)
        let summary = rig.engine.queueSummary(queue)
        #expect(summary.name == "q" && summary.policy == policy && summary.ready == 1)
        #expect(rig.engine.gapCounts.namelessQueueCount == 1)
    }

    @Test("S1: a name that went to another queue in the gap is that one's; the jobs stay")
    func takenName() throws {
        let source = EngineRig()
        let queue = source.queue("q")
        let other = source.queue("other")
        let lsn = source.enqueue(queue)
        let first = source.batch.nextLSN
        _ = try source.lease(queue)
        _ = source.ack([source.token(lsn, 1)])
        try source.engine.deleteQueue(queue, into: source.batch)
        try source.engine.deleteQueue(other, into: source.batch)
        #expect(source.queue("other") == queue)
        let gone = first...source.batch.lastLSN
        #expect(source.queue("q") == other)
        _ = source.enqueue(other)
        let rig = follow(source, without: gone)
        let queues = rig.engine.queues(after: nil, limit: 9)
        #expect(queues.map(\.name) == ["q", "recovered-0"])
        #expect(queues.map(\.id) == [other, queue] && queues.map(\.ready) == [1, 1])
    }

    @Test("S1: a producer's slot that may be another's by now: no request is taken for a repeat")
    func lostProducer() throws {
        for (idle, isKept) in [(Int64(600_000), true), (600_001, false)] {
            let source = EngineRig { $0.producerCountMax = 1 }
            let queue = source.queue("q")
            let slot = try source.engine.registerProducer((1, 1), into: source.batch)
            _ = source.enqueue(queue, producer: (slot, 1, 1))
            source.pass(idle)
            source.engine.producerDisconnected(slot)
            _ = try? source.engine.registerProducer((2, 2), into: source.batch)
            // Either the slot's new producer, or something else.
            if isKept { try source.engine.setPolicy(of: queue, .standard, into: source.batch) }
            let gone = source.batch.lastLSN...source.batch.lastLSN
            _ = source.enqueue(queue, producer: (slot, 7, 1))
            let rig = follow(source, without: gone)
            #expect(rig.engine.jobCount == 2)
            let result = rig.engine.result(of: 7, from: slot)
            #expect((result == .fresh) != isKept)
            #expect(rig.engine.gapCounts.unmarkedBirthCount == (isKept ? 0 : 1))
        }
    }
}
