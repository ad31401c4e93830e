internal import ArgumentParser
internal import HoldfastClient
internal import HoldfastConsole
internal import HoldfastModel

struct Enqueue: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Enqueues a job, or all jobs of a file, and prints their ids.",
        usage: """
            brokerctl enqueue QUEUE (--payload TEXT | --payload-file FILE | - | --file JOBS.jsonl) \
            [--delay D] [--priority N] [--kind K] [--header NAME=VALUE]… [--attempts N]
            """,
        discussion: """
            The first enqueue creates the queue. What is printed is durable.

            A line of a --file is an object with "payload" (a string, or any JSON, which is passed \
            on as it is written) or "payload_base64", and the options by their long names; those \
            on the command line hold where a line says nothing. '--file -' reads standard input.
            """)

    @Argument(help: "The queue.") var queue: String
    @Argument(help: ArgumentHelp("Reads the payload from standard input.", valueName: "-"))
    var standardInput: String?
    @Option(parsing: .unconditional, help: ArgumentHelp("The payload.", valueName: "text"))
    var payload: String?
    @Option(help: ArgumentHelp("A file that is the payload.", valueName: "file"))
    var payloadFile: String?
    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("A file with a job on each line.", valueName: "jobs.jsonl"))
    var file: String?
    @Option(
        help: "How long the job waits before it can be leased, at most 366d.",
        transform: TimeSpan.parse)
    var delay: TimeSpan?
    @Option(help: ArgumentHelp("0 to 15, higher first (default: 0).", valueName: "n"))
    var priority: UInt8?
    @Option(help: ArgumentHelp("By which a worker finds its handler.", valueName: "name"))
    var kind: String?
    @Option(
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp(
            "Travels with the job; may be given many times.", valueName: "name=value"))
    var header: [String] = []
    @Option(
        help: ArgumentHelp(
            "Attempts after which the job is dead (default: the queue's).", valueName: "n"))
    var attempts: UInt32?
    @OptionGroup var broker: BrokerOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        let sourceCount = [standardInput, payload, payloadFile, file].count { $0 != nil }
        guard sourceCount == 1 else {
            throw ValidationError(
                "give one payload: --payload TEXT, --payload-file FILE, -, or --file JOBS.jsonl")
        }
        if let standardInput, standardInput != "-" {
            throw ValidationError(
                "'\(Escape.line(standardInput))' is not expected here; "
                    + "the payload goes behind --payload, and - reads standard input")
        }
        if let fault = try draft().fault { throw ValidationError(fault) }
    }

    func run() async throws {
        if let file {
            try await JobFileEnqueue(
                path: file, queue: queue, defaults: try draft(), format: output.format
            ).run(broker)
            return
        }
        var draft = try draft()
        if let payload {
            draft.payload = Array(payload.utf8)
        } else {
            draft.payload = try InputFile(path: payloadFile ?? "-").contents()
        }
        let job = NewJob(draft)
        let id = try await broker.withClient { try await $0.enqueue(job, to: queue) }
        try Self.write([id], to: queue, output.format)
    }

    /// What the options say, without a payload.
    private func draft() throws -> JobDraft {
        var draft = JobDraft()
        draft.kind = kind ?? ""
        draft.delayMilliseconds = delay?.milliseconds ?? 0
        draft.priority = priority ?? 0
        draft.attempts = attempts
        draft.headers = try header.map {
            guard let header = JobDraft.Header($0) else {
                throw ValidationError("--header is NAME=VALUE, not '\(Escape.line($0))'")
            }
            return header
        }
        return draft
    }

    static func write(
        _ ids: [JobID], to queue: String, _ format: OutputOptions.Format
    ) throws(Failure) {
        var text = ""
        for id in ids {
            switch format {
            case .table: text += id.description
            case .json:
                text +=
                    JSONValue.object([
                        ("job", .text(id.description)), ("queue", .text(queue)),
                    ]).text
            }
            text += "\n"
        }
        try Output.write(text)
    }
}

extension JobDraft {
    /// What the broker would refuse in any case, as a sentence; nil where nothing is known.
    var fault: String? {
        if !kind.isEmpty, !Name.isValid(kind) {
            return "a kind is 1 to \(Limits.nameByteCountMax) bytes without control characters"
        }
        if priority > Limits.priorityMax { return "a priority is 0 to \(Limits.priorityMax)" }
        if let attempts, attempts < 1 || attempts > Limits.attemptCountMax {
            return "attempts are 1 to \(Limits.attemptCountMax)"
        }
        if delayMilliseconds > Int64(Limits.delayMillisecondsMax) {
            return "a delay is at most 366d"
        }
        if headers.count > Limits.headerCountMax {
            return "a job has at most \(Limits.headerCountMax) headers"
        }
        var headersByteCount = 0
        for header in headers {
            guard Name.isValid(header.name) else {
                return "a header's name is 1 to \(Limits.nameByteCountMax) bytes without control "
                    + "characters"
            }
            guard header.value.utf8.count <= Limits.headerValueByteCountMax else {
                return "a header's value is at most \(Limits.headerValueByteCountMax) bytes"
            }
            headersByteCount += 3 + header.name.utf8.count + header.value.utf8.count
        }
        guard headersByteCount <= Limits.headersByteCountMax else {
            return "the headers of a job are at most \(Limits.headersByteCountMax) bytes together"
        }
        return nil
    }
}

extension NewJob {
    init(_ draft: JobDraft) {
        self.init(
            payload: draft.payload, kind: draft.kind,
            options: EnqueueOptions(
                delay: .milliseconds(draft.delayMilliseconds), priority: draft.priority,
                maximumAttempts: draft.attempts,
                headers: draft.headers.map { JobHeader($0.name, $0.value) }))
    }
}
