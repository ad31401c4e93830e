internal import HoldfastHistory
internal import HoldfastModel
internal import HoldfastProtocol

/// What the clients of a measurement saw, written to a file and judged in the end. The content of a
/// job is its number. Lives on the one event loop of the measurement.
final class CycleHistory: @unchecked Sendable {
    private let path: String
    private let recorder: HistoryRecorder
    private let queue: String
    private var requestCount: UInt64 = 0

    init(path: String, queue: String) throws {
        self.path = path
        self.queue = queue
        recorder = try HistoryRecorder(path: path)
    }

    func enqueued(
        _ ids: [JobID], firstNumber: UInt64, client: Int, sent: UInt64, answered: UInt64
    ) {
        requestCount += 1
        for (index, id) in ids.enumerated() {
            recorder.record(
                HistoryEvent(
                    client: UInt32(client), invoked: sent, responded: answered, outcome: .ok,
                    operation: .enqueue(
                        job: id.lsn, queue: queue, content: firstNumber + UInt64(index),
                        delayMilliseconds: 0, attemptCountMax: 0, key: nil),
                    request: requestCount, position: UInt32(index), priority: 0))
        }
    }

    func acknowledged(_ tokens: [LeaseToken], client: Int, sent: UInt64, answered: UInt64) {
        requestCount += 1
        for (index, token) in tokens.enumerated() {
            recorder.record(
                HistoryEvent(
                    client: UInt32(client), invoked: sent, responded: answered, outcome: .ok,
                    operation: .ack(lease(token)), request: requestCount, position: UInt32(index)))
        }
    }

    /// A reply to a request for jobs has begun; its jobs follow.
    func beginDeliveries() { requestCount += 1 }

    func delivered(
        _ job: DeliveredJob, number: UInt64, position: Int, client: Int, sent: UInt64,
        answered: UInt64
    ) {
        recorder.record(
            HistoryEvent(
                client: UInt32(client), invoked: sent, responded: answered, outcome: .ok,
                operation: .deliver(
                    lease(job.token), queue: queue, content: number, attempt: job.attempt,
                    durationMilliseconds: job.durationMilliseconds),
                request: requestCount, position: UInt32(position)))
    }

    func cameBackEmpty(client: Int, sent: UInt64, answered: UInt64, waitMilliseconds: UInt32) {
        recorder.record(
            HistoryEvent(
                client: UInt32(client), invoked: sent, responded: answered, outcome: .ok,
                operation: .ask(queue: queue, waitMilliseconds: waitMilliseconds)))
    }

    private func lease(_ token: LeaseToken) -> HistoryEvent.Lease {
        HistoryEvent.Lease(job: token.lsn, version: token.version)
    }

    /// - Returns: a line about a history without a violation.
    func judged() throws -> String {
        try recorder.flush()
        let verdict = try HistoryChecker(isDrained: true, liveness: LivenessBounds())
            .judge(file: path)
        guard verdict.violations.isEmpty else {
            throw BenchFault("\(verdict)\nmake judge HISTORY=\(path) OPTIONS=--drained")
        }
        return "\(verdict)"
    }
}
