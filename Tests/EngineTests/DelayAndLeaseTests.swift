import HoldfastEngine
import HoldfastModel
import HoldfastRecords
import HoldfastSimulation
import Testing

@Suite struct DelayTests {
    @Test("delayed jobs are moved in the order (due, job), no sooner than due")
    func order() {
        check(
            """
            enqueue a delay=3000
            enqueue b delay=1000
            enqueue c delay=2000
            enqueue d delay=1000
            counts          | 0 4 0 0
            pass 999
            lease           |
            show b          | delayed v0 0/0/0/0 +1
            pass 1
            lease count=9   | b:1#1 d:1#1
            pass 2000
            lease count=9   | c:1#1 a:1#1
            """)
    }

    @Test("at most dueCountMax jobs are moved at once, and replay moves exactly as far")
    func bounded() {
        check(
            """
            enqueue a b c d e delay=1000
            pass 1000
            counts          | 2 3 0 0
            pass 0
            counts          | 4 1 0 0
            restart
            pass 0
            counts          | 5 0 0 0
            lease count=9   | a:1#1 b:1#1 c:1#1 d:1#1 e:1#1
            """, configure: { $0.dueCountMax = 2 })
    }

    @Test("a delay of 1 ms and one of 366 days are exact")
    func edges() {
        check(
            """
            enqueue a delay=1
            enqueue b delay=31622399999
            enqueue c delay=31622400000
            pass 0
            counts          | 0 3 0 0
            pass 1
            counts          | 1 2 0 0
            pass 31622399998
            counts          | 2 1 0 0
            pass 1
            counts          | 3 0 0 0
            """)
    }

    @Test("a cancelled delay leaves nothing that is due")
    func cancelled() {
        check(
            """
            enqueue a delay=1000
            enqueue b delay=2000
            cancel a        | ok
            counts          | 0 1 0 0
            pass 1000
            counts          | 0 1 0 0
            pass 1000
            counts          | 1 0 0 0
            cancel b        | ok
            counts          | 0 0 0 0
            lease           |
            """)
    }

    @Test("thousands of cancelled delays and ready jobs give their memory back in order")
    func sweeps() {
        let rig = EngineRig()
        let queue = rig.queue("q")
        let count = 5_000
        let ready = (0..<count).map { _ in rig.enqueue(queue) }
        let delayed = (0..<count).map {
            rig.enqueue(queue, EnqueueOptions(delayMilliseconds: UInt64(1_000 + $0)))
        }
        let kept = stride(from: 0, to: count, by: 100).map { ready[$0] }
        #expect(
            rig.cancel(ready.filter { !kept.contains($0) }.map(rig.id)).allSatisfy {
                $0.code == nil
            })
        #expect(rig.cancel(delayed.dropLast().map(rig.id)).allSatisfy { $0.code == nil })
        #expect(rig.engine.invariantFaults().isEmpty)
        #expect(rig.engine.nextDueMilliseconds == rig.time + Int64(1_000 + count - 1))
        #expect(try! rig.lease(queue, count: 1_000).map(\.lsn) == kept)
        rig.commit()
        #expect(rig.engine.canonicalDump() == rig.dumpOfReplay())
    }

    @Test(
        "the backoff doubles up to its maximum, within ±20 %, and the same job waits the same again"
    )
    func backoff() {
        let rig = EngineRig()
        let policy = QueuePolicy(
            attemptCountMax: 100, backoffMilliseconds: 1_000, backoffMillisecondsMax: 60_000)
        #expect(try! rig.createQueue("q", policy) == false)
        let queue = rig.queue("q")
        let lsns = (0..<50).map { _ in rig.enqueue(queue) }
        var seen: Set<Int64> = []
        for attempt in 0..<70 {
            let base: Int64 = attempt < 6 ? 1_000 << Int64(attempt) : 60_000
            let deliveries = try! rig.lease(queue, count: 50)
            #expect(deliveries.count == 50)
            _ = rig.nack(deliveries.map { rig.token($0.lsn, $0.version) })
            for lsn in lsns {
                let wait = try! rig.job(rig.id(lsn)).dueMilliseconds! - rig.time
                #expect((base * 8 / 10...base * 12 / 10).contains(wait), "attempt \(attempt + 1)")
                seen.insert(wait)
            }
            rig.pass(72_000)
        }
        #expect(seen.count > 500)
    }

    @Test("a nack's own delay: 0 goes to the front, the maximum is exact, more is refused")
    func ownDelay() {
        check(
            """
            enqueue a b
            lease           | a:1#1
            nack a delay=0  | ok
            show a          | ready v2 1/0/0/0
            lease           | a:3#2
            nack a delay=31622400000 error=late | ok
            show a          | delayed v4 2/0/0/0 +31622400000 late
            """)
    }
}

@Suite struct LeaseClockTests {
    @Test("a lease's clock starts when its record is durable")
    func startsWhenDurable() {
        let rig = EngineRig()
        let queue = rig.queue("q")
        _ = rig.enqueue(queue)
        _ = try! rig.lease(queue, duration: 1_000)
        #expect(rig.engine.nextLeaseDeadlineMilliseconds == nil)
        rig.engine.startLeaseClocks(throughDurable: rig.batch.lastLSN - 1, bootMilliseconds: 500)
        #expect(rig.engine.nextLeaseDeadlineMilliseconds == nil)
        rig.engine.startLeaseClocks(throughDurable: rig.batch.lastLSN, bootMilliseconds: 60_000)
        // 61,000 is not a multiple of the wheel's 16 ms.
        #expect(rig.engine.nextLeaseDeadlineMilliseconds == 61_008)
        func expire(_ boot: Int64) -> Int {
            rig.engine.expireLeases(
                bootMilliseconds: boot, limit: 10, isConnected: { _ in true }, into: rig.batch)
        }
        #expect(expire(60_999) == 0)
        #expect(expire(61_007) == 0)
        #expect(expire(61_008) == 1)
    }

    @Test("S3 readings of the clock are rounded down: no lease ends in its last millisecond")
    func lastMillisecond() throws {
        let rig = EngineRig()
        let queue = rig.queue("q")
        _ = rig.enqueue(queue)
        _ = try rig.lease(queue, duration: 1_000)
        // It may be almost 60,009 already.
        rig.engine.startLeaseClocks(throughDurable: rig.batch.lastLSN, bootMilliseconds: 60_008)
        func expire(_ boot: Int64) -> Int {
            rig.engine.expireLeases(
                bootMilliseconds: boot, limit: 10, isConnected: { _ in true }, into: rig.batch)
        }
        // A tick of the wheel.
        #expect(61_008 % 16 == 0)
        #expect(expire(61_008) == 0)
        #expect(rig.engine.nextLeaseDeadlineMilliseconds == 61_024)
        #expect(expire(61_023) == 0)
        #expect(expire(61_024) == 1)
    }

    @Test("a lease whose job is still being read has no clock until somebody is told of it")
    func heldUntilRead() {
        let rig = EngineRig()
        let queue = rig.queue("q")
        _ = rig.enqueue(queue)
        _ = rig.enqueue(queue)
        let jobs = try! rig.lease(queue, count: 2, duration: 1_000)
        rig.engine.holdLeaseClock(lsn: jobs[0].lsn, version: jobs[0].version)
        rig.engine.startLeaseClocks(throughDurable: rig.batch.lastLSN, bootMilliseconds: 0)
        func expire(_ boot: Int64) -> Int {
            rig.engine.expireLeases(
                bootMilliseconds: boot, limit: 10, isConnected: { _ in true }, into: rig.batch)
        }
        // The other one's clock runs, although it was granted behind the held one.
        #expect(expire(50_000) == 1)
        rig.engine.startHeldLeaseClock(
            lsn: jobs[0].lsn, version: jobs[0].version &+ 1, bootMilliseconds: 60_000)
        #expect(rig.engine.nextLeaseDeadlineMilliseconds == nil)
        rig.engine.startHeldLeaseClock(
            lsn: jobs[0].lsn, version: jobs[0].version, bootMilliseconds: 60_000)
        #expect(expire(60_992) == 0)
        #expect(expire(61_008) == 1)
        #expect(rig.engine.invariantFaults().isEmpty)
    }

    @Test("payload of a leased job damaged: dead with that reason, no attempt spent, never a loop")
    func payloadCorrupt() {
        let rig = EngineRig()
        let queue = rig.queue("q")
        let lsn = rig.enqueue(queue)
        let job = try! rig.lease(queue)[0]
        rig.engine.buryCorrupt(lsn: lsn, version: job.version &+ 1, into: rig.batch)
        #expect(try! rig.job(rig.id(lsn)).state == .leased)
        rig.engine.buryCorrupt(lsn: lsn, version: job.version, into: rig.batch)
        let dead = try! rig.job(rig.id(lsn))
        #expect(dead.state == .dead)
        #expect(dead.deathReason == .payloadCorrupt)
        #expect(dead.attempts == 0)
        #expect(try! rig.lease(queue).isEmpty)
        #expect(rig.engine.invariantFaults().isEmpty)
    }

    @Test("leases of every length end at their time, whatever the clock jumps", arguments: 1...10)
    func everyLength(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let rig = EngineRig()
        let queue = rig.queue("q")
        var deadlines: [LSN: Int64] = [:]
        for _ in 0..<600 {
            let lsn = rig.enqueue(queue)
            let duration: UInt32 = random.pick([1_000, 30_000, 131_072, 600_000, 43_200_000])
            _ = try! rig.lease(
                queue, duration: duration + (duration > 1_000_000 ? 0 : UInt32(random.below(999))))
            rig.commit()
            deadlines[lsn] = try! rig.job(rig.id(lsn)).leaseDeadlineMilliseconds!
            rig.pass(Int64(random.below(50)))
        }
        while let least = deadlines.values.min() {
            // As the broker does: sleep until it is asked for, or longer.
            let next = rig.engine.nextLeaseDeadlineMilliseconds!
            #expect(next <= least + 16, "seed \(seed)")
            rig.pass(max(0, next - rig.boot) + (random.oneIn(3) ? Int64(random.below(300_000)) : 0))
            let ended = deadlines.filter { $0.value / 16 < rig.boot / 16 }
            #expect(rig.expire() == ended.count, "seed \(seed)")
            for (lsn, _) in ended {
                deadlines[lsn] = nil
                #expect(try! rig.job(rig.id(lsn)).state == .ready, "seed \(seed)")
            }
        }
        #expect(rig.engine.nextLeaseDeadlineMilliseconds == nil)
        #expect(rig.engine.invariantFaults().isEmpty)
    }

    @Test("expiry hands over at most as many as asked for, and the rest the next time")
    func limited() {
        check(
            """
            enqueue a b c
            lease count=3   | a:1#1 b:1#1 c:1#1
            pass 30016
            expire limit=2  | 2
            counts          | 2 0 1 0
            expire limit=2  | 1
            expire limit=2  | 0
            lease count=3   | a:2#2 b:2#2 c:2#2
            """)
    }

    @Test("too many leases: refused only where none could be had")
    func tooMany() {
        check(
            """
            enqueue a b c
            lease count=3   | a:1#1 b:1#1
            lease           | too_many_leases
            ack a           | ok
            lease           | c:1#1
            lease           |
            """, configure: { $0.leaseCountMax = 2 })
    }

    @Test("leases granted under a greater maximum survive a restart under a smaller one")
    func smallerMaximum() {
        let rig = EngineRig()
        let queue = rig.queue("q")
        for _ in 0..<3_000 { _ = rig.enqueue(queue) }
        for _ in 0..<3 { #expect(try! rig.lease(queue, count: 1_000).count == 1_000) }
        rig.commit()
        var configuration = rig.configuration
        configuration.leaseCountMax = 1
        var engine = EngineRig.emptyEngine(configuration)
        EngineRig.replay(rig.frames, on: &engine)
        let count = engine.leaseCount
        #expect(count == 3_000)
    }

    @Test(
        "a delivery that never reached its worker costs no attempt, and its token is late, not lost"
    )
    func undelivered() {
        check(
            """
            enqueue a
            lease           | a:1#1
            undelivered a
            show a          | ready v1 0/0/0/0
            undelivered a
            ack a           | ok+late
            """)
    }

    @Test("cancel takes a leased job away: the heartbeat says stop, the ack is lost")
    func cancelLeased() {
        check(
            """
            enqueue a b c
            lease count=2   | a:1#1 b:1#1
            cancel a c      | ok ok
            heartbeat a b   | lease_lost+stop ok+30000
            ack a           | lease_lost
            cancel a        | already_done
            restart
            ack a           | lease_lost
            counts          | 0 0 1 0
            """)
    }

    @Test("a checkpoint is handed to the next delivery, the last one that was saved, and survives")
    func checkpoint() {
        check(
            """
            enqueue a
            lease           | a:1#1
            heartbeat a checkpoint=one | ok+30000
            heartbeat a checkpoint=two | ok+30000
            heartbeat a                | ok+30000
            restart
            nack a delay=0  | ok
            lease           | a:3#2(two)
            heartbeat a checkpoint= | ok+30000
            release a       | ok
            lease           | a:5#2()
            """)
    }

    @Test("redrive: same id, a new version, counters at zero, at the end of its lane")
    func redrive() {
        check(
            """
            enqueue a b
            lease count=2   | a:1#1 b:1#1
            reject a b reason=bad | ok ok
            counts          | 0 0 0 2
            enqueue c
            redrive a a     | ok wrong_state
            show a          | ready v3 0/0/0/0 bad
            redrive-queue limit=5 | 1
            list            | a b c
            list state=dead |
            lease count=3   | c:1#1 a:4#1 b:4#1
            """)
    }

    @Test("reasons and checkpoints beyond their bounds are refused without effect")
    func textBounds() {
        let rig = EngineRig()
        let queue = rig.queue("q")
        let lsn = rig.enqueue(queue)
        _ = try! rig.lease(queue)
        rig.commit()
        let token = rig.token(lsn, 1)
        let before = rig.engine.canonicalDump()
        let long = String(repeating: "x", count: Limits.reasonByteCountMax + 1)
        #expect(rig.nack([token], error: long).map(\.code) == [.badArgument])
        #expect(rig.reject([token], reason: long).map(\.code) == [.badArgument])
        #expect(
            rig.heartbeat(
                token, checkpoint: [UInt8](repeating: 1, count: Limits.checkpointByteCountMax + 1)
            ).code == .badArgument)
        #expect(rig.engine.canonicalDump() == before)
        #expect(
            rig.heartbeat(
                token, checkpoint: [UInt8](repeating: 1, count: Limits.checkpointByteCountMax)
            ).code == nil)
        #expect(rig.reject([token], reason: String(long.dropLast())).map(\.code) == [nil])
        rig.commit()
        #expect(rig.engine.canonicalDump() == rig.dumpOfReplay())
    }

    @Test("more tokens than one record holds")
    func manyTokens() {
        let rig = EngineRig()
        let queue = rig.queue("q")
        for _ in 0..<2_500 { _ = rig.enqueue(queue) }
        var tokens: [LeaseToken] = []
        while let deliveries = try? rig.lease(queue, count: .max), !deliveries.isEmpty {
            #expect(deliveries.count <= Limits.itemCountMax)
            tokens += deliveries.map { rig.token($0.lsn, $0.version) }
        }
        #expect(tokens.count == 2_500)
        #expect(rig.nack(tokens, delay: 0).allSatisfy { $0.code == nil })
        #expect(rig.engine.readyCount(of: queue) == 2_500)
        rig.commit()
        #expect(rig.engine.canonicalDump() == rig.dumpOfReplay())
    }
}
