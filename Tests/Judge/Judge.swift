internal import ArgumentParser
internal import Glibc
internal import HoldfastHistory

/// `history`: what clients saw of a broker, judged.
@main
struct Judge: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "history",
        abstract: "Judges a history against the promises S1 to S8 and L1 to L5.",
        discussion: """
            Reads a file that a recorder wrote, of any length, or the same as text. Prints what was in \
            it and the first violation with the whole story of its job. Exit code: 0 where every \
            promise was kept, 1 where one was broken, 2 where the file cannot be read.
            """)

    @Argument(help: "The file.")
    var file: String

    @Flag(
        help: "At the end every queue was emptied and all that was left was looked at: judge loss.")
    var drained = false

    @Flag(help: "Do not judge L1 to L5.")
    var safetyOnly = false

    @Option(help: "What a delay may fall short by, in ms.")
    var delayTolerance: UInt64 = 0

    @Option(help: "L1: how long a ready job may wait for a consumer that asks, in ms.")
    var ready: UInt64 = 5_000

    @Option(help: "L2: how long a lease may outlast its end, in ms.")
    var expiry: UInt64 = 1_500

    @Option(help: "L3: how long a job may be overdue, in ms.")
    var due: UInt64 = 1_500

    @Option(help: "L4: how long a start may take, in ms.")
    var restart: UInt64 = 5_000

    @Option(help: "L5: how long after there is space again an enqueue may be refused, in ms.")
    var space: UInt64 = 5_000

    @Option(help: "Memory for sorting, in MiB; what is more goes to the disk.")
    var memory = 256

    @Option(help: "Where what does not fit into memory goes.")
    var directory = "/tmp"

    @Option(help: "Print the story of one job, and judge nothing.")
    var job: UInt64?

    @Flag(help: "Print the history as text, and judge nothing.")
    var text = false

    func validate() throws {
        guard (1...65_536).contains(memory) else {
            throw ValidationError("memory is 1 to 65,536 MiB")
        }
    }

    func run() throws {
        do throws(HistoryFileFault) {
            if text || job != nil {
                try printEvents(of: job)
            } else {
                try judge()
            }
        } catch {
            var message = "history: \(error)\n"
            _ = message.withUTF8 { write(STDERR_FILENO, $0.baseAddress, $0.count) }
            Self.exit(withError: ExitCode(2))
        }
    }

    private func judge() throws(HistoryFileFault) {
        var bounds = LivenessBounds()
        bounds.readyMilliseconds = ready
        bounds.expiryMilliseconds = expiry
        bounds.dueMilliseconds = due
        bounds.restartMilliseconds = restart
        bounds.spaceMilliseconds = space
        let checker = HistoryChecker(
            isDrained: drained, delayToleranceMilliseconds: delayTolerance,
            liveness: safetyOnly ? nil : bounds)
        let verdict = try checker.judge(
            file: file, memoryByteCount: memory << 20, directory: directory)
        print(verdict)
        guard let first = verdict.violations.first else { return }
        if let job = first.job {
            print("all of job \(job):")
            try printEvents(of: job)
        }
        Self.exit(withError: ExitCode(1))
    }

    /// - Parameter job: nil: all, in the order of the file; else those of the job, in the order in which
    ///   they were sent.
    private func printEvents(of job: UInt64?) throws(HistoryFileFault) {
        let reader = try HistoryReader(path: file)
        var story: [HistoryEvent] = []
        while let event = try reader.next() {
            if job == nil {
                print(HistoryText.line(of: event))
            } else if event.job == job {
                story.append(event)
            }
        }
        for event in story.sorted(by: { $0.invoked < $1.invoked }) {
            print("    " + HistoryText.line(of: event))
        }
    }
}
