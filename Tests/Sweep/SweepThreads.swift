import Glibc
import HoldfastExplorer
import Synchronization

/// The faults of one workload, on several threads; says what is wrong as it is found.
final class SweepThreads: Sendable {
    private struct State {
        var next: Int
        var report = SweepReport()
    }

    /// So many violations are printed at most; with that many the workload is given up.
    private static let violationCountMax = 20

    private let subject: SweepSubject
    private let faults: [SweepFault]
    private let calls: ClosedRange<Int>
    private let stride: Int
    private let state: Mutex<State>

    init(_ subject: SweepSubject, faults: [SweepFault], calls: ClosedRange<Int>, stride: Int) {
        self.subject = subject
        self.faults = faults
        self.calls = calls
        self.stride = stride
        state = Mutex(State(next: calls.lowerBound))
    }

    func report(threadCount: Int) async -> SweepReport {
        await withTaskGroup { group in
            for _ in 0..<threadCount {
                group.addTask { self.work() }
            }
        }
        return state.withLock { $0.report }
    }

    private func work() {
        while let call = takeCall() {
            for fault in faults {
                var report = SweepReport()
                report.judge(fault, at: call, of: subject)
                for violation in report.violations { print(violation) }
                if !report.violations.isEmpty { fflush(nil) }
                state.withLock { $0.report.merge(report) }
            }
        }
    }

    private func takeCall() -> Int? {
        state.withLock { state in
            guard state.next <= calls.upperBound,
                state.report.violations.count < Self.violationCountMax
            else { return nil }
            defer { state.next += stride }
            return state.next
        }
    }
}
