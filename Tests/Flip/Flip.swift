import ArgumentParser
import HoldfastExplorer

@main
struct Flip: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Flips every bit of a small store, one at a time, and opens what is left.",
        discussion: """
            Without a disk and without a clock: everything follows from layout and seed. Fails \
            where something is lost or altered and nobody says so, where a store that opened does \
            not open again, and where one kind of file was not there.
            """)

    @Option(help: "Layouts, as 2 or 1-3.")
    var layouts = "1-3"

    @Option(help: "Of the store's life.")
    var seed: UInt64 = 1

    @Option(help: "The first flip, from 0.")
    var from = 0

    @Option(help: "The last flip; without it all.")
    var to: Int?

    @Option(help: "Every how-manieth flip.")
    var stride = 1

    @Option(help: "How many flips to work on at a time, 1 to 8.")
    var threads = 1

    /// What the process may take at its peak, in MiB.
    private static let peakMebibytesMax = 512

    func validate() throws {
        guard (1...8).contains(threads) else { throw ValidationError("1 to 8 threads") }
        guard stride > 0, from >= 0 else { throw ValidationError("flips are numbered from 0") }
        guard !chosenLayouts.isEmpty else { throw ValidationError("layouts are 1 to 3") }
    }

    private var chosenLayouts: [FlipLayout] {
        let parts = layouts.split(separator: "-").map { Int($0) }
        guard let first = parts.first ?? nil, let last = parts.last ?? nil, first <= last else {
            return []
        }
        return FlipLayout.allCases.filter { (first...last).contains($0.rawValue) }
    }

    func run() async throws {
        ProcessLimits.limitMemory()
        var isSound = true
        for layout in chosenLayouts {
            let subject = try FlipSubject(layout, seed: seed)
            let last = min(to ?? .max, subject.flipCount - 1)
            guard from <= last else { throw ValidationError("there are no such flips") }
            print(
                "layout \(layout.rawValue) (\(layout)), seed \(seed): \(subject.byteCount) bytes, "
                    + "flips \(from) to \(last)")
            let run = FlipRun(subject, flips: from...last, stride: stride, threadCount: threads)
            let report = await run.report()
            print(report.table)
            print("\(report.flipCount) flips, \(report.violations.count) violations")
            let isAll = from == 0 && last == subject.flipCount - 1
            for kind in report.missing where isAll { print("never flipped: \(kind.rawValue)") }
            if !report.violations.isEmpty || isAll && !report.missing.isEmpty { isSound = false }
        }
        let peak = ProcessLimits.peakMebibytes
        print("peak memory \(peak) MiB")
        guard isSound, peak < Self.peakMebibytesMax else { throw ExitCode.failure }
    }
}
