internal import Foundation
package import HoldfastHistory
package import HoldfastModel
internal import Synchronization

/// A broker under load, killed again and again: what its clients share. Clients are threads that
/// block; they learn of a restart by waiting for it here, not by trying again and again.
package final class LoadRun: Sendable {
    /// What a queue of the run asks of its jobs.
    package static let queues: [(name: String, policy: QueuePolicy)] = [
        (
            "steady",
            QueuePolicy(
                visibilityTimeoutMilliseconds: 1_000, attemptCountMax: 1_000,
                interruptionCountMax: 1_000_000, backoffMilliseconds: 20,
                backoffMillisecondsMax: 200)
        ),
        (
            "steady-two",
            QueuePolicy(
                visibilityTimeoutMilliseconds: 1_500, attemptCountMax: 1_000,
                interruptionCountMax: 1_000_000, backoffMilliseconds: 0,
                backoffMillisecondsMax: 0)
        ),
        (
            "brittle",
            QueuePolicy(
                visibilityTimeoutMilliseconds: 1_000, attemptCountMax: 3,
                interruptionCountMax: 1_000_000, backoffMilliseconds: 10,
                backoffMillisecondsMax: 50)
        ),
    ]

    package enum Phase {
        case load
        /// Nothing more is enqueued; everything is consumed.
        case drain
        /// Somebody failed, or nobody is needed any more: all stop.
        case over
    }

    private struct State {
        var phase = Phase.load
        /// Counts the starts of the broker.
        var generation = 0
        var failure: String?
    }

    package let broker: BrokerProcess
    package let history = HistoryRecorder()
    package let seed: UInt64
    private let condition = NSCondition()
    /// Under `condition`.
    nonisolated(unsafe) private var state = State()
    private let answersUntilKill = Atomic<Int>(.max)
    /// Resumed instead of killing the broker, where somebody waits for answers.
    private let waiting = Mutex<(number: Int, continuation: CheckedContinuation<Void, Never>?)>(
        (0, nil))
    private let expiriesUntilKill = Atomic<Int>(.max)
    private let answers = Atomic<Int>(0)
    /// When a job was last given to somebody in the drain, or the drain began.
    private let lastDrained = Atomic<UInt64>(.max)
    /// Leases last two seconds at most, delays less.
    private static let drainNanosecondsMax: UInt64 = 60_000_000_000

    package init(broker: BrokerProcess, seed: UInt64) {
        self.broker = broker
        self.seed = seed
    }

    // MARK: For the clients

    package var phase: Phase { condition.withLock { state.phase } }

    /// Waits for a broker that was started after the one of that generation.
    ///
    /// - Returns: nil where the run is over.
    package func nextGeneration(after generation: Int) -> Int? {
        condition.withLock {
            while state.generation <= generation, state.phase != .over { condition.wait() }
            return state.phase == .over ? nil : state.generation
        }
    }

    /// Called for each answer that a client received: one of them kills the broker.
    package func answered(_ count: Int = 1) {
        answers.add(count, ordering: .relaxed)
        let left = answersUntilKill.subtract(count, ordering: .relaxed)
        if left.newValue <= 0, left.oldValue > 0, !wake() { broker.sendKill() }
    }

    /// - Returns: whether somebody waited.
    private func wake() -> Bool {
        let continuation = waiting.withLock { waiting in
            defer { waiting.continuation = nil }
            return waiting.continuation
        }
        continuation?.resume()
        return continuation != nil
    }

    /// Called for each delivery of a job that had been leased before and was lost.
    package func sawExpiry() {
        let left = expiriesUntilKill.subtract(1, ordering: .relaxed)
        if left.newValue == 0 { broker.sendKill() }
    }

    /// Called by who was given a job in the drain.
    func drainGoesOn() { lastDrained.store(HistoryRecorder.now(), ordering: .relaxed) }

    /// Called by who was given none in the drain although some are left. When that has lasted for long the
    /// run ends, and its broker goes on, so that it can be asked what it holds.
    func drainStands() {
        let last = lastDrained.load(ordering: .relaxed)
        let now = HistoryRecorder.now()
        guard now > last, now - last > Self.drainNanosecondsMax else { return }
        condition.withLock {
            if state.failure == nil {
                state.failure = "jobs are left, and nobody was given one for a minute"
            }
            state.phase = .over
            condition.broadcast()
        }
    }

    /// Ends the run: the first reason counts.
    package func fail(_ reason: String) {
        condition.withLock {
            if state.failure == nil { state.failure = reason }
        }
        stop()
    }

    /// Ends the run, and the broker with it.
    package func stop() {
        condition.withLock {
            state.phase = .over
            condition.broadcast()
        }
        broker.sendKill()
        _ = wake()
    }

    // MARK: For who drives it

    package var answerCount: Int { answers.load(ordering: .relaxed) }
    package var failure: String? { condition.withLock { state.failure } }

    /// Waits until clients have received so many more answers, or the run is over. A broker that ends
    /// meanwhile has failed.
    package func awaitAnswers(_ count: Int) async {
        await withCheckedContinuation { continuation in
            let number = waiting.withLock { waiting in
                waiting = (waiting.number + 1, continuation)
                return waiting.number
            }
            answersUntilKill.store(count, ordering: .relaxed)
            if phase == .over { _ = wake() }
            Task {
                let exit = await broker.exit()
                let isWaiting = waiting.withLock {
                    $0.number == number && $0.continuation != nil
                }
                if isWaiting { fail("the broker ended by itself: \(exit)") }
            }
        }
    }

    package func killAfter(answers: Int) {
        answersUntilKill.store(answers, ordering: .relaxed)
    }

    package func killAfter(expiries: Int) {
        expiriesUntilKill.store(expiries, ordering: .relaxed)
    }

    package func disarm() {
        answersUntilKill.store(.max, ordering: .relaxed)
        expiriesUntilKill.store(.max, ordering: .relaxed)
    }

    /// The broker serves; all who wait for it go on.
    package func serves() {
        condition.withLock {
            state.generation += 1
            condition.broadcast()
        }
    }

    package func drain() {
        condition.withLock {
            guard state.phase == .load else { return }
            drainGoesOn()
            state.phase = .drain
        }
    }
}
