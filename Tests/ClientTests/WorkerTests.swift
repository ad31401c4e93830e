import HoldfastClient
import HoldfastModel
import HoldfastProtocol
import Logging
import ServiceLifecycle
import Testing

@Suite(.timeLimit(.minutes(1))) struct WorkerTests {
    private struct Boom: Error, CustomStringConvertible {
        var description: String { "boom" }
    }

    /// Runs a worker in a group beside a script that plays the broker, then shuts it down.
    private func run(
        concurrency: Int = 1, gracePeriod: Duration = .seconds(20), _ handlers: JobHandlers,
        script:
            @escaping (FakeBroker, _ shutDown: @escaping @Sendable () async -> Void)
            async throws -> Void
    ) async throws {
        let broker = try await FakeBroker.start()
        let client = BrokerClient(broker.configuration)
        var configuration = WorkerConfiguration(queue: "people", concurrency: concurrency)
        configuration.gracePeriod = gracePeriod
        let worker = Worker(client, configuration, handlers)
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let group = ServiceGroup(services: [client, worker], logger: logger)
        async let ended: Void = group.run()
        try await script(broker) { await group.triggerGracefulShutdown() }
        try await ended
    }

    /// Plays the end: the wait is cancelled, and goodbye is said.
    private func end(_ broker: FakeBroker, waiting: FakeRequest) async {
        let cancel = await nextBesideHeartbeats(broker)
        #expect(cancel.kind == .cancelWait)
        waiting.deliver()
        cancel.accept()
        await endGoodbye(broker)
    }

    /// A heartbeat comes by whenever its time has come, be it on its way already when the lease
    /// ends.
    private func nextBesideHeartbeats(
        _ broker: FakeBroker, answer: ItemAnswer = ItemAnswer()
    ) async -> FakeRequest {
        while true {
            let request = await broker.next()
            guard request.kind == .heartbeat else { return request }
            request.accept(answer)
        }
    }

    private func endGoodbye(_ broker: FakeBroker) async {
        let goodbye = await nextBesideHeartbeats(broker)
        #expect(goodbye.kind == .goodbye)
        goodbye.accept()
        goodbye.close()
    }

    @Test("lease, handler, ack together with the next lease")
    func work() async throws {
        var handlers = JobHandlers()
        let (names, continuation) = AsyncStream.makeStream(of: String.self)
        handlers.on(Greet.self) { greet, context in
            continuation.yield(greet.name + " \(context.job.attempt)")
        }
        try await run(handlers) { broker, shutDown in
            let lease = await broker.next()
            #expect(lease.kind == .lease && lease.order?.count == 1)
            #expect(lease.order?.waitMilliseconds == 30_000)
            let job = FakeJob(lsn: 1)
            lease.deliver(job)
            let next = await broker.next()
            #expect(next.kind == .ackLease && next.tokens == [job.token])
            #expect(next.order == LeaseOrder(count: 1))
            let second = FakeJob(lsn: 2, attempt: 2)
            next.deliver(second)
            let last = await broker.next()
            #expect(last.kind == .ackLease && last.tokens == [second.token])
            last.deliver()
            let waiting = await broker.next()
            #expect(waiting.kind == .lease)
            await shutDown()
            await end(broker, waiting: waiting)
        }
        continuation.finish()
        var all: [String] = []
        for await name in names { all.append(name) }
        #expect(all == ["Ada 1", "Ada 2"])
    }

    @Test("as many jobs are asked for as slots are free, and jobs run at the same time")
    func slots() async throws {
        var handlers = JobHandlers()
        let (arrivals, arrived) = AsyncStream.makeStream(of: Void.self)
        let gate = Gate()
        handlers.otherwise { _, _ in
            arrived.yield()
            await gate.wait()
        }
        try await run(concurrency: 3, handlers) { broker, shutDown in
            let lease = await broker.next()
            #expect(lease.order?.count == 3)
            lease.deliver(FakeJob(lsn: 1), FakeJob(lsn: 2))
            let second = await broker.next()
            #expect(second.kind == .lease && second.order?.count == 1)
            // Both are at work: neither can have ended.
            var iterator = arrivals.makeAsyncIterator()
            await iterator.next()
            await iterator.next()
            await gate.open()
            var acked: [LeaseToken] = []
            while acked.count < 2 {
                // A wait is open for the free slot: the acks go on their own.
                let ack = await broker.next()
                #expect(ack.kind == .ack)
                acked += ack.tokens
                ack.acceptAll()
            }
            #expect(Set(acked) == [FakeJob(lsn: 1).token, FakeJob(lsn: 2).token])
            await shutDown()
            await end(broker, waiting: second)
        }
    }

    /// How a handler ends, and what the broker then hears.
    enum Ending: CaseIterable, Sendable {
        case error, retry, reject, release, unknownKind, badPayload
    }

    @Test("a handler that throws fails its job and nothing else", arguments: Ending.allCases)
    func throwing(_ ending: Ending) async throws {
        var handlers = JobHandlers()
        handlers.on(Greet.self) { _, _ in
            switch ending {
            case .retry: throw RetryJob(after: .seconds(7), reason: "later")
            case .reject: throw RejectJob(reason: "never")
            case .release: throw ReleaseJob()
            default: throw Boom()
            }
        }
        try await run(handlers) { broker, shutDown in
            var job = FakeJob(lsn: 1)
            if ending == .unknownKind { job.kind = "dance" }
            if ending == .badPayload { job.payload = Array("{".utf8) }
            await broker.next().deliver(job)
            var waiting: FakeRequest?
            var finished: FakeRequest?
            // The finish and the next lease may come in either order.
            for _ in 0..<2 {
                let request = await broker.next()
                if request.kind == .lease { waiting = request } else { finished = request }
            }
            let finish = try #require(finished)
            #expect(finish.tokens == [job.token])
            switch ending {
            case .error: #expect(finish.kind == .nack && finish.reason == "boom")
            case .retry:
                #expect(finish.kind == .nack && finish.reason == "later")
                let delay = try finish.body.withUnsafeBytes {
                    try NackRequest(body: $0, limits: AnnouncedLimits()).delayMilliseconds
                }
                #expect(delay == 7_000)
            case .reject: #expect(finish.kind == .reject && finish.reason == "never")
            case .release: #expect(finish.kind == .release)
            case .unknownKind:
                #expect(finish.kind == .nack && finish.reason?.contains("dance") == true)
            case .badPayload: #expect(finish.kind == .nack && finish.reason?.isEmpty == false)
            }
            finish.accept(ItemAnswer())
            await shutDown()
            await end(broker, waiting: try #require(waiting))
        }
    }

    @Test(
        "a stop order or a lost lease cancels the handler",
        arguments: [ItemAnswer(mustStop: true), ItemAnswer(refusal: .leaseLost)])
    func stopOrder(answer: ItemAnswer) async throws {
        var handlers = JobHandlers()
        handlers.otherwise { _, _ in try await untilCancelled() }
        try await run(handlers) { broker, shutDown in
            var job = FakeJob(lsn: 1)
            job.durationMilliseconds = 1_000
            await broker.next().deliver(job)
            let heartbeat = await broker.next()
            #expect(heartbeat.kind == .heartbeat && heartbeat.tokens == [job.token])
            heartbeat.accept(answer)
            var next = await nextBesideHeartbeats(broker, answer: answer)
            if answer.mustStop {
                // Its lease still holds: the job is given back, before or after the next lease.
                let other = await nextBesideHeartbeats(broker, answer: answer)
                let release = next.kind == .release ? next : other
                #expect(release.kind == .release && release.tokens == [job.token])
                release.accept(ItemAnswer())
                next = next.kind == .release ? other : next
            }
            #expect(next.kind == .lease)
            await shutDown()
            await end(broker, waiting: next)
        }
    }

    @Test("all leases are renewed with one message")
    func heartbeat() async throws {
        var handlers = JobHandlers()
        let gate = Gate()
        handlers.otherwise { _, _ in await gate.wait() }
        try await run(concurrency: 2, handlers) { broker, shutDown in
            var (one, two) = (FakeJob(lsn: 1), FakeJob(lsn: 2))
            one.durationMilliseconds = 1_000
            two.durationMilliseconds = 60_000
            await broker.next().deliver(one, two)
            let heartbeat = await broker.next()
            #expect(heartbeat.kind == .heartbeat)
            #expect(heartbeat.tokens == [one.token, two.token])
            heartbeat.accept(
                ItemAnswer(remainingMilliseconds: 60_000),
                ItemAnswer(remainingMilliseconds: 60_000))
            await gate.open()
            var acked: [LeaseToken] = []
            var waiting: FakeRequest?
            while acked.count < 2 || waiting == nil {
                let request = await broker.next()
                acked += request.tokens
                switch request.kind {
                case .ackLease: request.deliver()
                case .ack: request.acceptAll()
                default: waiting = request
                }
            }
            #expect(Set(acked) == [one.token, two.token])
            await shutDown()
            await end(broker, waiting: try #require(waiting))
        }
    }

    @Test("a graceful shutdown gives back what is not done when the grace period is over")
    func shutdown() async throws {
        var handlers = JobHandlers()
        let (arrivals, arrived) = AsyncStream.makeStream(of: Void.self)
        handlers.otherwise { _, _ in
            arrived.yield()
            try await untilCancelled()
        }
        try await run(gracePeriod: .milliseconds(1), handlers) { broker, shutDown in
            let job = FakeJob(lsn: 1)
            await broker.next().deliver(job)
            var iterator = arrivals.makeAsyncIterator()
            await iterator.next()
            await shutDown()
            let release = await broker.next()
            #expect(release.kind == .release && release.tokens == [job.token])
            release.accept(ItemAnswer())
            await endGoodbye(broker)
        }
    }

    @Test("a job that arrives while the worker shuts down is given back unstarted")
    func lateJob() async throws {
        var handlers = JobHandlers()
        handlers.otherwise { _, _ in Issue.record("it must not be started") }
        try await run(handlers) { broker, shutDown in
            let waiting = await broker.next()
            await shutDown()
            let cancel = await broker.next()
            #expect(cancel.kind == .cancelWait)
            let job = FakeJob(lsn: 1)
            waiting.deliver(job)
            cancel.accept()
            // The client gives it back; the goodbye may overtake that only if the job came later.
            var requests = [await broker.next()]
            if requests[0].kind == .release {
                #expect(requests[0].tokens == [job.token])
                requests[0].accept(ItemAnswer())
                requests.append(await broker.next())
            }
            #expect(requests.last?.kind == .goodbye)
            requests.last?.accept()
            requests.last?.close()
        }
    }

    @Test("the worker goes on with its leases over another connection")
    func reconnect() async throws {
        var handlers = JobHandlers()
        let gate = Gate()
        handlers.otherwise { _, _ in await gate.wait() }
        try await run(concurrency: 2, handlers) { broker, shutDown in
            let job = FakeJob(lsn: 1)
            await broker.next().deliver(job)
            let waiting = await broker.next()
            #expect(waiting.kind == .lease && waiting.order?.count == 1)
            waiting.close()
            let again = await broker.next()
            #expect(again.kind == .lease && again.connection == 2)
            await gate.open()
            let ack = await broker.next()
            #expect(ack.kind == .ack && ack.tokens == [job.token] && ack.connection == 2)
            ack.accept(ItemAnswer())
            await shutDown()
            await end(broker, waiting: again)
        }
    }

    @Test("an ack that was lost with its lease is repeated on its own")
    func lostAckLease() async throws {
        var handlers = JobHandlers()
        handlers.otherwise { _, _ in }
        try await run(handlers) { broker, shutDown in
            let job = FakeJob(lsn: 1)
            await broker.next().deliver(job)
            let lost = await broker.next()
            #expect(lost.kind == .ackLease && lost.tokens == [job.token])
            lost.close()
            let repeated = await broker.next()
            #expect(repeated.kind == .ack && repeated.tokens == [job.token])
            #expect(repeated.connection == 2)
            repeated.accept(ItemAnswer(isDuplicate: true))
            let waiting = await broker.next()
            #expect(waiting.kind == .lease)
            await shutDown()
            await end(broker, waiting: waiting)
        }
    }

    @Test("a handler saves its progress")
    func checkpoint() async throws {
        var handlers = JobHandlers()
        handlers.otherwise { job, context in
            #expect(job.checkpoint == [1])
            try await context.save(checkpoint: [2, 3])
            try await context.extend(by: .seconds(90))
        }
        try await run(handlers) { broker, shutDown in
            var job = FakeJob(lsn: 1)
            job.checkpoint = [1]
            await broker.next().deliver(job)
            let save = await broker.next()
            #expect(save.kind == .heartbeat)
            try save.body.withUnsafeBytes {
                var items = try HeartbeatRequest(body: $0, limits: AnnouncedLimits())
                    .makeIterator()
                #expect(items.next()?.checkpoint.map { Array($0) } == [2, 3])
            }
            save.accept(ItemAnswer(remainingMilliseconds: 30_000))
            let extend = await broker.next()
            #expect(extend.kind == .extend)
            extend.accept(ItemAnswer(remainingMilliseconds: 90_000))
            let ack = await broker.next()
            #expect(ack.kind == .ackLease)
            ack.deliver()
            let waiting = await broker.next()
            await shutDown()
            await end(broker, waiting: waiting)
        }
    }

    @Test("a worker that will never be given a job says so")
    func fatal() async throws {
        let broker = try await FakeBroker.start()
        let client = BrokerClient(broker.configuration)
        let worker = Worker(client, WorkerConfiguration(queue: "q"), JobHandlers())
        let ended = Task { try await worker.run() }
        await broker.next().refuse(.notSupported, "not here")
        let error = await #expect(throws: BrokerClientError.self) { try await ended.value }
        #expect(error?.refusal == .notSupported)
        await goodbye(client, broker)
    }

    @Test("a queue that does not exist yet is asked again")
    func unknownQueue() async throws {
        var handlers = JobHandlers()
        handlers.otherwise { _, _ in }
        try await run(handlers) { broker, shutDown in
            await broker.next().refuse(.unknownQueue, "there is no such queue")
            let waiting = await broker.next()
            #expect(waiting.kind == .lease)
            await shutDown()
            await end(broker, waiting: waiting)
        }
    }
}

/// Ends only by cancellation.
private func untilCancelled() async throws {
    let (stream, continuation) = AsyncStream.makeStream(of: Never.self)
    for await _ in stream {}
    continuation.finish()
    try Task.checkCancellation()
}

/// Holds tasks up until it is opened.
private actor Gate {
    private var isOpen = false
    private var waiters: [CheckedContinuation<Void, Never>] = []

    func wait() async {
        if isOpen { return }
        await withCheckedContinuation { waiters.append($0) }
    }

    func open() {
        isOpen = true
        for waiter in waiters { waiter.resume() }
        waiters.removeAll()
    }
}
