import ArgumentParser
import Glibc
import HoldfastExplorer

@main
struct Simulate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Runs a store with clients, crashes and errors of the disk, all by seed.",
        discussion: "Without a disk and without a clock. Fails where a promise is broken.")

    @Option(help: "One seed.")
    var seed: UInt64?

    @Option(help: "Seeds, as 1-500.")
    var seeds = "1-100"

    @Option(help: "Steps of each.")
    var steps = 1_000

    func run() throws {
        let parts = seeds.split(separator: "-").compactMap { UInt64($0) }
        guard let first = seed ?? parts.first, let last = seed ?? parts.last, first <= last else {
            throw ValidationError("seeds are given as 7 or 1-500")
        }
        var failureCount = 0
        var crashCount = 0
        var eventCount = 0
        var lastPrinted = ContinuousClock.now
        for seed in first...last {
            var simulator = Simulator(seed: seed, stepCount: steps)
            let result = simulator.run()
            crashCount += result.crashCount
            eventCount += result.eventCount
            if !result.faults.isEmpty {
                failureCount += 1
                print(result.command)
                for fault in result.faults.prefix(3) { print("  \(fault)") }
            }
            let now = ContinuousClock.now
            if now - lastPrinted > .seconds(10) {
                print("seed \(seed): \(crashCount) crashes, \(failureCount) failures")
                fflush(nil)
                lastPrinted = now
            }
        }
        print(
            "\(last - first + 1) seeds of \(steps) steps, \(crashCount) crashes, "
                + "\(eventCount) events, \(failureCount) failures")
        guard failureCount == 0 else { throw ExitCode.failure }
    }
}
