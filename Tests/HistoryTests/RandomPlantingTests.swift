internal import HoldfastHistory
internal import Testing

@Suite("planted violations by seed")
struct RandomPlantingTests {
    private static let checker = HistoryChecker(isDrained: true, liveness: LivenessBounds())

    private static let histories = (1...UInt64(15)).map {
        SoundBroker(seed: $0, stepCount: 1_500).events
    }

    @Test("a sound history with faults raises no alarm", arguments: 1...25)
    func sound(_ seed: UInt64) {
        let events = SoundBroker(seed: seed, stepCount: 3_000).events
        let verdict = Self.checker.judge(events)
        #expect(verdict.violations.isEmpty, "seed \(seed): \(verdict)")
        #expect(verdict.deliveryCount > 500)
    }

    @Test(
        "a promise broken at a place of the seed's choice is found broken",
        arguments: HistoryProperty.allCases)
    func planted(_ property: HistoryProperty) {
        var plantedCount = 0
        for seed in 1...UInt64(15) {
            var planting = RandomPlanting(Self.histories[Int(seed) - 1], seed: seed)
            guard let broken = planting.broken(property) else { continue }
            plantedCount += 1
            let verdict = Self.checker.judge(broken)
            #expect(
                verdict.violations.contains { $0.property == property },
                "\(property) seed \(seed): \(verdict)")
        }
        #expect(plantedCount >= 3, "\(property): \(plantedCount)")
    }
}
