internal import HoldfastHarness
internal import HoldfastHistory
internal import HoldfastModel

/// A client with one connection that does one thing after the other and writes down what came of each.
final class RecordingClient {
    private let connection: TestConnection
    private let history: HistoryRecorder
    private let client: UInt32

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
                visibilityTimeoutMilliseconds: 60_000, attemptCountMax: 1_000,
                interruptionCountMax: 1_000_000, backoffMilliseconds: 0, backoffMillisecondsMax: 0))
    }

    /// - Returns: whether they were accepted; false: the disk is full.
    func enqueue(_ queue: String, _ jobs: [TestJob]) throws -> Bool {
        let invoked = HistoryRecorder.now()
        func note(_ ids: [JobID]?, _ outcome: HistoryEvent.Outcome) {
            for (index, job) in jobs.enumerated() {
                record(
                    .enqueue(
                        job: ids?[index].lsn, queue: queue, content: contentHash(job.payload),
                        delayMilliseconds: 0, attemptCountMax: 0, key: nil), invoked, outcome)
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
            note(nil, .err)
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
        let deliveries = try connection.lease(
            queue, count: count, waitMilliseconds: waitMilliseconds)
        for delivery in deliveries {
            record(
                .deliver(
                    lease(delivery.token), queue: queue, content: contentHash(delivery.payload),
                    attempt: delivery.attempt,
                    durationMilliseconds: delivery.durationMilliseconds), invoked, .ok)
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
        try settle(tokens, { .extend($0, durationMilliseconds: 60_000) }) {
            try self.connection.heartbeat(tokens, durationMilliseconds: 60_000)
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
                record(operation(lease(token)), invoked, result.refusal == nil ? .ok : .err)
            }
            return results
        } catch {
            for token in tokens { record(operation(lease(token)), invoked, .unknown) }
            throw error
        }
    }

    // MARK: All of it

    /// Leases and acknowledges all that is ready.
    func consume(_ queues: [String], waitMilliseconds: UInt32 = 0) throws {
        for queue in queues {
            while true {
                let tokens = try lease(queue, count: 64, waitMilliseconds: waitMilliseconds)
                if tokens.isEmpty { break }
                for result in try ack(tokens) where result.refusal != nil {
                    throw TestFault("an ack of a fresh lease was answered with \(result)")
                }
            }
        }
    }

    /// Goes on consuming until nothing is left but what is dead.
    func drain(_ queues: [String]) throws {
        while try queues.contains(where: { queue in
            let counts = try connection.counts(of: queue)
            return counts.ready + counts.delayed + counts.leased > 0
        }) {
            try consume(queues, waitMilliseconds: 100)
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
        _ operation: HistoryEvent.Operation, _ invoked: UInt64, _ outcome: HistoryEvent.Outcome
    ) {
        history.record(
            HistoryEvent(
                client: client, invoked: invoked,
                responded: outcome == .unknown ? nil : HistoryRecorder.now(), outcome: outcome,
                operation: operation))
    }
}
