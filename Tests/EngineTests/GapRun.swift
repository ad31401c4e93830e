import HoldfastEngine
import HoldfastModel
import HoldfastPages
import HoldfastRecords
import HoldfastSimulation
import Testing

/// A random history of which ranges are gone, and what must be true of the engine that replays the
/// rest. Every issue names the seed.
struct GapRun {
    struct Record {
        var lsn: LSN
        var frameTime: Int64
        var body: [UInt8]
        var typeName = ""
        /// Jobs with the versions that the record names.
        var jobs: [(lsn: LSN, version: UInt32)] = []
    }

    let seed: UInt64
    private(set) var records: [Record] = []
    private(set) var gaps: [ClosedRange<LSN>] = []
    private var births: [LSN: BirthFacts] = [:]
    private let aliveInTruth: Set<LSN>
    let rig: EngineRig

    init(seed: UInt64, stepCount: Int = 250) {
        self.seed = seed
        var random = SeededRandom(seed: seed ^ 0x6761_7073)
        var run = RandomRun(seed: seed &+ 2_000)
        let isSame = run.run(stepCount: stepCount)
        #expect(isSame)
        run.rig.commit()
        aliveInTruth = Set(run.rig.engine.liveJobs(in: 1...max(1, run.rig.engine.lastLSN)))
        rig = EngineRig(limits: .tiny(&random)) { $0 = run.rig.configuration }
        for frame in run.rig.frames {
            for (lsn, body) in frame.records {
                records.append(Self.record(lsn, frame.frameTime, body))
                births[lsn] = body.withUnsafeBytes { BirthFacts(lsn: lsn, body: $0) }
            }
        }
        let last = LSN(records.count)
        for _ in 0..<1 + random.below(3) {
            let first = LSN(1 + random.below(Int(last)))
            let length = LSN(random.below(random.pick([1, 4, 20, 120, 400])))
            gaps.append(first...(random.oneIn(8) ? last : min(last, first + length)))
        }
    }

    private static func record(_ lsn: LSN, _ frameTime: Int64, _ body: [UInt8]) -> Record {
        var record = Record(lsn: lsn, frameTime: frameTime, body: body)
        guard let known = body.withUnsafeBytes({ try? EngineRecord(lsn: lsn, body: $0) }) else {
            return record
        }
        record.typeName = known.typeName
        for field in known.fields where field.name == "job" {
            let words = field.value.split(separator: " ")
            record.jobs.append((LSN(words[0]) ?? 0, UInt32(words[2]) ?? 0))
        }
        return record
    }

    func expect(_ holds: Bool, _ what: @autoclosure () -> String) {
        if !holds { Issue.record("seed \(seed), gaps \(gaps): \(what())") }
    }

    func isGone(_ lsn: LSN) -> Bool { gaps.contains { $0.contains(lsn) } }

    // MARK: Replay

    /// Replays what is left, and looks at all of it after each record.
    func replay() {
        for record in records where !isGone(record.lsn) {
            if record.lsn > rig.engine.lastLSN + 1 { pass(through: record.lsn - 1) }
            do {
                try record.body.withUnsafeBytes {
                    try rig.engine.replay(
                        lsn: record.lsn, frameTime: record.frameTime, body: $0)
                }
            } catch {
                return expect(false, "\(error)")
            }
            let faults = rig.engine.invariantFaults()
            expect(faults.isEmpty, "record \(record.lsn): \(faults.joined(separator: "; "))")
        }
        let last = LSN(records.count)
        if rig.engine.lastLSN < last { pass(through: last) }
    }

    private func pass(through lsn: LSN) {
        rig.engine.passGap(through: lsn)
        expect(rig.engine.lastLSN == lsn, "the gap was not passed")
        let faults = rig.engine.invariantFaults()
        expect(faults.isEmpty, "gap up to \(lsn): \(faults.joined(separator: "; "))")
    }

    // MARK: What must be true afterwards

    /// S1: no job is lost; what is known to have ended does not come back; S2: nothing else is there.
    func judgeLiveJobs() {
        let alive = Set(rig.engine.liveJobs(in: 1...LSN(records.count)))
        for lsn in aliveInTruth where !isGone(lsn) {
            expect(alive.contains(lsn), "job \(lsn) is lost")
        }
        for record in records
        where !isGone(record.lsn) && ["ACK", "CANCEL"].contains(record.typeName) {
            for job in record.jobs {
                expect(
                    !alive.contains(job.lsn), "job \(job.lsn) is back after its \(record.typeName)")
            }
        }
        for lsn in alive {
            guard let birth = births[lsn], !isGone(lsn) else {
                expect(false, "job \(lsn) was never born, or that is not known")
                continue
            }
            let summary = rig.engine.summary(of: lsn, birth: birth)
            expect(
                summary?.queue == birth.queue && summary?.priority == birth.priority
                    && summary.map { $0.enqueuedMilliseconds / 1_000 }
                        == birth.enqueuedMilliseconds / 1_000,
                "job \(lsn) is \(String(describing: summary)), born as \(birth)")
        }
    }

    /// S3, S5: no token that was given out before is good for anything.
    func judgeTokens() {
        let before = rig.engine.canonicalDump()
        for record in records where record.typeName == "LEASE" {
            let tokens = record.jobs.map { rig.token($0.lsn, $0.version) }
            let results = rig.ack(tokens) + rig.nack(tokens) + rig.extend(tokens, duration: 0)
            expect(results.allSatisfy { $0.code == .leaseLost }, "tokens of \(record.lsn)")
        }
        expect(rig.engine.canonicalDump() == before, "a void token changed something")
    }

    /// What the engine is after a restart from its image.
    func restart() throws {
        rig.batch.open(firstLSN: rig.engine.lastLSN + 1, frameTime: rig.engine.frameTime)
        let dump = rig.engine.canonicalDump()
        rig.freeze()
        rig.finishSnapshot()
        rig.epoch += 1
        rig.engine = try rig.restored(rig.kept.last!)
        expect(rig.engine.canonicalDump() == dump, "the image is another state")
        let faults = rig.engine.invariantFaults()
        expect(faults.isEmpty, faults.joined(separator: "; "))
    }

    /// S1, S13: each job can be leased and acked, once, under a version that nobody had.
    func drain() throws {
        rig.batch.open(firstLSN: rig.engine.lastLSN + 1, frameTime: rig.engine.frameTime)
        rig.engine.restartLeaseClocks(bootMilliseconds: rig.boot)
        if rig.engine.frameTime > rig.time { rig.pass(rig.engine.frameTime - rig.time) }
        var greatest: [LSN: UInt32] = [:]
        for record in records where !isGone(record.lsn) && record.typeName == "LEASE" {
            for job in record.jobs { greatest[job.lsn] = max(greatest[job.lsn] ?? 0, job.version) }
        }
        var left = Set(rig.engine.liveJobs(in: 1...LSN(records.count)))
        for _ in 0..<200 where !left.isEmpty {
            rig.pass(Int64(Limits.leaseMillisecondsMax) + 16_000)
            _ = rig.expire(connected: [])
            while let due = rig.engine.nextDueMilliseconds, due <= rig.time {
                rig.engine.advance(to: rig.time, into: rig.batch)
            }
            for queue in rig.engine.queues(after: nil, limit: 1_000) {
                _ = rig.engine.redrive(from: queue.id, limit: 10_000, into: rig.batch)
                while rig.engine.readyCount(of: queue.id) > 0 {
                    let deliveries = try rig.lease(queue.id, count: 3)
                    for delivery in deliveries {
                        expect(
                            left.remove(delivery.lsn) != nil, "job \(delivery.lsn) comes twice")
                        expect(
                            delivery.version > greatest[delivery.lsn] ?? 0,
                            "the version of job \(delivery.lsn) went down")
                    }
                    let key = rig.engine.configuration.key
                    let results = rig.ack(
                        deliveries.map { key.leaseToken($0.lsn, version: $0.version) })
                    expect(
                        results.allSatisfy { $0 == ItemResult() }, "acks: \(results)")
                }
            }
            let faults = rig.engine.invariantFaults()
            expect(faults.isEmpty, faults.joined(separator: "; "))
        }
        expect(left.isEmpty && rig.engine.jobCount == 0, "jobs that never come: \(left.sorted())")
    }
}
