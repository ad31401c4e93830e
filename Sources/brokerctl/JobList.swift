internal import ArgumentParser
internal import HoldfastClient
internal import HoldfastConsole
internal import HoldfastModel

struct JobList: AsyncParsableCommand {
    /// The states in which a broker lists jobs: those that are done are gone from it.
    enum State: String, ExpressibleByArgument, CaseIterable {
        case ready, delayed, leased, dead

        var jobState: JobState {
            switch self {
            case .ready: .ready
            case .delayed: .delayed
            case .leased: .leased
            case .dead: .dead
            }
        }
    }

    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "The jobs of a queue that are not done, oldest first.")

    @Argument(help: "The queue.") var queue: String
    @Option(help: "Only jobs in this state.") var state: State?
    @OptionGroup var broker: BrokerOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        try await JobPages(queue: queue, state: state?.jobState, format: output.format)
            .write(broker)
    }
}

/// All jobs of a list, page by page, so that a long list is never held whole.
struct JobPages {
    let queue: String
    let state: JobState?
    let format: OutputOptions.Format

    func write(_ broker: BrokerOptions) async throws {
        try await broker.withClient { client in
            var table = Table(columns)
            var cursor: JobCursor?
            repeat {
                let page = try await client.jobs(
                    in: queue, state: state, after: cursor, limit: Limits.itemCountMax)
                cursor = page.next
                switch format {
                case .table: try Output.write(table.lines(page.jobs.map(row)))
                case .json:
                    try Output.write(
                        page.jobs.map {
                            JSONValue.object(JSONValue.members(of: $0, queue: queue)).text + "\n"
                        }.joined())
                }
            } while cursor != nil
        }
    }

    private var columns: [Table.Column] {
        let first: [Table.Column] = [.text("JOB")]
        if state == .dead {
            return first + [.number("ATTEMPTS"), .text("DIED"), .text("REASON")]
        }
        return first + [
            .text("STATE"), .number("PRIORITY"), .number("ATTEMPTS"), .text("DUE OR DIED"),
        ]
    }

    private func row(_ job: JobSummary) -> [String] {
        let time = (job.dueAtMilliseconds ?? job.diedAtMilliseconds).map(TimeText.utc) ?? ""
        if state == .dead {
            return [job.id.description, String(job.attempts), time, job.reason ?? ""]
        }
        return [
            job.id.description, job.state.name, String(job.priority), String(job.attempts), time,
        ]
    }
}
