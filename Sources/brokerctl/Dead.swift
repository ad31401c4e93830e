internal import ArgumentParser
internal import HoldfastClient
internal import HoldfastConsole
internal import HoldfastModel

struct Dead: AsyncParsableCommand, Noun {
    static let configuration = CommandConfiguration(
        commandName: "dead",
        abstract: "Jobs that are not tried again: look at them, put them back.",
        subcommands: [DeadList.self, DeadRedrive.self])
}

struct DeadList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "The dead jobs of a queue, and why they died.")

    @Argument(help: "The queue.") var queue: String
    @OptionGroup var broker: BrokerOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        try await JobPages(queue: queue, state: .dead, format: output.format).write(broker)
    }
}

struct DeadRedrive: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "redrive",
        abstract: "Puts dead jobs back, with the same ids and all their attempts again.",
        usage: "brokerctl dead redrive (QUEUE [--limit N] | --id ID…)")

    @Argument(help: "The queue: the longest dead of it first.") var queue: String?
    @Option(help: ArgumentHelp("Jobs at most (default: all).", valueName: "n")) var limit: Int?
    @Option(
        parsing: .upToNextOption, help: "Only these jobs.",
        transform: JobID.parse)
    var id: [JobID] = []
    @OptionGroup var broker: BrokerOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard (queue == nil) != id.isEmpty else {
            throw ValidationError("name a queue, or jobs with --id, and not both")
        }
        if limit != nil, queue == nil { throw ValidationError("--limit is for a queue's jobs") }
        if let limit, limit < 1 { throw ValidationError("--limit is at least 1, not \(limit)") }
    }

    func run() async throws {
        guard let queue else {
            let results = try await broker.withClient { try await $0.redrive(id) }
            try ItemResults(id, results).write(output.format)
            return
        }
        let count = try await broker.withClient { client in
            // Those that die again meanwhile are not put back once more.
            var missingCount = try await client.queue(queue).deadCount
            if let limit { missingCount = min(missingCount, limit) }
            var count = 0
            while missingCount > 0 {
                let redriven = try await client.redrive(
                    from: queue, limit: min(missingCount, Limits.itemCountMax))
                guard redriven > 0 else { break }
                count += redriven
                missingCount -= redriven
            }
            return count
        }
        switch output.format {
        case .table: try Output.write("ready again: \(count)\n")
        case .json:
            try Output.writeLine(
                .object([("queue", .text(queue)), ("redriven", .number(count))]))
        }
    }
}
