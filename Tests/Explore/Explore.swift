import ArgumentParser
import HoldfastExplorer

@main
struct Explore: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Crashes a store at every call and inside every write, and opens what is left.",
        discussion: """
            Without a disk and without a clock: everything follows from the seed. Fails where a \
            promise is broken, and where one of the borders was never crossed.
            """)

    @Option(help: "Seeds, as 7 or 1-100.")
    var seeds = SeedRange(1, 20)

    @Option(help: "Verbs in the life of a store.")
    var steps = Explorer.Parameters().operationCount

    @Option(help: "Second crashes for each state, on average; with --state which one, as 12:5.")
    var nested: Nesting?

    @Option(help: "States to look at for each moment, if it has more.")
    var statesPerMoment = Explorer.Parameters().statesPerMoment

    @Option(help: "How many seeds to work on at a time, 1 or 2.")
    var threads = 1

    @Option(help: "A file of seeds that are done: a run that was stopped goes on.")
    var resume: String?

    @Option(help: "Repeat one state: of this moment.")
    var moment: Int?

    @Option(help: "Repeat one state: this one.")
    var state: Int?

    func validate() throws {
        guard (1...2).contains(threads) else { throw ValidationError("1 or 2 threads") }
        guard (moment == nil) == (state == nil) else {
            throw ValidationError("--moment and --state go together")
        }
    }

    private var parameters: Explorer.Parameters {
        var parameters = Explorer.Parameters()
        parameters.operationCount = steps
        parameters.statesPerMoment = statesPerMoment
        if let nested, nested.place == nil { parameters.nestedCount = nested.count }
        return parameters
    }

    func run() async throws {
        RetainedMemory.begin()
        if let moment, let state {
            try repeatState(Explorer.Place(moment: moment, state: state, nested: nested?.place))
            return
        }
        let run = ExplorationRun(
            seeds: seeds.range, parameters, threadCount: threads,
            ledger: try resume.map { try SeedLedger(path: $0) })
        let report = await run.report()
        var required = Crossing.log.union(Crossing.snapshots)
        if parameters.nestedCount > 0 { required.formUnion(Crossing.nested) }
        print(report.text(required: required))
        if !report.violations.isEmpty || !report.missing(required).isEmpty {
            throw ExitCode.failure
        }
    }

    private func repeatState(_ place: Explorer.Place) throws {
        let (text, faults) = try Explorer(seed: seeds.range.lowerBound, parameters).repeated(place)
        print(text)
        for fault in faults { print("  \(fault)") }
        guard faults.isEmpty else { throw ExitCode.failure }
        print("  nothing is wrong")
    }
}

/// `7` or `1-100`.
struct SeedRange: ExpressibleByArgument, CustomStringConvertible {
    let range: ClosedRange<UInt64>

    init(_ first: UInt64, _ last: UInt64) {
        range = first...last
    }

    init?(argument: String) {
        let parts = argument.split(separator: "-").map { UInt64($0) }
        guard let first = parts.first ?? nil, let last = parts.last ?? nil, parts.count <= 2,
            first <= last
        else { return nil }
        range = first...last
    }

    var description: String { "\(range.lowerBound)-\(range.upperBound)" }
    var defaultValueDescription: String { description }
}

/// `2`, or `12:5` for one place.
struct Nesting: ExpressibleByArgument {
    let count: Int
    let place: (moment: Int, state: Int)?

    init?(argument: String) {
        let parts = argument.split(separator: ":").map { Int($0) }
        guard let first = parts.first ?? nil, let last = parts.last ?? nil, parts.count <= 2 else {
            return nil
        }
        count = first
        place = parts.count == 2 ? (first, last) : nil
    }
}
