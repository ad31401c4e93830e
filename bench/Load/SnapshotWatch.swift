internal import Synchronization

/// Sorts timed enqueues into those that a snapshot can have slowed and those that none can have.
///
/// The enqueues come from one thread, what the broker says of its snapshots from another, which also
/// does the sorting.
final class SnapshotWatch: Sendable {
    private struct Enqueue {
        let due: UInt64
        let answered: UInt64
    }

    /// Between two looks at the broker, whose answers may stand for any moment while they were awaited.
    private struct Span {
        let start: UInt64
        let end: UInt64
        let hasSnapshot: Bool
    }

    private struct State {
        var unsorted: [Enqueue] = []
        var spans: [Span] = []
        var last: (begunCount: UInt64, endedCount: UInt64, asked: UInt64)?
        var snapshotCount: UInt64 = 0
        var enqueueCount = 0
        var current: SnapshotWindow
        var windows: [SnapshotWindow] = []
    }

    private let samplesMin: Int
    private let state: Mutex<State>

    /// - Parameter samplesMin: enqueues of each sort that a window has at least.
    init(samplesMin: Int) {
        self.samplesMin = samplesMin
        state = Mutex(State(current: SnapshotWindow()))
    }

    /// The windows that are complete.
    var windows: [SnapshotWindow] { state.withLock { $0.windows } }

    var snapshotCount: UInt64 { state.withLock { $0.snapshotCount } }

    /// All that were timed.
    var enqueueCount: Int { state.withLock { $0.enqueueCount } }

    /// - Parameters:
    ///   - due: when it was sent, or should have been; monotonic nanoseconds.
    ///   - answered: when its answer had come.
    func enqueued(due: UInt64, answered: UInt64) {
        state.withLock { state in
            state.enqueueCount += 1
            state.unsorted.append(Enqueue(due: due, answered: answered))
        }
    }

    /// A snapshot is under way as long as more were begun than ended. One that began and ended between
    /// two looks shows in the counts as well.
    func saw(begunCount: UInt64, endedCount: UInt64, asked: UInt64, answered: UInt64) {
        state.withLock { state in
            defer { state.last = (begunCount, endedCount, asked) }
            guard let last = state.last else {
                // What was enqueued before cannot be sorted.
                state.unsorted = []
                return
            }
            let wasBusy = last.begunCount > last.endedCount
            let isBusy = begunCount > endedCount
            let begunSince = begunCount - last.begunCount
            state.snapshotCount += begunSince
            state.spans.append(
                Span(
                    start: last.asked, end: answered,
                    hasSnapshot: wasBusy || isBusy || begunSince > 0))
            sort(&state, until: asked)
            // A window ends where a snapshot ends, and so has whole ones in it.
            if !isBusy, state.current.with.count >= samplesMin,
                state.current.without.count >= samplesMin
            {
                state.windows.append(state.current)
                state.current = SnapshotWindow()
            }
        }
    }

    /// Sorts the enqueues that were answered by then: every span that they touch is known.
    private func sort(_ state: inout State, until: UInt64) {
        var rest: [Enqueue] = []
        for enqueue in state.unsorted {
            guard enqueue.answered <= until else {
                rest.append(enqueue)
                continue
            }
            let touched = state.spans.reversed().prefix { $0.end >= enqueue.due }
            // An enqueue from before the first look is neither.
            guard let first = touched.last,
                first.start <= enqueue.due || touched.count < state.spans.count
            else { continue }
            let isWith = touched.contains { $0.hasSnapshot && $0.start <= enqueue.answered }
            state.current.add(
                nanoseconds: enqueue.answered - enqueue.due, isWithSnapshot: isWith)
        }
        state.unsorted = rest
        let oldest = rest.map(\.due).min() ?? until
        // Spans overlap, so what ends before the oldest may only go from the front.
        while let first = state.spans.first, first.end + 1_000_000_000 < min(oldest, until) {
            state.spans.removeFirst()
        }
    }
}
