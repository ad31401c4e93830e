import HoldfastEngine
import HoldfastModel
import HoldfastPages
import HoldfastRecords
import HoldfastSimulation
import Testing

/// Random commands on an engine, with three to compare it with after each: the reference model for
/// the answers and the counts, a replica that is led by the records alone, and one that is led by
/// records whose contents are blank, at its own pace.
struct RandomRun {
    private static let queueNames = ["alpha", "beta", "gamma"]
    private let seed: UInt64
    private var random: SeededRandom
    let rig: EngineRig
    private var model: ReferenceModel
    private var replica: Replica
    private var blankReplica: Replica
    private var queues: [String: QueueID] = [:]
    /// All jobs there ever were, and all tokens.
    private var born: [LSN] = []
    private var tokens: [LeaseToken] = []
    private var connected: Set<UInt32> = [1, 2, 3]
    private var slot: ProducerSlot?
    private var sequence: UInt64 = 0
    private var step = 0

    private final class Replica {
        var engine: JobEngine
        var frameCount = 0

        init(_ configuration: EngineConfiguration, _ limits: PageLimits) {
            engine = EngineRig.emptyEngine(configuration, limits)
        }

        func follow(_ rig: EngineRig, blankingContent: Bool) {
            let frames = Array(rig.frames[frameCount...])
            frameCount = rig.frames.count
            EngineRig.replay(frames, on: &engine, blankingContent: blankingContent)
        }
    }

    init(seed: UInt64) {
        self.seed = seed
        random = SeededRandom(seed: seed)
        var random = SeededRandom(seed: ~seed)
        rig = EngineRig(limits: .tiny(&random)) { configuration in
            configuration.leaseCountMax = random.pick([3, 12, 1_000])
            configuration.dueCountMax = random.pick([1, 3, 4_096])
            configuration.recentAckCount = random.pick([1, 8, 64])
            configuration.queueCountMax = 2 + random.below(3)
        }
        model = ReferenceModel(rig.configuration)
        replica = Replica(rig.configuration, rig.limits)
        blankReplica = Replica(rig.configuration, PageLimits())
    }

    private func expect(_ holds: Bool, _ what: @autoclosure () -> String) -> Bool {
        if !holds { Issue.record("seed \(seed), step \(step): \(what())") }
        return holds
    }

    /// - Returns: false at the first difference, which it has reported.
    mutating func run(stepCount: Int) -> Bool {
        for _ in 0..<stepCount {
            step += 1
            takeSnapshots()
            guard command(), compare() else { return false }
            model.forgetAcks()
        }
        return true
    }

    private mutating func compare() -> Bool {
        let faults = rig.engine.invariantFaults()
        guard expect(faults.isEmpty, faults.joined(separator: "; ")) else { return false }
        guard compareCounts() else { return false }
        // A frame has the records of one command or of several.
        guard random.below(3) > 0 else { return true }
        rig.commit()
        replica.follow(rig, blankingContent: false)
        let dump = rig.engine.canonicalDump()
        guard expect(dump == replica.engine.canonicalDump(), "replay leads elsewhere") else {
            return false
        }
        if step % 7 == 0 {
            blankReplica.follow(rig, blankingContent: true)
            guard expect(dump == blankReplica.engine.canonicalDump(), "replay reads contents")
            else { return false }
        }
        for (lsn, job) in model.jobs {
            let summary = try! rig.job(rig.id(lsn))
            guard
                expect(
                    summary.state == job.state && summary.version == job.version
                        && summary.enqueuedMilliseconds == job.second * 1_000
                        && summary.deathReason == job.reason && summary.lastError == job.error,
                    "job \(lsn) is \(summary), expected \(job)")
            else { return false }
        }
        return true
    }

    private func compareCounts() -> Bool {
        for (name, queue) in queues {
            let summary = rig.engine.queueSummary(queue)
            let counts = [JobState.ready, .delayed, .leased, .dead].map {
                model.count(queue.rawValue, $0)
            }
            guard
                expect(
                    [summary.ready, summary.delayed, summary.leased, summary.dead] == counts,
                    "counts of \(name): \(summary), expected \(counts)")
            else { return false }
        }
        guard expect(rig.engine.jobCount == model.jobs.count, "job count") else { return false }
        let nextDue = model.jobs.values.filter { $0.state == .delayed }.map(\.due).min()
        return expect(rig.engine.nextDueMilliseconds == nextDue, "next due")
    }

    // MARK: Commands

    private mutating func command() -> Bool {
        switch random.below(100) {
        case 0..<22: return enqueue()
        case 22..<44: return lease()
        case 44..<56: return ack()
        case 56..<64: return nack()
        case 64..<68: return release()
        case 68..<71: return reject()
        case 71..<77: return prolong()
        case 77..<81: return cancel()
        case 81..<84: return redrive()
        case 84..<85: return redriveQueue()
        case 85..<87: return undelivered()
        case 87..<93: return pass()
        case 93..<96: return expire()
        case 96..<97: return changeQueues()
        case 97..<98: return changeConnections()
        default: return restart()
        }
    }

    /// Now and then a snapshot begins, and sooner or later it is written or given up.
    private mutating func takeSnapshots() {
        if !rig.isFrozen {
            if random.oneIn(12) { rig.freeze() }
        } else if random.oneIn(6) {
            if random.oneIn(4) {
                rig.abandonSnapshot(written: random.below(20))
            } else {
                rig.finishSnapshot()
            }
        }
    }

    /// A queue that exists, created where it does not.
    private mutating func someQueue() -> (name: String, id: QueueID) {
        var name = random.pick(Self.queueNames)
        if queues[name] == nil {
            do {
                var policy = QueuePolicy.standard
                policy.visibilityTimeoutMilliseconds = random.pick([1_008, 4_800, 30_000])
                policy.attemptCountMax = UInt32(1 + random.below(4))
                policy.interruptionCountMax = UInt32(1 + random.below(3))
                policy.backoffMilliseconds = random.pick([0, 1, 500, 4_000])
                policy.backoffMillisecondsMax = 10_000
                _ = try rig.createQueue(name, policy)
                let id = rig.queue(name)
                queues[name] = id
                model.queues[id.rawValue] = ReferenceModel.Queue(policy: policy)
            } catch {
                if error.code != .tooManyQueues || queues.count < rig.configuration.queueCountMax {
                    Issue.record("seed \(seed), step \(step): \(error)")
                }
                name = queues.keys.sorted()[0]
            }
        }
        return (name, queues[name]!)
    }

    private mutating func enqueue() -> Bool {
        let queue = someQueue().id
        var options = EnqueueOptions(
            priority: random.pick([0, 0, 0, 1, 7, 15]),
            delayMilliseconds: random.pick([0, 0, 0, 1, 1_500, 3_000]))
        if random.oneIn(5) { options.attemptCountMax = UInt32(1 + random.below(3)) }
        let count = 1 + random.below(4)
        var mark: (slot: ProducerSlot, sequence: UInt64, count: UInt32)?
        if let slot, random.oneIn(2) {
            sequence += UInt64(1 + random.below(3))
            mark = (slot, sequence, UInt32(count))
        }
        let first = rig.batch.nextLSN
        for number in 0..<count {
            let content = JobContent.bytes(
                kind: "kind\(random.below(9))".utf8, headers: [],
                payload: UnsafeRawBufferPointer(start: nil, count: 0))
            let lsn = rig.enqueue(
                queue, options, content: content, producer: number == 0 ? mark : nil)
            guard expect(lsn == first + UInt64(number), "births are not consecutive") else {
                return false
            }
            model.enqueue(lsn, queue.rawValue, options, at: rig.batch.frameTime)
            born.append(lsn)
        }
        guard let mark else { return true }
        return expect(
            rig.engine.result(of: mark.sequence, from: mark.slot)
                == .known(firstLSN: first, count: mark.count),
            "the producer's request is forgotten")
    }

    private mutating func lease() -> Bool {
        let queue = someQueue().id
        let duration: UInt32 = random.pick([0, 0, 1_000, 4_800, 999])
        let count = random.below(7)
        let owner = UInt32(1 + random.below(3))
        var code: RefusalCode?
        var deliveries: [Delivery] = []
        do {
            deliveries = try rig.lease(queue, count: count, duration: duration, owner: owner)
        } catch {
            code = error.code
        }
        let expected = model.lease(queue.rawValue, count: count, duration: duration, owner: owner)
        for delivery in expected.deliveries {
            model.jobs[delivery.lsn]!.deadline = rig.boot + Int64(delivery.durationMilliseconds)
            tokens.append(rig.token(delivery.lsn, delivery.version))
            guard
                expect(
                    rig.engine.checkpoint(of: delivery.lsn) == model.jobs[delivery.lsn]!.checkpoint,
                    "the checkpoint of job \(delivery.lsn)")
            else { return false }
        }
        return expect(
            code == expected.code && deliveries == expected.deliveries,
            "leased \(deliveries) or \(String(describing: code)), expected \(expected)")
    }

    /// Tokens of leases most of the time, of anything that ever was else.
    private mutating func someTokens() -> [LeaseToken] {
        guard !tokens.isEmpty else { return [] }
        let leased = tokens.suffix(30).filter { model.refusal($0.lsn, $0.version) == nil }
        return (0..<1 + random.below(4)).map { _ in
            leased.isEmpty || random.oneIn(4) ? random.pick(tokens) : random.pick(leased)
        }
    }

    private mutating func ack() -> Bool {
        let tokens = someTokens()
        let expected = tokens.map { model.ack($0.lsn, $0.version) }
        let results = rig.ack(tokens)
        return expect(results == expected, "ack \(results.text), expected \(expected.text)")
    }

    private mutating func nack() -> Bool {
        let tokens = someTokens()
        let delay: UInt64? = random.pick([nil, 0, 1, 2_000])
        let error = random.pick(["", "boom", "bang"])
        // Judged one by one, since the backoff's jitter is read back from the engine.
        for token in tokens {
            let code = model.refusal(token.lsn, token.version)
            let isLast = code == nil && model.isLastAttempt(token.lsn)
            let results = rig.nack([token], delay: delay, error: error)
            guard
                expect(
                    results == [ItemResult(code: code)], "nack \(results), expected \(code as Any)")
            else { return false }
            guard code == nil else { continue }
            var due: Int64 = 0
            if !isLast {
                let job = model.jobs[token.lsn]!
                let policy = model.queues[job.queue]!.policy
                let base = min(
                    policy.backoffMilliseconds << UInt64(job.attempts),
                    policy.backoffMillisecondsMax)
                let range =
                    delay.map { $0...$0 } ?? base * 8 / 10...max(base * 8 / 10, base * 12 / 10)
                let summary = try! rig.job(rig.id(token.lsn))
                let wait = UInt64(
                    (summary.dueMilliseconds ?? rig.batch.frameTime) - rig.batch.frameTime)
                guard expect(range.contains(wait), "came back in \(wait), expected \(range)") else {
                    return false
                }
                due = wait == 0 ? 0 : rig.batch.frameTime + Int64(wait)
            }
            model.giveBack(token.lsn, .failed, due: due, error: Array(error.utf8))
        }
        return true
    }

    private mutating func release() -> Bool {
        let tokens = someTokens()
        let expected = tokens.map { token in
            let code = model.refusal(token.lsn, token.version)
            if code == nil { model.giveBack(token.lsn, .released) }
            return ItemResult(code: code)
        }
        let results = rig.release(tokens)
        return expect(results == expected, "release \(results.text), expected \(expected.text)")
    }

    private mutating func reject() -> Bool {
        let tokens = someTokens()
        let expected = tokens.map { token in
            let code = model.refusal(token.lsn, token.version)
            if code == nil { model.reject(token.lsn, reason: Array("no".utf8)) }
            return ItemResult(code: code)
        }
        let results = rig.reject(tokens, reason: "no")
        return expect(results == expected, "reject \(results.text), expected \(expected.text)")
    }

    private mutating func prolong() -> Bool {
        let duration: UInt32 = random.pick([0, 0, 1_000, 9_600, 500])
        let owner = UInt32(1 + random.below(3))
        for token in someTokens() {
            let checkpoint: [UInt8]? = random.pick([nil, [], Array("at \(step)".utf8)])
            var expected = ItemResult()
            if duration == 500 {
                expected.code = .badArgument
            } else if let code = model.refusal(token.lsn, token.version) {
                expected.code = code
                expected.mustStop = true
            } else {
                var job = model.jobs[token.lsn]!
                let granted = duration == 0 ? job.duration : duration
                job.duration = max(job.duration, granted)
                job.deadline = max(job.deadline, rig.boot + Int64(granted))
                job.owner = owner
                if let checkpoint { job.checkpoint = checkpoint }
                model.jobs[token.lsn] = job
                expected.remainingMilliseconds = UInt32(job.deadline - rig.boot)
            }
            var result = rig.heartbeat(
                token, checkpoint: checkpoint, duration: duration, owner: owner)
            if expected.code == nil, let job = model.jobs[token.lsn],
                try! rig.job(rig.id(token.lsn)).leaseDeadlineMilliseconds == nil
            {
                // The clock starts with the commit: until then the answer is the duration.
                result.remainingMilliseconds = UInt32(job.deadline - rig.boot)
            }
            guard
                expect(
                    result == expected, "heartbeat \([result].text), expected \([expected].text)")
            else {
                return false
            }
        }
        return true
    }

    private mutating func someJobs() -> [LSN] {
        guard !born.isEmpty else { return [] }
        let live = model.jobs.keys.sorted()
        return (0..<1 + random.below(3)).map { _ in
            live.isEmpty || random.oneIn(4) ? random.pick(born) : random.pick(live)
        }
    }

    private mutating func cancel() -> Bool {
        let jobs = someJobs()
        let expected = jobs.map { ItemResult(code: model.cancel($0)) }
        let results = rig.cancel(jobs.map(rig.id))
        return expect(results == expected, "cancel \(results.text), expected \(expected.text)")
    }

    private mutating func redrive() -> Bool {
        let jobs = someJobs()
        let expected = jobs.map { ItemResult(code: model.redrive($0)) }
        let results = rig.redrive(jobs.map(rig.id))
        return expect(results == expected, "redrive \(results.text), expected \(expected.text)")
    }

    private mutating func redriveQueue() -> Bool {
        let queue = someQueue().id
        let dead = model.queues[queue.rawValue]!.dead.prefix(random.below(4))
        let count = rig.engine.redrive(from: queue, limit: dead.count, into: rig.batch)
        for lsn in dead { _ = model.redrive(lsn) }
        return expect(count == dead.count, "redrove \(count) of \(dead)")
    }

    private mutating func undelivered() -> Bool {
        for token in someTokens() {
            rig.engine.returnUndelivered(lsn: token.lsn, version: token.version, into: rig.batch)
            if model.refusal(token.lsn, token.version) == nil {
                model.giveBack(token.lsn, .undelivered)
            }
        }
        return true
    }

    private mutating func pass() -> Bool {
        rig.pass(random.pick([16, 160, 1_008, 4_000, 30_000]))
        model.advance(to: rig.time)
        return true
    }

    private mutating func expire() -> Bool {
        let count = rig.expire(connected: connected)
        let expected = model.expire(at: rig.boot, connected: connected)
        return expect(count == expected, "expired \(count), expected \(expected)")
    }

    private mutating func changeQueues() -> Bool {
        let (name, queue) = someQueue()
        if random.oneIn(2) {
            var policy = model.queues[queue.rawValue]!.policy
            policy.attemptCountMax = UInt32(1 + random.below(4))
            try! rig.engine.setPolicy(of: queue, policy, into: rig.batch)
            model.queues[queue.rawValue]!.policy = policy
            return true
        }
        let isEmpty = !model.jobs.values.contains { $0.queue == queue.rawValue }
        let generation = rig.engine.queueGeneration
        do {
            try rig.engine.deleteQueue(queue, into: rig.batch)
            queues[name] = nil
            model.queues[queue.rawValue] = nil
            return expect(isEmpty && rig.engine.queueGeneration != generation, "deleted with jobs")
        } catch {
            return expect(!isEmpty && error.code == .queueNotEmpty, "\(error)")
        }
    }

    private mutating func changeConnections() -> Bool {
        connected = Set([1, 2, 3].filter { _ in random.oneIn(2) })
        slot = try! rig.engine.registerProducer((UInt64(1 + random.below(3)), 0), into: rig.batch)
        return true
    }

    private mutating func restart() -> Bool {
        rig.commit()
        let dump = rig.engine.canonicalDump()
        if random.oneIn(4) { rig.restart() } else { rig.restore(written: random.below(20)) }
        guard expect(rig.engine.canonicalDump() == dump, "it comes back as another") else {
            return false
        }
        for (lsn, job) in model.jobs where job.state == .leased {
            model.jobs[lsn]!.deadline = rig.boot + Int64(job.duration)
            model.jobs[lsn]!.owner = 0
        }
        return true
    }
}

@Suite struct RandomRunTests {
    @Test(
        "random commands: the answers are the model's, the invariants hold, replay leads to the same state",
        arguments: 1...120)
    func agreesWithTheModel(seed: UInt64) {
        var run = RandomRun(seed: seed)
        let isSame = run.run(stepCount: 400)
        #expect(isSame)
    }
}
