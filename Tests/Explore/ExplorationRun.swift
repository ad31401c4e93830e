import Glibc
import HoldfastExplorer
import Synchronization

/// Seeds one after the other, on one or two threads, with a line of progress every ten seconds.
final class ExplorationRun: Sendable {
    private struct State {
        var next: UInt64?
        var report = ExplorationReport()
        /// What is done of the seeds that are not, for people.
        var stateCount = 0
        var distinctCount = 0
        var lastPrinted = ContinuousClock.now
        var distinctAtLastPrint = 0
    }

    private let seeds: ClosedRange<UInt64>
    private let parameters: Explorer.Parameters
    private let threadCount: Int
    private let ledger: SeedLedger<ExplorationReport>?
    private let state: Mutex<State>

    init(
        seeds: ClosedRange<UInt64>, _ parameters: Explorer.Parameters, threadCount: Int,
        ledger: SeedLedger<ExplorationReport>?
    ) {
        self.seeds = seeds
        self.parameters = parameters
        self.threadCount = threadCount
        self.ledger = ledger
        state = Mutex(State(next: seeds.lowerBound))
    }

    func report() async -> ExplorationReport {
        await withTaskGroup { group in
            for _ in 0..<threadCount {
                group.addTask { self.work() }
            }
        }
        return state.withLock { $0.report }
    }

    private func work() {
        while let seed = takeSeed() {
            if let known = ledger?.report(of: seed, stepCount: parameters.operationCount) {
                state.withLock { $0.report.merge(known) }
                continue
            }
            let report = Explorer.explore(seed: seed, parameters) { states, distinct in
                progress(seed, states, distinct)
            }
            // A seed with violations is looked at again next time.
            if report.violations.isEmpty {
                ledger?.add(report, of: seed, stepCount: parameters.operationCount)
            }
            for violation in report.violations { print(violation) }
            state.withLock { $0.report.merge(report) }
        }
    }

    private func takeSeed() -> UInt64? {
        state.withLock { state in
            guard let seed = state.next else { return nil }
            state.next = seed < seeds.upperBound ? seed + 1 : nil
            return seed
        }
    }

    private func progress(_ seed: UInt64, _ states: Int, _ distinct: Int) {
        state.withLock { state in
            state.stateCount += states
            state.distinctCount += distinct
            let now = ContinuousClock.now
            let elapsed = now - state.lastPrinted
            guard elapsed > .seconds(10) else { return }
            let rate =
                Double(state.distinctCount - state.distinctAtLastPrint) / (elapsed / .seconds(1))
            print(
                "seed \(seed): \(state.stateCount) states, \(state.distinctCount) distinct, "
                    + "\(Int(rate)) a second, \(state.report.violations.count) violations")
            fflush(nil)
            state.lastPrinted = now
            state.distinctAtLastPrint = state.distinctCount
        }
    }
}
