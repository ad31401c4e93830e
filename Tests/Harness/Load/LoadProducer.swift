internal import HoldfastHistory
internal import HoldfastModel

/// Enqueues, several requests in flight, until the run drains. After a crash it connects again and
/// repeats what was not answered, with the same numbers; now and then it gives up instead.
package struct LoadProducer {
    private struct Request {
        let sequence: UInt64
        let queue: Int
        let jobs: [TestJob]
        var invoked: UInt64 = 0
    }

    private let run: LoadRun
    private let client: UInt32
    private let producer: [UInt8]
    private var random: SeededRandom
    private var sequence: UInt64 = 0
    private var unanswered: [Request] = []
    private var isBacklogged = false

    private static let readyCountMax: UInt64 = 2_000

    package init(run: LoadRun, client: UInt32) {
        self.run = run
        self.client = client
        random = SeededRandom(seed: run.seed &* 1_000 &+ UInt64(client))
        var random = random
        producer = (0..<16).map { _ in UInt8.random(in: 0...255, using: &random) }
    }

    package mutating func work() throws {
        var generation = 0
        while let next = run.nextGeneration(after: generation) {
            generation = next
            if random.chance(20) { unanswered.removeAll() }
            do {
                let connection = try TestConnection(port: run.broker.port, producer: producer)
                run.answered()
                while run.phase == .load || !unanswered.isEmpty { try round(connection) }
                return
            } catch is TestConnection.Disconnected {
                continue
            }
        }
    }

    private mutating func round(_ connection: TestConnection) throws {
        if random.chance(10) {
            let name = LoadRun.queues[Int.random(in: 0..<LoadRun.queues.count, using: &random)].name
            isBacklogged = try connection.counts(of: name).ready > Self.readyCountMax
            run.answered()
        }
        if run.phase == .load, !isBacklogged {
            for _ in 0..<Int.random(in: 1...4, using: &random) { unanswered.append(newRequest()) }
        }
        guard !unanswered.isEmpty else {
            try connection.ping()
            run.answered()
            return
        }
        var sent: [UInt32] = []
        do {
            for index in unanswered.indices {
                unanswered[index].invoked = HistoryRecorder.now()
                let request = unanswered[index]
                sent.append(0)
                sent[index] = try connection.send(
                    0x10,
                    TestConnection.enqueueBody(
                        LoadRun.queues[request.queue].name, request.jobs,
                        sequence: request.sequence))
            }
            for correlation in sent {
                let ids: [JobID]
                do {
                    ids = try TestConnection.enqueueReply(try connection.reply(to: correlation)).ids
                } catch let refused as TestConnection.Refused
                    where refused.code.name == "storage_full"
                {
                    // The disk is full: it had no effect, and the next request is another one.
                    sent.removeFirst()
                    record(
                        unanswered.removeFirst(), ids: nil, .err, refusal: refused.code.name)
                    isBacklogged = true
                    run.answered()
                    continue
                }
                sent.removeFirst()
                let request = unanswered.removeFirst()
                guard ids.count == request.jobs.count else {
                    throw TestFault(
                        "\(request.jobs.count) jobs were answered with \(ids.count) ids")
                }
                record(request, ids: ids, .ok)
                run.answered()
            }
        } catch {
            for request in unanswered.prefix(sent.count) { record(request, ids: nil, .unknown) }
            throw error
        }
    }

    private mutating func newRequest() -> Request {
        sequence += 1
        let jobs = (0..<Int.random(in: 1...16, using: &random)).map { index in
            let isPoison = random.chance(2)
            let filler = String(repeating: "x", count: Int.random(in: 0...300, using: &random))
            return TestJob(
                "\(isPoison ? LoadConsumer.poison : "good") \(client).\(sequence).\(index) \(filler)",
                delayMilliseconds: random.chance(5) ? UInt64.random(in: 1...300, using: &random) : 0
            )
        }
        return Request(
            sequence: sequence, queue: Int.random(in: 0..<LoadRun.queues.count, using: &random),
            jobs: jobs)
    }

    /// - Parameter ids: nil where none were answered.
    private func record(
        _ request: Request, ids: [JobID]?, _ outcome: HistoryEvent.Outcome, refusal: String? = nil
    ) {
        let now = HistoryRecorder.now()
        let queue = LoadRun.queues[request.queue]
        run.history.record(
            contentsOf: request.jobs.enumerated().map { index, job in
                HistoryEvent(
                    client: client, invoked: request.invoked,
                    responded: outcome == .unknown ? nil : now, outcome: outcome,
                    operation: .enqueue(
                        job: ids?[index].lsn, queue: queue.name, content: contentHash(job.payload),
                        delayMilliseconds: job.delayMilliseconds,
                        attemptCountMax: queue.policy.attemptCountMax,
                        key: UInt64(client) << 48 | request.sequence << 8 | UInt64(index)),
                    request: request.sequence, position: UInt32(index), priority: job.priority,
                    refusal: refusal)
            })
    }
}
