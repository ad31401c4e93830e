/// What simulations have done, without what was wrong.
package struct SimulationReport: SeedReport {
    package var seedCount = 0
    package var crashCount = 0
    package var diskFaultCount = 0
    package var eventCount = 0

    package init() {}

    package init(_ result: Simulator.Result) {
        seedCount = 1
        crashCount = result.crashCount
        diskFaultCount = result.diskFaultCount
        eventCount = result.eventCount
    }

    package mutating func merge(_ other: SimulationReport) {
        seedCount += other.seedCount
        crashCount += other.crashCount
        diskFaultCount += other.diskFaultCount
        eventCount += other.eventCount
    }

    // MARK: Kept between runs

    package var line: String {
        "simulated \(seedCount) \(crashCount) \(diskFaultCount) \(eventCount)"
    }

    package init?(line: Substring) {
        let words = line.split(separator: " ")
        guard words.first == "simulated" else { return nil }
        let numbers = words.dropFirst().compactMap { Int($0) }
        guard numbers.count == 4, words.count == 5 else { return nil }
        (seedCount, crashCount, diskFaultCount, eventCount) = (
            numbers[0], numbers[1], numbers[2], numbers[3]
        )
    }
}
