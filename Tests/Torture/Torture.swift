internal import ArgumentParser
internal import Foundation

@main
struct Torture: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Breaks processes, disks and file systems under real brokers, and judges them.",
        discussion: """
            One line for each fault: its count and its violations, or why it is not available here. \
            Exit code 0: no violation; 1: some. See docs/torture.md.
            """)

    @Option(help: "How long; every fault has at least one round.")
    var minutes: Double = 10

    @Option(help: "So many rounds of each fault instead of a time.")
    var rounds: Int?

    @Option(help: "Which ones, with commas; a beginning stands for all that begin so.")
    var faults: String?

    @Option(help: "Of the first round of each fault; the next ones count up from it.")
    var seed: UInt64 = 1

    @Flag(help: "Rounds of a second or a few: a sample.")
    var small = false

    @Flag(help: "Names the faults and ends.")
    var list = false

    /// Where all files of the run are; given by the process that shields the machine from this one.
    @Option(help: .hidden)
    var inside: String?

    func validate() throws {
        guard minutes > 0, rounds ?? 1 > 0 else { throw ValidationError("more than nothing") }
        for name in names where !allFaults.contains(where: { $0.name.hasPrefix(name) }) {
            throw ValidationError("there is no fault \(name): --list names them")
        }
    }

    private var names: [String] {
        (faults ?? "").split(separator: ",").map(String.init)
    }

    func run() async throws {
        if list {
            for fault in allFaults { print(fault.name) }
            return
        }
        guard inside != nil else {
            throw ExitCode(try Shield.run(Array(CommandLine.arguments.dropFirst())))
        }
        let chosen = allFaults.filter { fault in
            names.isEmpty && !fault.isOnDemand || names.contains { fault.name.hasPrefix($0) }
        }
        let course = TortureCourse(
            chosen, seed: seed, isSmall: small,
            end: rounds.map { .rounds($0) } ?? .seconds(Int(minutes * 60)))
        guard await course.run() else { throw ExitCode.failure }
    }
}
