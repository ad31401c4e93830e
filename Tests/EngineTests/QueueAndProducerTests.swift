import HoldfastEngine
import HoldfastModel
import HoldfastRecords
import Testing

@Suite struct QueueTests {
    @Test("creating, changing and deleting queues")
    func lifeOfAQueue() {
        check(
            """
            create q attempts=3     | ok
            create q attempts=3     | duplicate
            create q attempts=4     | queue_exists
            set q attempts=4        | ok
            create q attempts=4     | duplicate
            enqueue a
            delete q                | queue_not_empty
            lease                   | a:1#1
            delete q                | queue_not_empty
            reject a                | ok
            delete q                | queue_not_empty
            cancel a                | ok
            delete q                | ok
            create r visibility=999 | bad_argument
            create r backoff=2 backoffmax=1 | bad_argument
            """)
    }

    @Test("a number is used again, and the generation tells")
    func numbers() {
        let rig = EngineRig()
        let (a, b) = (rig.queue("a"), rig.queue("b"))
        let generation = rig.engine.queueGeneration
        _ = rig.enqueue(a)
        _ = rig.cancel([rig.id(rig.batch.lastLSN)])
        try! rig.engine.deleteQueue(a, into: rig.batch)
        #expect(rig.engine.queueGeneration != generation)
        #expect(throws: Refusal.self) { try rig.lease(a) }
        let c = rig.queue("c")
        #expect(c == a && c != b)
        #expect(rig.engine.readyCount(of: c) == 0)
        rig.commit()
        #expect(rig.engine.canonicalDump() == rig.dumpOfReplay())
    }

    @Test("names are bytes: texts that only look alike are two queues; bad ones are refused")
    func names() {
        let rig = EngineRig()
        #expect(rig.queue("caf\u{E9}") != rig.queue("cafe\u{301}"))
        for name in ["", "a\nb", String(repeating: "x", count: 256), "\u{7F}"] {
            let refusal = #expect(throws: Refusal.self) { try rig.createQueue(name, .standard) }
            #expect(refusal?.code == .badName)
        }
        #expect(try! rig.createQueue(String(repeating: "x", count: 255), .standard) == false)
    }

    @Test("as many queues as are allowed, and no more")
    func count() {
        let rig = EngineRig { $0.queueCountMax = 2 }
        _ = (rig.queue("a"), rig.queue("b"))
        let refusal = #expect(throws: Refusal.self) { try rig.createQueue("c", .standard) }
        #expect(refusal?.code == .tooManyQueues)
        #expect(try! rig.createQueue("a", .standard) == true)
    }

    @Test("queues are listed by name, a page at a time, with counts and the oldest ready job")
    func list() {
        let rig = EngineRig()
        for name in ["b", "d", "a", "c"] { _ = rig.queue(name) }
        #expect(rig.engine.queues(after: nil, limit: 3).map(\.name) == ["a", "b", "c"])
        #expect(rig.engine.queues(after: "c", limit: 3).map(\.name) == ["d"])
        #expect(rig.engine.queues(after: "bb", limit: .max).map(\.name) == ["c", "d"])
        #expect(rig.engine.queues(after: "d", limit: 3).isEmpty)
        #expect(rig.engine.queues(after: nil, limit: 0).isEmpty)
        #expect(rig.engine.queueSummary(rig.queue("a")).oldestReadyMilliseconds == nil)
        let first = rig.enqueue(rig.queue("a"), EnqueueOptions(priority: 1))
        rig.pass(5_000)
        _ = rig.enqueue(rig.queue("a"), EnqueueOptions(priority: 9))
        #expect(
            rig.engine.queueSummary(rig.queue("a")).oldestReadyMilliseconds == EngineRig.startTime)
        _ = rig.cancel([rig.id(first)])
        let summary = rig.engine.queueSummary(rig.queue("a"))
        #expect(summary.oldestReadyMilliseconds == EngineRig.startTime + 5_000)
        #expect(summary.totals.enqueued == 2 && summary.totals.cancelled == 1)
    }

    @Test("a queue is announced once when its ready count rises from zero")
    func readied() {
        let rig = EngineRig()
        let queue = rig.queue("q")
        func readied() -> [QueueID] {
            var list: [QueueID] = []
            rig.engine.takeReadiedQueues(into: &list)
            return list
        }
        #expect(readied() == [])
        _ = (rig.enqueue(queue), rig.enqueue(queue))
        #expect(readied() == [queue])
        #expect(readied() == [])
        let first = try! rig.lease(queue)[0]
        _ = rig.release([rig.token(first.lsn, first.version)])
        #expect(readied() == [])
        let all = try! rig.lease(queue, count: 2)
        _ = rig.enqueue(rig.queue("r"))
        _ = rig.nack(all.map { rig.token($0.lsn, $0.version) }, delay: 0)
        #expect(readied() == [rig.queue("r"), queue])
    }

    @Test("jobs are listed in the order of birth, by state, a page at a time")
    func jobs() {
        let rig = EngineRig()
        let (queue, other) = (rig.queue("q"), rig.queue("r"))
        let lsns = (0..<2_000).map { rig.enqueue($0 % 2 == 0 ? queue : other) }
        let mine = lsns.filter { ($0 - lsns[0]) % 2 == 0 }
        _ = try! rig.lease(queue, count: 100)
        var found: [LSN] = []
        var cursor: UInt64? = 0
        while let after = cursor {
            let page = rig.jobs(in: queue, state: nil, after: after, limit: 300)
            #expect(page.jobs.count <= 300)
            found += page.jobs.map(\.lsn)
            cursor = page.next
        }
        #expect(found == mine)
        let leased = rig.jobs(in: queue, state: .leased, after: 0, limit: 1_000)
        #expect(leased.jobs.map(\.lsn) == Array(mine.prefix(100)))
        #expect(rig.jobs(in: queue, state: .done, after: 0, limit: 9).jobs.isEmpty)
        #expect(rig.jobs(in: queue, state: nil, after: .max, limit: 9).next == nil)
    }
}

@Suite struct ProducerTests {
    @Test("a repeated enqueue is known, as long as it is among the producer's last 1,024")
    func results() {
        let rig = EngineRig()
        let queue = rig.queue("q")
        let slot = try! rig.engine.registerProducer((1, 2), into: rig.batch)
        #expect(rig.engine.result(of: 1, from: slot) == .fresh)
        var firsts: [UInt64: LSN] = [:]
        for sequence in UInt64(1)...1_030 where sequence != 1_000 {
            firsts[sequence] = rig.enqueue(
                queue, producer: (slot: slot, sequence: sequence, count: 1))
        }
        for engine in 0..<2 {
            if engine == 1 { rig.restart() }
            #expect(rig.engine.result(of: 1, from: slot) == .expired)
            #expect(rig.engine.result(of: 6, from: slot) == .expired)
            #expect(
                rig.engine.result(of: 7, from: slot) == .known(firstLSN: firsts[7]!, count: 1))
            #expect(
                rig.engine.result(of: 1_030, from: slot)
                    == .known(firstLSN: firsts[1_030]!, count: 1))
            #expect(rig.engine.result(of: 1_000, from: slot) == .fresh)
            #expect(rig.engine.result(of: 1_031, from: slot) == .fresh)
            #expect(rig.engine.result(of: .max, from: slot) == .fresh)
        }
        // The greatest number there is makes all others old, and nothing overflows.
        _ = rig.enqueue(queue, producer: (slot: slot, sequence: .max, count: 1))
        #expect(rig.engine.result(of: .max - 1, from: slot) == .fresh)
        #expect(rig.engine.result(of: 1_031, from: slot) == .expired)
    }

    @Test("the same producer keeps its slot over connections and restarts")
    func sameSlot() {
        let rig = EngineRig()
        let first = try! rig.engine.registerProducer((1, 2), into: rig.batch)
        let second = try! rig.engine.registerProducer((2, 1), into: rig.batch)
        #expect(first != second)
        rig.restart()
        let recordCount = rig.batch.recordCount
        #expect(try! rig.engine.registerProducer((1, 2), into: rig.batch) == first)
        #expect(rig.batch.recordCount == recordCount)
    }

    @Test(
        "a slot is used again: the least recent first, never a connected one or one of the last ten minutes"
    )
    func reuse() {
        let rig = EngineRig { $0.producerCountMax = 2 }
        let queue = rig.queue("q")
        func register(_ id: UInt64) throws(Refusal) -> ProducerSlot {
            try rig.engine.registerProducer((id, 0), into: rig.batch)
        }
        let (a, b) = (try! register(1), try! register(2))
        var refusal = #expect(throws: Refusal.self) { try register(3) }
        #expect(refusal?.code == .tooManyProducers && refusal!.retryAfterMilliseconds > 0)
        rig.engine.producerDisconnected(a)
        rig.pass(400_000)
        _ = rig.enqueue(queue, producer: (slot: a, sequence: 1, count: 1))
        rig.engine.producerDisconnected(b)
        refusal = #expect(throws: Refusal.self) { try register(3) }
        #expect(refusal?.retryAfterMilliseconds == 200_001)
        rig.pass(200_001)
        #expect(try! register(3) == b)
        #expect(
            rig.engine.result(of: 1, from: a) == .known(firstLSN: rig.batch.firstLSN - 1, count: 1)
                || rig.engine.result(of: 1, from: a) != .fresh)
        rig.pass(400_000)
        #expect(try! register(4) == a)
        #expect(rig.engine.result(of: 1, from: a) == .fresh)
        rig.commit()
        #expect(rig.engine.canonicalDump() == rig.dumpOfReplay())
    }
}
