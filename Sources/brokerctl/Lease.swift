internal import ArgumentParser
internal import HoldfastClient
internal import HoldfastConsole
internal import HoldfastModel

struct Lease: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Leases jobs that are ready; prints nothing where none is.")

    @Argument(help: "The queue.") var queue: String
    @Option(help: ArgumentHelp("Jobs at most.", valueName: "n")) var count = 1
    @Option(
        help: "How long to wait for a job where none is ready, at most 5m (default: not at all).",
        transform: TimeSpan.parse)
    var wait: TimeSpan?
    @Option(
        help: "How long the lease lasts, 1s to 12h (default: the queue's visibility timeout).",
        transform: TimeSpan.parse)
    var lease: TimeSpan?
    @OptionGroup var broker: BrokerOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard count >= 1 else { throw ValidationError("--count is at least 1, not \(count)") }
    }

    func run() async throws {
        try await broker.withClient { client in
            var table = Table([
                .text("JOB"), .text("TOKEN"), .number("ATTEMPT"), .text("KIND"), .text("PAYLOAD"),
            ])
            var missingCount = count
            let end = ContinuousClock.now + (wait?.duration ?? .zero)
            // An answer holds as many jobs as fit into it, so one may not be all there is.
            while missingCount > 0 {
                let isFirst = missingCount == count
                let jobs = try await leaseJobs(
                    client, count: min(missingCount, Limits.itemCountMax),
                    wait: isFirst ? wait?.duration ?? .zero : .zero, until: end)
                guard !jobs.isEmpty else { break }
                missingCount -= jobs.count
                switch output.format {
                case .table: try Output.write(table.lines(try jobs.map(row)))
                case .json:
                    try Output.write(try jobs.map { try json($0).text + "\n" }.joined())
                }
            }
        }
    }

    /// Leases; a queue that is not there yet has no jobs, and may come while it is waited for.
    private func leaseJobs(
        _ client: BrokerClient, count: Int, wait: Duration, until end: ContinuousClock.Instant
    ) async throws -> [LeasedJob] {
        var wait = wait
        while true {
            do {
                return try await client.lease(
                    from: queue, count: count, wait: wait, duration: lease?.duration)
            } catch let error as BrokerClientError where error.refusal == .unknownQueue {
                let now = ContinuousClock.now
                guard wait > .zero, now < end else { return [] }
                // The broker has nobody to tell that a queue was created: it is asked again.
                try await Task.sleep(until: min(now + .milliseconds(100), end))
                wait = max(end - ContinuousClock.now, .zero)
            }
        }
    }

    private func row(_ job: LeasedJob) throws -> [String] {
        [
            job.id.description, job.token.description, String(job.attempt), job.kind,
            Escape.line(try job.payload, characterCountMax: PayloadPreview.characterCountMax),
        ]
    }

    private func json(_ job: LeasedJob) throws -> JSONValue {
        .object([
            ("job", .text(job.id.description)),
            ("token", .text(job.token.description)),
            ("attempt", .number(job.attempt)),
            JSONValue.member("payload", bytes: try job.payload),
            ("queue", .text(queue)),
            ("kind", .text(job.kind)),
            ("headers", JSONValue.headers(job.headers)),
            ("priority", .number(job.priority)),
            ("interruptions", .number(job.interruptions)),
            ("timeouts", .number(job.timeouts)),
            ("releases", .number(job.releases)),
            ("enqueued_ms", .number(job.enqueuedAtMilliseconds)),
            ("lease_ms", .number(job.leaseDuration.wholeMilliseconds)),
            JSONValue.member("checkpoint", bytes: job.checkpoint),
        ])
    }
}

/// How much of a payload is shown in a table.
enum PayloadPreview {
    static let characterCountMax = 80
}

extension JSONValue {
    /// An object in the headers' order; a name that a job has twice occurs twice.
    static func headers(_ headers: [JobHeader]) -> JSONValue {
        .object(headers.map { ($0.name, .text($0.value)) })
    }
}
