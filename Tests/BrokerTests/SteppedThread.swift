internal import HoldfastBroker
internal import Synchronization

/// A thread that does a piece of its work when the test says so, on the test's own thread.
final class SteppedThread: WorkThread {
    private struct State {
        var work: [@Sendable () -> Void] = []
        var isHeld = false
    }

    private let state = Mutex(State())

    /// While held, work waits for `step`; else it is done where it is submitted.
    var isHeld: Bool {
        get { state.withLock { $0.isHeld } }
        set {
            state.withLock { $0.isHeld = newValue }
            if !newValue { while step() {} }
        }
    }

    var waitingCount: Int { state.withLock { $0.work.count } }

    func submit(_ work: @escaping @Sendable () -> Void) {
        let isHeld = state.withLock { state in
            if state.isHeld { state.work.append(work) }
            return state.isHeld
        }
        if !isHeld { work() }
    }

    /// Does the next piece.
    ///
    /// - Returns: whether there was one.
    @discardableResult
    func step() -> Bool {
        guard let work = state.withLock({ $0.work.isEmpty ? nil : $0.work.removeFirst() }) else {
            return false
        }
        work()
        return true
    }

    func stop() async throws {
        while step() {}
    }
}
