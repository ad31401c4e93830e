import ArgumentParser
import HoldfastExplorer

@main
struct Simulate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Runs a store with clients, crashes and errors of the disk, all by seed.",
        discussion: "Without a disk and without a clock. Fails where a promise is broken.")

    @Option(help: "One seed.")
    var seed: UInt64?

    @Option(help: "Seeds, as 1-500.")
    var seeds = "1-100"

    @Option(help: "Steps of each.")
    var steps = 1_000

    @Option(help: "How many seeds to work on at a time, 1 or 2.")
    var threads = 1

    @Option(help: "A file of seeds that are done: a run that was stopped goes on.")
    var resume: String?

    func validate() throws {
        guard (1...2).contains(threads) else { throw ValidationError("1 or 2 threads") }
    }

    func run() async throws {
        RetainedMemory.begin()
        let parts = seeds.split(separator: "-").compactMap { UInt64($0) }
        guard let first = seed ?? parts.first, let last = seed ?? parts.last, first <= last else {
            throw ValidationError("seeds are given as 7 or 1-500")
        }
        let run = SimulationRun(
            seeds: first...last, stepCount: steps, threadCount: threads,
            ledger: try resume.map { try SeedLedger(path: $0) })
        let (report, failureCount) = await run.report()
        print(
            "\(report.seedCount) seeds of \(steps) steps, \(report.crashCount) crashes, "
                + "\(report.eventCount) events, \(failureCount) failures")
        guard failureCount == 0 else { throw ExitCode.failure }
    }
}
