internal import Foundation
internal import HoldfastHarness
internal import HoldfastHistory

/// Clients of one queue on a volume that is full: producers that send again what was refused, and
/// consumers that take their time.
final class Soak: @unchecked Sendable {
    static let queue = "soak"
    /// As long as the broker asks a producer to wait.
    private static let retryMilliseconds = 1_000
    /// What a job takes.
    private static let workMilliseconds = 100
    /// Of a broker that was killed, in seconds.
    private static let startSecondsMax = 30.0

    struct Counts: CustomStringConvertible {
        var accepted = 0
        var refused = 0
        var acked = 0

        var description: String {
            "\(accepted) requests accepted, \(refused) refused, \(acked) jobs acknowledged"
        }
    }

    let broker: BrokerProcess
    let history: HistoryRecorder
    private let seed: UInt64
    /// Protects all that varies, and says when it does.
    private let condition = NSCondition()
    private var current = Counts()
    private var failed: (any Error)?
    private var isStopped = false
    private var startCount = 1
    private var firstRefused: UInt64?

    init(broker: BrokerProcess, history: HistoryRecorder, seed: UInt64) {
        self.broker = broker
        self.history = history
        self.seed = seed
    }

    var counts: Counts { condition.withLock { current } }
    /// What ended a client that nothing should have ended.
    var failure: (any Error)? { condition.withLock { failed } }

    /// When the first enqueue that was refused was sent; nil: none was.
    var fullSince: UInt64? { condition.withLock { firstRefused } }

    /// To be called when the broker has started again.
    func serves() { change { startCount += 1 } }

    /// Clients end after what they are at.
    func stop() { change { isStopped = true } }

    // MARK: Clients, each on a thread of its own

    func produce(_ number: UInt32) throws {
        var random = SeededRandom(seed: seed &* 1_000 &+ UInt64(number))
        try serve(number) { client in
            let jobs = Self.newJobs(number, &random)
            while !isOver {
                let sent = HistoryRecorder.now()
                if try client.enqueue(Self.queue, jobs) {
                    change { current.accepted += 1 }
                    return
                }
                change {
                    current.refused += 1
                    firstRefused = min(firstRefused ?? sent, sent)
                }
                pause(milliseconds: Self.retryMilliseconds)
            }
        }
    }

    func consume(_ number: UInt32) throws {
        var random = SeededRandom(seed: seed &* 1_000 &+ UInt64(number))
        try serve(number) { client in
            let tokens = try client.lease(Self.queue, count: 16, waitMilliseconds: 100)
            pause(milliseconds: Self.workMilliseconds)
            for token in tokens {
                let results: [TestResult]
                switch Int.random(in: 0..<20, using: &random) {
                case 0: results = try client.nack([token])
                case 1: results = try client.release([token])
                case 2: results = try client.heartbeat([token]) + client.ack([token])
                default: results = try client.ack([token])
                }
                // Leases last longer than anything here.
                guard results.allSatisfy({ $0.refusal == nil }) else {
                    throw TestFault("at full, \(token) was answered with \(results)")
                }
            }
            change { current.acked += tokens.count }
        }
    }

    // MARK: The end

    /// Consumes all that is left, and goes on until the volume takes jobs again (L5).
    func drain() throws {
        let client = try RecordingClient(broker, history)
        try client.drain([Self.queue])
        if let fullSince {
            history.recordFault(.full, from: fullSince, to: HistoryRecorder.now())
        }
        var random = SeededRandom(seed: seed)
        try client.awaitSpace(Self.queue) { Self.newJobs(0, &random) }
        try client.drain([Self.queue])
    }

    // MARK: Parts

    private static func newJobs(_ number: UInt32, _ random: inout SeededRandom) -> [TestJob] {
        (0..<Int.random(in: 1...8, using: &random)).map { index in
            TestJob(
                "\(number).\(HistoryRecorder.now()).\(index) "
                    + String(repeating: "x", count: Int.random(in: 0...20_000, using: &random)))
        }
    }

    private var isOver: Bool { condition.withLock { isStopped || failed != nil } }

    /// Does `step` again and again, over a new connection after each start of the broker.
    private func serve(_ number: UInt32, _ step: (RecordingClient) throws -> Void) throws {
        var seenCount = 0
        while awaitStart(after: &seenCount) {
            do {
                let client = try RecordingClient(broker, history, number: number)
                while !isOver { try step(client) }
            } catch is TestConnection.Disconnected {
                continue
            } catch {
                change { failed = error }
            }
        }
    }

    /// Waits for a start of the broker's that was not seen yet.
    ///
    /// - Returns: whether there is more to do.
    private func awaitStart(after seenCount: inout Int) -> Bool {
        let end = Date(timeIntervalSinceNow: Self.startSecondsMax)
        return condition.withLock {
            while !isStopped, failed == nil, startCount == seenCount {
                if !condition.wait(until: end) {
                    failed = TestFault(
                        "a client lost its connection, and nobody had ended the broker")
                    condition.broadcast()
                }
            }
            seenCount = startCount
            return !isStopped && failed == nil
        }
    }

    private func pause(milliseconds: Int) {
        let end = Date(timeIntervalSinceNow: Double(milliseconds) / 1_000)
        condition.withLock {
            while !isStopped, failed == nil, condition.wait(until: end) {}
        }
    }

    private func change(_ body: () -> Void) {
        condition.withLock {
            body()
            condition.broadcast()
        }
    }
}
