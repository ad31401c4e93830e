import HoldfastExplorer
import Testing

/// The explorer and the simulator are worth something only if they find what is wrong.
@Suite struct PlantedFlawTests {
    static func parameters(_ flaw: Flaw) -> Explorer.Parameters {
        var parameters = Explorer.Parameters()
        parameters.operationCount = 60
        parameters.statesPerMoment = 8
        parameters.violationCountMax = 1
        parameters.flaw = flaw
        return parameters
    }

    @Test("the explorer finds it", arguments: Flaw.allCases)
    func explorer(_ flaw: Flaw) throws {
        let seed = try #require(
            (UInt64(1)...20).first {
                !Explorer.explore(seed: $0, Self.parameters(flaw)).violations.isEmpty
            })
        let violation = Explorer.explore(seed: seed, Self.parameters(flaw)).violations[0]
        #expect(violation.command.hasPrefix("make explore SEED=\(seed) "))
        // The same place, taken by itself, shows the same.
        guard let place = violation.place else { return }
        let explorer = try Explorer(seed: seed, Self.parameters(flaw))
        #expect(explorer.repeated(place).faults == violation.faults)
    }

    @Test("the simulator finds it", arguments: Flaw.allCases)
    func simulator(_ flaw: Flaw) {
        let found = (UInt64(1)...40).contains { seed in
            var simulator = Simulator(seed: seed, stepCount: 300, flaw: flaw)
            return !simulator.run().faults.isEmpty
        }
        #expect(found)
    }
}
