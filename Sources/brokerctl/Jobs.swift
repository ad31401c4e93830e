internal import ArgumentParser
internal import HoldfastClient
internal import HoldfastConsole
internal import HoldfastModel

struct Jobs: AsyncParsableCommand, Noun {
    static let configuration = CommandConfiguration(
        commandName: "job", abstract: "Jobs: one, those of a queue, or away with some.",
        subcommands: [JobShow.self, JobList.self, JobCancel.self])
}

struct JobShow: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Everything the broker knows of a job.")

    @Argument(help: "The job's id.", transform: JobID.parse) var id: JobID
    @OptionGroup var broker: BrokerOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let job = try await broker.withClient { try await $0.job(id) }
        let payload = try? job.body?.payload
        switch output.format {
        case .table: try Output.write(Table.list(entries(job, payload: payload)))
        case .json: try Output.writeLine(json(job, payload: payload))
        }
    }

    private func entries(
        _ job: JobDetail, payload: [UInt8]?
    ) -> [(name: String, value: String)] {
        let summary = job.summary
        var entries: [(name: String, value: String)] = [
            ("job", job.id.description), ("queue", job.queue), ("state", summary.state.name),
        ]
        func add(_ name: String, _ value: String?) {
            if let value { entries.append((name, value)) }
        }
        add("kind", job.body.flatMap { $0.kind.isEmpty ? nil : $0.kind })
        add("priority", String(summary.priority))
        add(
            "attempts",
            "\(summary.attempts)" + (job.maximumAttempts.map { " of \($0)" } ?? ""))
        add("interruptions", String(summary.interruptions))
        add("timeouts", String(summary.timeouts))
        add("releases", String(summary.releases))
        add("enqueued", summary.enqueuedAtMilliseconds.map(TimeText.utc))
        add("due", summary.dueAtMilliseconds.map(TimeText.utc))
        add(
            "lease ends in",
            job.leaseRemaining.map { DurationText.rough(milliseconds: $0.wholeMilliseconds) })
        add("died", summary.diedAtMilliseconds.map(TimeText.utc))
        add("reason", summary.reason)
        add("last error", job.lastError)
        if !job.checkpoint.isEmpty {
            add(
                "checkpoint",
                Escape.line(
                    job.checkpoint, characterCountMax: PayloadPreview.characterCountMax))
        }
        for header in job.body?.headers ?? [] {
            add("header", "\(header.name)=\(header.value)")
        }
        add(
            "payload",
            payload.map {
                Escape.line($0, characterCountMax: PayloadPreview.characterCountMax)
            } ?? "no longer readable")
        return entries
    }

    private func json(_ job: JobDetail, payload: [UInt8]?) -> JSONValue {
        .object(
            JSONValue.members(of: job.summary, queue: job.queue) + [
                ("attempts_max", .optional(job.maximumAttempts) { .number($0) }),
                (
                    "lease_remaining_ms",
                    .optional(job.leaseRemaining) { .number($0.wholeMilliseconds) }
                ),
                ("last_error", .optional(job.lastError) { .text($0) }),
                JSONValue.member("checkpoint", bytes: job.checkpoint),
                ("kind", .optional(job.body) { .text($0.kind) }),
                ("headers", .optional(job.body) { .headers($0.headers) }),
                payload.map { JSONValue.member("payload", bytes: $0) } ?? ("payload", .null),
            ])
    }
}

struct JobCancel: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cancel",
        abstract: "Removes jobs for good; one that is leased is taken from its worker.")

    @Argument(help: ArgumentHelp("Job ids.", valueName: "id"), transform: JobID.parse)
    var ids: [JobID]
    @OptionGroup var broker: BrokerOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let results = try await broker.withClient { try await $0.cancel(ids) }
        try ItemResults(ids, results).write(output.format)
    }
}

extension JSONValue {
    /// What lists and `job show` say of a job alike.
    static func members(
        of job: JobSummary, queue: String
    ) -> [(name: String, value: JSONValue)] {
        [
            ("job", .text(job.id.description)),
            ("queue", .text(queue)),
            ("state", .text(job.state.name)),
            ("priority", .number(job.priority)),
            ("version", .number(job.version)),
            ("attempts", .number(job.attempts)),
            ("interruptions", .number(job.interruptions)),
            ("timeouts", .number(job.timeouts)),
            ("releases", .number(job.releases)),
            ("enqueued_ms", .optional(job.enqueuedAtMilliseconds) { .number($0) }),
            ("due_ms", .optional(job.dueAtMilliseconds) { .number($0) }),
            ("died_ms", .optional(job.diedAtMilliseconds) { .number($0) }),
            ("reason", .optional(job.reason) { .text($0) }),
        ]
    }
}
