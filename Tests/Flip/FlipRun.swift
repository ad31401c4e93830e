import Glibc
import HoldfastExplorer
import Synchronization

/// The flips of one store, on several threads, with a line of progress every ten seconds.
final class FlipRun: Sendable {
    private struct State {
        var next = 0
        var report = FlipReport()
        var lastPrinted = ContinuousClock.now
        var countAtLastPrint = 0
    }

    private static let pieceCount = 256
    /// So many violations are printed at most; with that many the run ends.
    private static let violationCountMax = 50

    private let subject: FlipSubject
    private let flips: ClosedRange<Int>
    private let stride: Int
    private let threadCount: Int
    private let state: Mutex<State>

    init(_ subject: FlipSubject, flips: ClosedRange<Int>, stride: Int, threadCount: Int) {
        self.subject = subject
        self.flips = flips
        self.stride = stride
        self.threadCount = threadCount
        state = Mutex(State())
    }

    func report() async -> FlipReport {
        FlipsUnderWay.watch("make flips LAYOUT=\(subject.layout.rawValue) SEED=\(subject.seed)")
        await withTaskGroup { group in
            for thread in 0..<threadCount {
                group.addTask { self.work(thread) }
            }
        }
        return state.withLock { $0.report }
    }

    private func work(_ thread: Int) {
        while let piece = takePiece() {
            var report = FlipReport()
            for index in piece {
                let number = flips.lowerBound + index * stride
                FlipsUnderWay.note(number, thread: thread)
                report.judge(number, of: subject)
            }
            merge(report)
        }
        FlipsUnderWay.note(-1, thread: thread)
    }

    /// The next ones, less the first flip, in strides.
    private func takePiece() -> Range<Int>? {
        let count = (flips.count - 1) / stride + 1
        return state.withLock { state in
            guard state.next < count, state.report.violations.count < Self.violationCountMax else {
                return nil
            }
            defer { state.next += Self.pieceCount }
            return state.next..<min(state.next + Self.pieceCount, count)
        }
    }

    private func merge(_ report: FlipReport) {
        state.withLock { state in
            let left = max(0, Self.violationCountMax - state.report.violations.count)
            for violation in report.violations.prefix(left) { print(violation) }
            state.report.merge(report)
            let now = ContinuousClock.now
            let elapsed = now - state.lastPrinted
            guard elapsed > .seconds(10) else { return }
            let count = state.report.flipCount
            let rate = Double(count - state.countAtLastPrint) / (elapsed / .seconds(1))
            print(
                "\(count) flips, \(Int(rate)) a second, "
                    + "\(state.report.violations.count) violations")
            fflush(nil)
            state.lastPrinted = now
            state.countAtLastPrint = count
        }
    }
}
