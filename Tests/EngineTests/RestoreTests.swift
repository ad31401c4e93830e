import HoldfastEngine
import HoldfastModel
import HoldfastPages
import HoldfastRecords
import HoldfastSimulation
import Testing

/// Images of an engine: what comes back from them, and what comes of damaged ones.
@Suite struct RestoreTests {
    /// A rig that has lived and whose newest snapshot is of its last record.
    private static func livedRig(seed: UInt64, stepCount: Int = 120) -> EngineRig {
        var run = RandomRun(seed: seed)
        let isSame = run.run(stepCount: stepCount)
        #expect(isSame)
        if run.rig.isFrozen { run.rig.finishSnapshot() }
        run.rig.freeze()
        run.rig.finishSnapshot()
        return run.rig
    }

    @Test(
        "restored at any record and led by the rest: the state that the whole log makes",
        arguments: 1...12)
    func everyPlace(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        var run = RandomRun(seed: seed &+ 500)
        let isSame = run.run(stepCount: 150)
        #expect(isSame)
        run.rig.commit()
        let whole = run.rig.engine.canonicalDump()
        // A second rig follows the journal and takes a snapshot now and then.
        let rig = EngineRig(limits: .tiny(&random)) { $0 = run.rig.configuration }
        for (number, frame) in run.rig.frames.enumerated() {
            EngineRig.replay([frame], on: &rig.engine)
            guard random.oneIn(5) else { continue }
            rig.batch.open(firstLSN: rig.engine.lastLSN + 1, frameTime: frame.frameTime)
            rig.freeze()
            rig.finishSnapshot()
            rig.epoch += 1
            var engine = try rig.restored(rig.kept.last!)
            let dump = engine.canonicalDump()
            #expect(dump == rig.engine.canonicalDump(), "seed \(seed), frame \(number)")
            let faults = engine.invariantFaults()
            #expect(faults.isEmpty, "seed \(seed), frame \(number)")
            EngineRig.replay(Array(run.rig.frames[(number + 1)...]), on: &engine)
            let restored = engine.canonicalDump()
            #expect(restored == whole, "seed \(seed), frame \(number)")
        }
    }

    @Test("a root that is cut at any byte is a fault")
    func cutRoot() throws {
        let rig = Self.livedRig(seed: 7)
        var snapshot = try #require(rig.kept.last)
        let root = snapshot.root
        for length in root.indices {
            snapshot.root = Array(root[..<length])
            #expect(throws: RestoreFault.self, "\(length) bytes") { _ = try rig.restored(snapshot) }
        }
        snapshot.root = root + [0]
        #expect(throws: RestoreFault.self) { _ = try rig.restored(snapshot) }
    }

    @Test(
        "a root with any byte changed: a fault or an engine that can be looked at", arguments: 1...4
    )
    func changedRoot(seed: UInt64) throws {
        let rig = Self.livedRig(seed: seed)
        var random = SeededRandom(seed: seed)
        var snapshot = try #require(rig.kept.last)
        let root = snapshot.root
        var refusedCount = 0
        for position in root.indices {
            for change in [UInt8(1) << UInt8(random.below(8)), 0xFF] {
                snapshot.root = root
                snapshot.root[position] ^= change
                do {
                    let engine = try rig.restored(snapshot)
                    _ = engine.invariantFaults()
                    _ = engine.canonicalDump()
                } catch is RestoreFault {
                    refusedCount += 1
                }
            }
        }
        #expect(refusedCount > 0)
    }

    @Test(
        "a page that is lost: a fault at the start or a failure later on, never a crash",
        arguments: 1...6)
    func lostPages(seed: UInt64) throws {
        let rig = Self.livedRig(seed: seed)
        let newest = try #require(rig.kept.last)
        // A place that is only reserved holds what was there before, with another stamp.
        var needed: Set<UInt32> = []
        try rig.restored(newest).forEachPage { reference, _ in
            let stamp = rig.disk[reference.number]?.withUnsafeBytes {
                $0.loadUnaligned(fromByteOffset: 16, as: UInt64.self)
            }
            if stamp == reference.stamp { needed.insert(reference.number) }
        }
        for number in rig.disk.numbers {
            let page = rig.disk[number]
            rig.disk[number] = nil
            defer { rig.disk[number] = page }
            guard var engine = try? rig.restored(newest) else { continue }
            if needed.contains(number) {
                let faults = engine.invariantFaults()
                #expect(engine.pages.failure != nil && !faults.isEmpty, "page \(number)")
                engine = try rig.restored(newest)
            }
            Self.useAll(&engine, rig, seed: seed)
            _ = engine.invariantFaults()
            _ = engine.canonicalDump()
        }
    }

    /// Every verb once, on jobs that are there and others. The answers are of no interest.
    private static func useAll(_ engine: inout JobEngine, _ rig: EngineRig, seed: UInt64) {
        let batch = RecordBatch()
        let last = engine.lastLSN
        batch.open(firstLSN: last + 1, frameTime: engine.frameTime + 4_000)
        var results: [ItemResult] = []
        var deliveries: [Delivery] = []
        engine.advance(to: batch.frameTime, into: batch)
        for number in UInt32(0)..<4 {
            let queue = QueueID(rawValue: number)
            guard engine.isLive(queue) else { continue }
            _ = engine.queueSummary(queue)
            _ = engine.redrive(from: queue, limit: 2, into: batch)
            for _ in 0..<3 {
                try? engine.lease(
                    from: queue, count: 3, durationMilliseconds: 0, owner: 1, into: batch,
                    deliveries: &deliveries)
            }
            _ = engine.jobCandidates(in: queue, state: nil, after: 0, limit: 100)
        }
        let tokens = deliveries.map { rig.token($0.lsn, $0.version) }
        for (number, token) in tokens.enumerated() {
            [token].withUnsafeBufferPointer { token in
                switch number % 3 {
                case 0: engine.ack(token, into: batch, results: &results)
                case 1:
                    Array("lost".utf8).withUnsafeBytes {
                        engine.nack(
                            token, delayMilliseconds: 5, error: $0, into: batch, results: &results)
                    }
                default:
                    [UInt8](repeating: 1, count: 20).withUnsafeBytes {
                        engine.heartbeat(
                            [HeartbeatItem(token: token[0], checkpoint: $0)],
                            durationMilliseconds: 0, bootMilliseconds: 0, owner: 1, into: batch,
                            results: &results)
                    }
                }
            }
        }
        engine.restartLeaseClocks(bootMilliseconds: 0)
        _ = engine.expireLeases(
            bootMilliseconds: 1_000_000, limit: 100, isConnected: { _ in true }, into: batch)
        for lsn in 1...last {
            _ = engine.checkpoint(of: lsn)
            _ = engine.summary(of: lsn, birth: rig.birth(of: lsn))
        }
        let ids = (1...last).map { rig.id($0) }
        engine.redrive(ids, into: batch, results: &results)
        engine.cancel(ids, births: rig.birth(of:), into: batch, results: &results)
    }

    @Test("other bounds than those of the engine that was frozen: its own acks, all leases")
    func otherBounds() throws {
        let rig = EngineRig { $0.recentAckCount = 8 }
        let queue = rig.queue("q")
        let lsns = (0..<40).map { _ in rig.enqueue(queue) }
        _ = try rig.lease(queue, count: 40)
        _ = rig.ack(lsns.prefix(20).map { rig.token($0, 1) })
        rig.freeze()
        rig.finishSnapshot()
        for recentAckCount in [2, 8, 64] {
            var configuration = rig.configuration
            configuration.recentAckCount = recentAckCount
            configuration.leaseCountMax = 1
            configuration.queueCountMax = 1
            configuration.producerCountMax = 1
            rig.epoch += 1
            let newest = try #require(rig.kept.last)
            let pages = PageSpace(
                limits: rig.limits, storeUUID: (1, 2), used: newest.used,
                snapshotNumber: newest.number + 1, source: rig.disk.read)
            var engine = try JobEngine(
                configuration: configuration, pages: pages, restoring: newest.root)
            pages.beginStamps(epoch: rig.epoch)
            let leaseCount = engine.leaseCount
            #expect(leaseCount == 20)
            rig.batch.open(firstLSN: engine.lastLSN + 1, frameTime: rig.time)
            var results: [ItemResult] = []
            lsns.map { rig.token($0, 1) }.withUnsafeBufferPointer {
                engine.ack($0, into: rig.batch, results: &results)
            }
            #expect(results.prefix(20).count { $0.isDuplicate } == 8)
            #expect(results.dropFirst(20).allSatisfy { $0 == ItemResult() })
            let faults = engine.invariantFaults()
            #expect(faults.isEmpty)
        }
    }

    @Test("a decision that does not fit the state condemns it, and the checks say why")
    func contradiction() throws {
        let rig = EngineRig()
        let queue = rig.queue("q")
        for _ in 0..<3 { _ = rig.enqueue(queue) }
        rig.freeze()
        rig.finishSnapshot()
        var snapshot = try #require(rig.kept.last)
        // The last record, which is the birth of a job that lives, has not been yet.
        snapshot.root[8] -= 1
        rig.epoch += 1
        var engine = try rig.restored(snapshot)
        let faults = engine.invariantFaults()
        #expect(faults.contains { $0.contains("younger than the last record") })
        #expect(engine.pages.failure == nil)
        let lsn = engine.lastLSN + 1
        rig.batch.open(firstLSN: lsn, frameTime: rig.time)
        JobContent.sample.withUnsafeBytes {
            _ = engine.enqueue(
                to: queue, options: EnqueueOptions(), content: $0, producer: nil, into: rig.batch)
        }
        let failure = try #require(engine.pages.failure)
        #expect(failure.isContradiction && !failure.isReadError)
        #expect(
            failure.description
                == "the state contradicts itself: record \(lsn) does not fit the state it was decided "
                + "on: the state has a job of its number")
    }

    @Test("a root that counts what cannot be is refused, and says which count it is")
    func impossibleCounts() throws {
        let rig = EngineRig()
        let queue = rig.queue("q")
        for _ in 0..<3 { _ = rig.enqueue(queue) }
        _ = try rig.lease(queue, count: 1)
        rig.freeze()
        rig.finishSnapshot()
        let snapshot = try #require(rig.kept.last)
        // See docs/engine-root.md: one page of leases; the queue's counts are behind its name, its policy
        // and its grants.
        let leases = 44
        let text = [UInt8(1)] + Array("q".utf8)
        let name = try #require(
            snapshot.root.indices.dropLast(1).first {
                Array(snapshot.root[$0...$0 + 1]) == text
            })
        let delayed = name + text.count + 28 + 4
        let cases: [(offset: Int, value: UInt64, reason: String)] = [
            (8, 1 << 60, "a last record beyond all"),
            (24, .max / 2, "more deaths than can be"),
            (leases + 4, 0, "a page of leases that is none"),
            (delayed, 1 << 40, "more jobs than records"),
            (delayed + 8, 0, "queue 0 counts other leases than there are"),
            (delayed + 8, 2, "queue 0 counts other leases than there are"),
        ]
        for (offset, value, reason) in cases {
            var forged = snapshot
            ChecksumRepair.put(value, &forged.root, offset)
            let fault = #expect(throws: RestoreFault.self) { _ = try rig.restored(forged) }
            #expect(fault?.reason == reason)
        }
    }

    @Test("an image of another version is refused by its number")
    func otherVersion() throws {
        let rig = Self.livedRig(seed: 3, stepCount: 10)
        var snapshot = try #require(rig.kept.last)
        snapshot.root[4] = 2
        let fault = #expect(throws: RestoreFault.self) { _ = try rig.restored(snapshot) }
        #expect(fault?.reason == "it is of version 2, which this broker does not know")
    }
}

@Suite struct BirthFactsTests {
    @Test("a job that is as it was born, and whose birth cannot be read: refused, and it stays")
    func lostBirth() throws {
        let rig = EngineRig()
        let queue = rig.queue("q")
        let lsns = [
            rig.enqueue(queue), rig.enqueue(queue, EnqueueOptions(delayMilliseconds: 1_000)),
            rig.enqueue(queue, EnqueueOptions(attemptCountMax: 3)),
        ]
        #expect(lsns.map { rig.engine.needsBirth($0) } == [true, true, false])
        let before = rig.engine.canonicalDump()
        var results: [ItemResult] = []
        rig.engine.cancel(
            lsns.prefix(2).map(rig.id), births: { _ in nil }, into: rig.batch, results: &results)
        #expect(results.map(\.code) == [.payloadCorrupt, .payloadCorrupt])
        // Another job's birth is as good as none.
        let other = rig.birth(of: lsns[2])
        results = []
        rig.engine.cancel(
            [rig.id(lsns[0])], births: { _ in other }, into: rig.batch, results: &results)
        #expect(results.map(\.code) == [.payloadCorrupt])
        #expect(rig.engine.canonicalDump() == before)
        let refusal = #expect(throws: Refusal.self) {
            _ = try rig.engine.job(rig.id(lsns[0]), birth: nil)
        }
        #expect(refusal?.code == .payloadCorrupt)
        #expect(rig.engine.summary(of: lsns[0], birth: nil) == nil)
        // Once it is leased nobody needs the birth.
        _ = try rig.lease(queue, count: 2)
        #expect(lsns.map { rig.engine.needsBirth($0) } == [false, true, false])
        rig.engine.cancel(
            [rig.id(lsns[0]), rig.id(lsns[2])], births: { _ in nil }, into: rig.batch,
            results: &results)
        #expect(results.dropFirst().map(\.code) == [nil, nil])
    }

    @Test("one call asks for no more births than it may, and for none where the state tells")
    func candidates() throws {
        let rig = EngineRig()
        let (queue, other) = (rig.queue("q"), rig.queue("r"))
        for _ in 0..<1_500 { _ = rig.enqueue(queue) }
        let limited = (0..<3).map { _ in
            rig.enqueue(other, EnqueueOptions(attemptCountMax: 1))
        }
        _ = try rig.lease(other, count: 2)
        _ = rig.nack([rig.token(limited[0], 1)])
        var (found, next) = rig.engine.jobCandidates(
            in: other, state: nil, after: 0, limit: 10_000)
        #expect(found.count == 1_024 && found.allSatisfy(\.needsBirth))
        (found, next) = rig.engine.jobCandidates(
            in: other, state: nil, after: try #require(next), limit: 10_000)
        #expect(found.count == 476 + 3 && next == nil)
        for (state, lsn) in [(JobState.dead, limited[0]), (.leased, limited[1])] {
            (found, next) = rig.engine.jobCandidates(
                in: other, state: state, after: 0, limit: 10_000)
            #expect(found.map(\.lsn) == [lsn] && !found[0].needsBirth && next == nil)
        }
        let ready = rig.jobs(in: other, state: .ready, after: limited[0], limit: 10)
        #expect(ready.jobs.map(\.lsn) == [limited[2]])
    }
}
