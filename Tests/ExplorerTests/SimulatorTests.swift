import HoldfastExplorer
import Testing

/// F5, F9, F11, F12, F13, F15, F23, F34: all faults together, by seed.
@Suite struct SimulatorTests {
    static let seedCount = 500
    static let batchCount = 10
    static let stepCount = 1_000

    @Test("S1 to S6, S8, S10, S16, S17 through crashes and errors", arguments: 0..<batchCount)
    func simulate(batch: Int) {
        var crashCount = 0
        var eventCount = 0
        let size = Self.seedCount / Self.batchCount
        for number in 0..<size {
            var simulator = Simulator(
                seed: UInt64(1 + batch * size + number), stepCount: Self.stepCount)
            let result = simulator.run()
            #expect(
                result.faults == [], "\(result.command): \(result.faults.first ?? "")")
            crashCount += result.crashCount
            eventCount += result.eventCount
        }
        // That it had something to do, in each of these runs.
        #expect(crashCount > 20 * size)
        #expect(eventCount > 300 * size)
    }

    @Test("one seed is one run")
    func repeats() {
        var first = Simulator(seed: 77, stepCount: 400)
        var second = Simulator(seed: 77, stepCount: 400)
        let (one, other) = (first.run(), second.run())
        #expect(one.crashCount == other.crashCount)
        #expect(one.eventCount == other.eventCount)
        #expect(one.eventCount > 0)
    }
}
