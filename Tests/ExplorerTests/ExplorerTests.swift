import HoldfastExplorer
import Testing

/// F1, F3, F4, F8: crashes at every call and inside every write, and again in the recovery.
@Suite struct ExplorerTests {
    static let seeds: ClosedRange<UInt64> = 11...14

    @Test(
        "S10, S11, F1, F3, F4: no crash loses what was acknowledged, and no border goes uncrossed")
    func explore() {
        var parameters = Explorer.Parameters()
        parameters.statesPerMoment = 4
        var report = ExplorationReport()
        for seed in Self.seeds { report.merge(Explorer.explore(seed: seed, parameters)) }
        let required = Crossing.log.union(Crossing.snapshots).union(Crossing.nested)
        #expect(report.violations.isEmpty, "\(report.text(required: required))")
        #expect(report.missing(required) == [])
        #expect(report.distinctCount >= 20_000, "\(report.summary)")
    }

    @Test("a border that no crash came to is named")
    func uncrossed() {
        var parameters = Explorer.Parameters()
        parameters.operationCount = 3
        parameters.nestedCount = 0
        let report = Explorer.explore(seed: 1, parameters)
        #expect(report.violations.isEmpty)
        let missing = report.missing(Crossing.log.union(Crossing.nested))
        #expect(missing.contains(.nestedOpening))
        #expect(missing.contains(.copies))
        #expect(!missing.contains(.opening))
        #expect(report.text(required: Crossing.log).contains("never crossed: recovery copies"))
    }

    @Test("a report is kept as one line")
    func line() {
        var parameters = Explorer.Parameters()
        parameters.operationCount = 20
        parameters.statesPerMoment = 4
        let report = Explorer.explore(seed: 1, parameters)
        let read = ExplorationReport(line: Substring(report.line))
        #expect(read?.line == report.line)
        #expect(read?.crossings == report.crossings)
        #expect(read?.distinctCount == report.distinctCount)
        #expect(report.distinctCount > 50)
        #expect(ExplorationReport(line: "1 2 3") == nil)
        #expect(ExplorationReport(line: "1 2 3 4 99999=1") == nil)
    }
}
