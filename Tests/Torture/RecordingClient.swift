internal import HoldfastHarness
internal import HoldfastHistory
internal import HoldfastModel

/// A client with one connection that does one thing after the other and writes down what came of each.
final class RecordingClient {
    private let connection: TestConnection
    private let history: HistoryRecorder
    private let client: UInt32

    /// Granted to every delivery, so that no work here outlasts it.
    private static let leaseMilliseconds: UInt32 = 60_000
    /// How long nobody may be given a job while some are ready.
    private static let readySecondsMax: UInt64 = 30
    /// The same while some are left: longer than leases last of clients whose broker was killed.
    private static let drainSecondsMax: UInt64 = 120
    /// L5.
    private static let spaceNanosecondsMax: UInt64 = 5_000_000_000

    /// - Parameter number: as the history names it; not one of the clients of a `LoadRun`.
    init(
        _ broker: BrokerProcess, _ history: HistoryRecorder, number: UInt32 = 9_999
    ) throws {
        connection = try TestConnection(port: broker.port)
        self.history = history
        client = number
    }

    /// Long leases and no backoff.
    func createQueue(_ queue: String) throws {
        try connection.createQueue(
            queue,
            QueuePolicy(
                visibilityTimeoutMilliseconds: Self.leaseMilliseconds, attemptCountMax: 1_000,
                interruptionCountMax: 1_000_000, backoffMilliseconds: 0, backoffMillisecondsMax: 0))
    }

    /// - Returns: whether they were accepted; false: the disk is full.
    func enqueue(_ queue: String, _ jobs: [TestJob]) throws -> Bool {
        let invoked = HistoryRecorder.now()
        func note(
            _ ids: [JobID]?, _ outcome: HistoryEvent.Outcome, refusal: String? = nil
        ) {
            for (index, job) in jobs.enumerated() {
                record(
                    .enqueue(
                        job: ids?[index].lsn, queue: queue, content: contentHash(job.payload),
                        delayMilliseconds: 0, attemptCountMax: 0, key: nil), invoked, outcome,
                    position: index, priority: job.priority, refusal: refusal)
            }
        }
        do {
            let ids = try connection.enqueue(queue, jobs).ids
            guard ids.count == jobs.count else {
                throw TestFault("\(jobs.count) jobs were answered with \(ids.count) ids")
            }
            note(ids, .ok)
            return true
        } catch let refused as TestConnection.Refused where refused.code.name == "storage_full" {
            note(nil, .err, refusal: refused.code.name)
            return false
        } catch {
            note(nil, .unknown)
            throw error
        }
    }

    func lease(
        _ queue: String, count: Int, waitMilliseconds: UInt32 = 0
    ) throws -> [LeaseToken] {
        let invoked = HistoryRecorder.now()
        let asked = HistoryEvent.Operation.ask(queue: queue, waitMilliseconds: waitMilliseconds)
        let deliveries: [TestDelivery]
        do {
            deliveries = try connection.lease(
                queue, count: count, waitMilliseconds: waitMilliseconds,
                durationMilliseconds: Self.leaseMilliseconds)
        } catch {
            record(asked, invoked, .unknown)
            throw error
        }
        if deliveries.isEmpty { record(asked, invoked, .ok) }
        for (index, delivery) in deliveries.enumerated() {
            record(
                .deliver(
                    lease(delivery.token), queue: queue, content: contentHash(delivery.payload),
                    attempt: delivery.attempt,
                    durationMilliseconds: delivery.durationMilliseconds), invoked, .ok,
                position: index)
        }
        return deliveries.map(\.token)
    }

    func ack(_ tokens: [LeaseToken]) throws -> [TestResult] {
        try settle(tokens, { .ack($0) }) { try self.connection.ack(tokens) }
    }

    func nack(_ tokens: [LeaseToken]) throws -> [TestResult] {
        try settle(tokens, { .nack($0, delayMilliseconds: 0) }) {
            try self.connection.nack(tokens, delayMilliseconds: 0)
        }
    }

    func release(_ tokens: [LeaseToken]) throws -> [TestResult] {
        try settle(tokens, { .release($0) }) { try self.connection.release(tokens) }
    }

    func heartbeat(_ tokens: [LeaseToken]) throws -> [TestResult] {
        let duration = Self.leaseMilliseconds
        return try settle(tokens, { .extend($0, durationMilliseconds: duration) }) {
            try self.connection.heartbeat(tokens, durationMilliseconds: duration)
        }
    }

    private func settle(
        _ tokens: [LeaseToken], _ operation: (HistoryEvent.Lease) -> HistoryEvent.Operation,
        _ ask: () throws -> [TestResult]
    ) throws -> [TestResult] {
        let invoked = HistoryRecorder.now()
        do {
            let results = try ask()
            for (token, result) in zip(tokens, results) {
                record(
                    operation(lease(token)), invoked, result.refusal == nil ? .ok : .err,
                    refusal: result.refusal?.name)
            }
            return results
        } catch {
            for token in tokens { record(operation(lease(token)), invoked, .unknown) }
            throw error
        }
    }

    // MARK: All of it

    /// Leases and acknowledges all that is ready, and leaves what somebody else holds.
    func consumeReady(_ queues: [String]) throws {
        try consume(queues, secondsMax: Self.readySecondsMax) { $0.ready > 0 }
    }

    /// Goes on consuming until nothing is left but what is dead.
    func drain(_ queues: [String]) throws {
        try consume(queues, secondsMax: Self.drainSecondsMax) {
            $0.ready + $0.delayed + $0.leased > 0
        }
    }

    /// - Throws: where nobody is given a job any more: what is left was looked at then, so that the judge
    ///   can say which one has waited.
    private func consume(
        _ queues: [String], secondsMax: UInt64, while isLeft: (TestQueueCounts) -> Bool
    ) throws {
        var last = HistoryRecorder.now()
        // Nobody waits for what is not there.
        var waitMilliseconds: UInt32 = 0
        repeat {
            for queue in queues {
                let count = try consume(queue, waitMilliseconds: waitMilliseconds)
                if count > 0 { last = HistoryRecorder.now() }
            }
            guard HistoryRecorder.now() - last < secondsMax * 1_000_000_000 else {
                try look(queues)
                throw TestFault("jobs are left, and nobody was given one for \(secondsMax) s")
            }
            waitMilliseconds = 100
        } while try queues.contains { isLeft(try connection.counts(of: $0)) }
    }

    /// - Returns: how many there were.
    private func consume(_ queue: String, waitMilliseconds: UInt32) throws -> Int {
        var count = 0
        while true {
            let tokens = try lease(queue, count: 64, waitMilliseconds: waitMilliseconds)
            if tokens.isEmpty { return count }
            count += tokens.count
            for result in try ack(tokens) where result.refusal != nil {
                throw TestFault("an ack of a fresh lease was answered with \(result)")
            }
        }
    }

    /// Asks again and again until an enqueue is accepted: there is space again, and all was consumed.
    func awaitSpace(_ queue: String, _ jobs: () -> [TestJob]) throws {
        let begun = HistoryRecorder.now()
        while try !enqueue(queue, jobs()) {
            guard HistoryRecorder.now() - begun < Self.spaceNanosecondsMax else {
                throw TestFault("L5: no enqueue was accepted for 5 s after there was space again")
            }
            // Nothing is there to be leased: a wait.
            _ = try lease(queue, count: 1, waitMilliseconds: 50)
        }
    }

    /// Lists all that is there.
    func look(_ queues: [String]) throws {
        for queue in queues {
            let invoked = HistoryRecorder.now()
            for report in try connection.jobs(in: queue) {
                record(.look(job: report.id.lsn, state: report.state.name), invoked, .ok)
            }
        }
    }

    private func lease(_ token: LeaseToken) -> HistoryEvent.Lease {
        HistoryEvent.Lease(job: token.lsn, version: token.version)
    }

    private func record(
        _ operation: HistoryEvent.Operation, _ invoked: UInt64, _ outcome: HistoryEvent.Outcome,
        position: Int? = nil, priority: UInt8? = nil, refusal: String? = nil
    ) {
        history.record(
            HistoryEvent(
                client: client, invoked: invoked,
                responded: outcome == .unknown ? nil : HistoryRecorder.now(), outcome: outcome,
                // One request is under way at a time.
                operation: operation, request: invoked, position: position.map { UInt32($0) },
                priority: priority, refusal: refusal))
    }
}
