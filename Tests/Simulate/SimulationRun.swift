import Glibc
import HoldfastExplorer
import Synchronization

/// Seeds one after the other, on one or two threads, with a line of progress every ten seconds.
final class SimulationRun: Sendable {
    private struct State {
        var next: UInt64?
        var report = SimulationReport()
        var failureCount = 0
        var lastPrinted = ContinuousClock.now
        var seedCountAtLastPrint = 0
    }

    private let seeds: ClosedRange<UInt64>
    private let stepCount: Int
    private let threadCount: Int
    private let ledger: SeedLedger<SimulationReport>?
    private let state: Mutex<State>

    init(
        seeds: ClosedRange<UInt64>, stepCount: Int, threadCount: Int,
        ledger: SeedLedger<SimulationReport>?
    ) {
        self.seeds = seeds
        self.stepCount = stepCount
        self.threadCount = threadCount
        self.ledger = ledger
        state = Mutex(State(next: seeds.lowerBound))
    }

    func report() async -> (report: SimulationReport, failureCount: Int) {
        await withTaskGroup { group in
            for _ in 0..<threadCount {
                group.addTask { self.work() }
            }
        }
        return state.withLock { ($0.report, $0.failureCount) }
    }

    private func work() {
        while let seed = takeSeed() {
            if let known = ledger?.report(of: seed, stepCount: stepCount) {
                state.withLock { $0.report.merge(known) }
                continue
            }
            var simulator = Simulator(seed: seed, stepCount: stepCount)
            let result = simulator.run()
            let report = SimulationReport(result)
            // A seed with faults is looked at again next time.
            if result.faults.isEmpty {
                ledger?.add(report, of: seed, stepCount: stepCount)
            }
            state.withLock { state in
                state.report.merge(report)
                if !result.faults.isEmpty {
                    state.failureCount += 1
                    print(result.command)
                    for fault in result.faults.prefix(3) { print("  \(fault)") }
                    fflush(nil)
                }
                printProgress(seed, &state)
            }
        }
    }

    private func takeSeed() -> UInt64? {
        state.withLock { state in
            guard let seed = state.next else { return nil }
            state.next = seed < seeds.upperBound ? seed + 1 : nil
            return seed
        }
    }

    private func printProgress(_ seed: UInt64, _ state: inout State) {
        let now = ContinuousClock.now
        let elapsed = now - state.lastPrinted
        guard elapsed > .seconds(10) else { return }
        let rate =
            Double(state.report.seedCount - state.seedCountAtLastPrint) / (elapsed / .seconds(1))
        print(
            "seed \(seed): \(state.report.crashCount) crashes, \(Int(rate)) seeds a second, "
                + "\(state.failureCount) failures")
        fflush(nil)
        state.lastPrinted = now
        state.seedCountAtLastPrint = state.report.seedCount
    }
}
