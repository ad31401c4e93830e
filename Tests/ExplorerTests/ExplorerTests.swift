import HoldfastExplorer
import Testing

@Suite struct ExplorerTests {
    @Test func one() {
        let start = ContinuousClock.now
        var report = ExplorationReport()
        for seed in 1...3 { report.merge(Explorer.explore(seed: UInt64(seed), .init())) }
        print(report.text(required: Crossing.log), ContinuousClock.now - start)
    }
}
