internal import HoldfastModel
internal import Logging
internal import NIOCore

/// One run of a worker: carries out what `WorkerStateMachine` decides. Requests and handlers run in
/// tasks of their own and report by events, which one loop takes one after the other.
struct WorkerRun: Sendable {
    enum Event: Sendable {
        case leased([LeasedJob])
        case leaseFailed(any Error)
        case acked([LeaseToken], [LeaseResult])
        case ackedAndLeased([LeaseToken], [LeaseResult], [LeasedJob])
        case ackFailed([LeaseToken], wasLease: Bool, any Error)
        case heartbeat([LeaseToken], [LeaseResult], sentAt: NIODeadline)
        case heartbeatFailed(any Error)
        /// By a handler of its own accord.
        case reported(LeaseToken, LeaseResult)
        case handlerEnded(LeaseToken, JobOutcome)
        case finishingEnded(verb: String, [LeaseToken], [LeaseResult], (any Error)?)
        case timer
        case shutdown
    }

    let client: BrokerClient
    let configuration: WorkerConfiguration
    let handlers: JobHandlers
    let logger: Logger
    /// Holds a few events for each job at work and each request on its way at most.
    let events: AsyncStream<Event>.Continuation
    private let stream: AsyncStream<Event>

    init(
        client: BrokerClient, configuration: WorkerConfiguration, handlers: JobHandlers,
        logger: Logger
    ) {
        self.client = client
        self.configuration = configuration
        self.handlers = handlers
        self.logger = logger
        (stream, events) = AsyncStream.makeStream()
    }

    func loop() async throws {
        var fatal: (any Error)?
        await withDiscardingTaskGroup { group in
            var machine = WorkerStateMachine(
                slotCount: configuration.concurrency,
                gracePeriod: configuration.gracePeriod.timeAmount,
                backoff: ReconnectBackoff(first: .milliseconds(100), longest: .seconds(2)))
            var tasks = WorkerTasks()
            var timer: (deadline: NIODeadline, task: Scheduled<Void>)?
            perform(machine.decide(now: .now()), &tasks, &group)
            for await event in stream {
                let now = NIODeadline.now()
                if case .timer = event { timer = nil }
                machine.itemCountMax = client.itemCountMax
                perform(handle(event, &machine, &tasks, &fatal, now), &tasks, &group)
                if fatal != nil { perform(machine.shutDown(now: now), &tasks, &group) }
                perform(machine.decide(now: now), &tasks, &group)
                if machine.isDone { break }
                if machine.nextDeadline != timer?.deadline {
                    timer?.task.cancel()
                    timer = machine.nextDeadline.map { deadline in
                        let events = events
                        return (
                            deadline,
                            client.core.eventLoop.scheduleTask(deadline: deadline) {
                                _ = events.yield(.timer)
                            }
                        )
                    }
                }
            }
            timer?.task.cancel()
            tasks.cancelAll()
            events.finish()
        }
        if let fatal { throw fatal }
        try Task.checkCancellation()
    }

    // MARK: Events

    private func handle(
        _ event: Event, _ machine: inout WorkerStateMachine, _ tasks: inout WorkerTasks,
        _ fatal: inout (any Error)?, _ now: NIODeadline
    ) -> [WorkerStateMachine.Action] {
        switch event {
        case .leased(let jobs):
            tasks.lease = nil
            return machine.leased(tasks.keep(jobs), now: now)
        case .leaseFailed(let error):
            tasks.lease = nil
            if error is CancellationError {
                machine.leaseCancelled()
            } else {
                failed("lease", error, &fatal)
                machine.leaseFailed(now: now, random: .random(in: 0..<1))
            }
        case .acked(let tokens, let results):
            machine.acked()
            log("ack", tokens, results)
        case .ackedAndLeased(let tokens, let results, let jobs):
            log("ack", tokens, results)
            return machine.ackedAndLeased(tasks.keep(jobs), now: now)
        case .ackFailed(let tokens, let wasLease, let error):
            if wasLease { failed("lease", error, &fatal) }
            // Refused as a whole, nothing was acknowledged; as part of a lease, it was not their
            // fault.
            let isWorthRetrying =
                wasLease || (error as? BrokerClientError)?.isWorthRetrying ?? false
            if !isWorthRetrying {
                logger.error("ack failed", metadata: ["error": "\(error)"])
            }
            machine.ackFailed(
                isWorthRetrying ? tokens : [], wasLease: wasLease, now: now,
                random: .random(in: 0..<1))
        case .heartbeat(let tokens, let results, let sentAt):
            machine.heartbeatEnded()
            return zip(tokens, results).flatMap { report($0, $1, &machine, sentAt) }
        case .heartbeatFailed(let error):
            logger.warning("heartbeat failed", metadata: ["error": "\(error)"])
            machine.heartbeatFailed(now: now)
        case .reported(let token, let result):
            return report(token, result, &machine, now)
        case .handlerEnded(let token, let outcome):
            tasks.handlers[token] = nil
            return machine.finished(token, outcome)
        case .finishingEnded(let verb, let tokens, let results, let error):
            machine.finishingEnded()
            log(verb, tokens, results)
            if let error {
                logger.warning("\(verb) failed", metadata: ["error": "\(error)"])
            }
        case .timer:
            break
        case .shutdown:
            return machine.shutDown(now: now)
        }
        return []
    }

    private func report(
        _ token: LeaseToken, _ result: LeaseResult, _ machine: inout WorkerStateMachine,
        _ now: NIODeadline
    ) -> [WorkerStateMachine.Action] {
        let actions = machine.leaseReported(
            token, isLost: result.refusal != nil, mustStop: result.mustStop,
            remaining: result.remaining.timeAmount, now: now)
        if !actions.isEmpty {
            logger.warning(
                "cancelling a handler whose job is no longer its own",
                metadata: ["token": "\(token)", "reason": "\(result.refusal?.name ?? "stop")"])
        }
        return actions
    }

    private func failed(_ verb: String, _ error: any Error, _ fatal: inout (any Error)?) {
        if let error = error as? BrokerClientError {
            switch (error.code, error.refusal) {
            case (.invalidArgument, _), (.closed, _), (_, .badName), (_, .badArgument),
                (_, .notSupported), (_, .unsupportedVersion), (_, .unknownRequest):
                fatal = error
                return
            case (_, .unknownQueue):
                // The first enqueue creates it.
                logger.debug("the queue does not exist yet")
                return
            default: break
            }
        }
        logger.warning("\(verb) failed, trying again", metadata: ["error": "\(error)"])
    }

    private func log(_ verb: String, _ tokens: [LeaseToken], _ results: [LeaseResult]) {
        for (token, result) in zip(tokens, results) {
            guard let refusal = result.refusal else { continue }
            logger.warning(
                "\(verb) refused", metadata: ["token": "\(token)", "refusal": "\(refusal.name)"])
        }
    }

    // MARK: Actions

    private func perform(
        _ actions: [WorkerStateMachine.Action], _ tasks: inout WorkerTasks,
        _ group: inout DiscardingTaskGroup
    ) {
        for action in actions { perform(action, &tasks, &group) }
    }

    private func perform(
        _ action: WorkerStateMachine.Action, _ tasks: inout WorkerTasks,
        _ group: inout DiscardingTaskGroup
    ) {
        let (client, configuration, events) = (client, configuration, events)
        switch action {
        case .lease(let count):
            let task = Task {
                do {
                    events.yield(
                        .leased(
                            try await client.lease(
                                from: configuration.queue, count: count, wait: configuration.wait,
                                duration: configuration.leaseDuration)))
                } catch {
                    events.yield(.leaseFailed(error))
                }
            }
            tasks.lease = task
            group.addTask { await task.value }
        case .cancelLease:
            tasks.lease?.cancel()
        case .ack(let tokens):
            group.addTask {
                do {
                    events.yield(.acked(tokens, try await client.ack(tokens)))
                } catch {
                    events.yield(.ackFailed(tokens, wasLease: false, error))
                }
            }
        case .ackAndLease(let tokens, let count):
            group.addTask {
                do {
                    let (results, jobs) = try await client.ackAndLease(
                        tokens, from: configuration.queue, count: count,
                        duration: configuration.leaseDuration)
                    events.yield(.ackedAndLeased(tokens, results, jobs))
                } catch {
                    events.yield(.ackFailed(tokens, wasLease: true, error))
                }
            }
        case .heartbeat(let tokens):
            let sentAt = NIODeadline.now()
            group.addTask {
                do {
                    let results = try await client.heartbeat(tokens.map { LeaseHeartbeat($0) })
                    events.yield(.heartbeat(tokens, results, sentAt: sentAt))
                } catch {
                    events.yield(.heartbeatFailed(error))
                }
            }
        case .start(let token):
            start(token, &tasks, &group)
        case .cancel(let token):
            tasks.handlers[token]?.cancel()
        case .nack(let token, let error, let delay):
            logger.info("job failed", metadata: ["token": "\(token)", "error": "\(error)"])
            finish("nack", [token], &group) {
                try await client.nack([token], delay: delay, error: error, isRepeatable: true)
            }
        case .reject(let token, let reason):
            finish("reject", [token], &group) {
                try await client.reject([token], reason: reason, isRepeatable: true)
            }
        case .release(let tokens):
            for token in tokens { tasks.jobs[token] = nil }
            finish("release", tokens, &group) {
                try await client.release(tokens, isRepeatable: true)
            }
        }
    }

    private func start(
        _ token: LeaseToken, _ tasks: inout WorkerTasks, _ group: inout DiscardingTaskGroup
    ) {
        guard let job = tasks.jobs.removeValue(forKey: token) else { return }
        let (handlers, events) = (handlers, events)
        let context = JobContext(job: job, client: client, logger: logger) {
            _ = events.yield(.reported(token, $0))
        }
        let task = Task {
            let outcome = await handlers.run(job, context)
            events.yield(.handlerEnded(token, outcome))
        }
        tasks.handlers[token] = task
        group.addTask { await task.value }
    }

    private func finish(
        _ verb: String, _ tokens: [LeaseToken], _ group: inout DiscardingTaskGroup,
        _ request: @escaping @Sendable () async throws -> [LeaseResult]
    ) {
        let events = events
        group.addTask {
            do {
                events.yield(.finishingEnded(verb: verb, tokens, try await request(), nil))
            } catch {
                events.yield(.finishingEnded(verb: verb, tokens, [], error))
            }
        }
    }
}

/// The tasks of a worker that may have to be cancelled one by one, and the jobs that are about to be
/// started.
private struct WorkerTasks {
    var lease: Task<Void, Never>?
    var handlers: [LeaseToken: Task<Void, Never>] = [:]
    var jobs: [LeaseToken: LeasedJob] = [:]

    mutating func keep(_ leased: [LeasedJob]) -> [(token: LeaseToken, duration: TimeAmount)] {
        for job in leased { jobs[job.token] = job }
        return leased.map { ($0.token, $0.leaseDuration.timeAmount) }
    }

    func cancelAll() {
        lease?.cancel()
        for task in handlers.values { task.cancel() }
    }
}
