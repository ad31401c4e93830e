internal import ArgumentParser
internal import HoldfastClient
internal import HoldfastConsole
internal import HoldfastModel

struct Queues: AsyncParsableCommand, Noun {
    static let configuration = CommandConfiguration(
        commandName: "queue", abstract: "Queues: how they stand, and their policies.",
        subcommands: [
            QueueList.self, QueueShow.self, QueueCreate.self, QueueSet.self, QueueDelete.self,
        ])
}

struct QueueList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "All queues, by name, and how many jobs they have.")

    @OptionGroup var broker: BrokerOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let queues = try await broker.withClient { try await $0.queues() }
        switch output.format {
        case .table:
            var table = Table([
                .text("QUEUE"), .number("READY"), .number("DELAYED"), .number("LEASED"),
                .number("DEAD"), .number("OLDEST READY"),
            ])
            try Output.write(
                table.lines(
                    queues.map {
                        [
                            $0.name, String($0.readyCount), String($0.delayedCount),
                            String($0.leasedCount), String($0.deadCount), $0.oldestReadyText ?? "",
                        ]
                    }))
        case .json: try Output.write(queues.map { $0.json.text + "\n" }.joined())
        }
    }
}

struct QueueShow: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "A queue: its jobs and its policy.")

    @Argument(help: "The queue.") var queue: String
    @OptionGroup var broker: BrokerOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let summary = try await broker.withClient { try await $0.queue(queue) }
        switch output.format {
        case .table: try Output.write(Table.list(summary.entries))
        case .json: try Output.writeLine(summary.json)
        }
    }
}

struct QueueCreate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create",
        abstract: "Creates a queue; one that is there already must have the same policy.")

    @Argument(help: "The queue.") var queue: String
    @OptionGroup var policy: PolicyOptions
    @OptionGroup var broker: BrokerOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let policy = try policy.applied(to: .standard)
        let (summary, isNew) = try await broker.withClient { client in
            let isNew = try await client.createQueue(queue, policy: policy)
            return (try await client.queue(queue), isNew)
        }
        switch output.format {
        case .table:
            try Output.write(
                "\(Escape.line(queue)) "
                    + (isNew ? "created\n" : "was there already, with this policy\n"))
        case .json: try Output.writeLine(summary.json)
        }
    }
}

struct QueueSet: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "set", abstract: "Changes a queue's policy: what is named, and nothing else.")

    @Argument(help: "The queue.") var queue: String
    @OptionGroup var policy: PolicyOptions
    @OptionGroup var broker: BrokerOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        if policy.isEmpty {
            throw ValidationError("name what is to be changed: \(PolicyOptions.names)")
        }
    }

    func run() async throws {
        let summary = try await broker.withClient { client in
            let policy = try policy.applied(to: try await client.queue(queue).policy)
            try await client.setPolicy(policy, of: queue)
            return try await client.queue(queue)
        }
        switch output.format {
        case .table: try Output.write(Table.list(summary.policyEntries))
        case .json: try Output.writeLine(summary.json)
        }
    }
}

struct QueueDelete: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "delete", abstract: "Deletes a queue that has no jobs.")

    @Argument(help: "The queue.") var queue: String
    @OptionGroup var broker: BrokerOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        try await broker.withClient { try await $0.deleteQueue(queue) }
        switch output.format {
        case .table: try Output.write("\(Escape.line(queue)) deleted\n")
        case .json:
            try Output.writeLine(.object([("queue", .text(queue)), ("deleted", .boolean(true))]))
        }
    }
}
