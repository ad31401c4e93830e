internal import ArgumentParser
internal import Glibc
internal import HoldfastClient
internal import Logging
internal import ServiceLifecycle
internal import UnixSignals

/// `fingerprint work`
struct Work: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Works at fingerprint jobs until it is told to stop (SIGTERM, SIGINT).")

    @OptionGroup var broker: BrokerOption

    @Option(help: "Files that are read at the same time.")
    var slots = 4

    @Flag(help: "Write + to standard output when a job begins, - when it ends.")
    var reportLeases = false

    func run() async throws {
        var logger = Logger(label: "fingerprint") { StreamLogHandler.standardError(label: $0) }
        logger.logLevel = .warning
        let client = BrokerClient(
            try broker.configuration("fingerprint work \(getpid())"), logger: logger)
        let reportsLeases = reportLeases
        var handlers = JobHandlers()
        handlers.on(FingerprintJob.self) { job, context in
            if reportsLeases { Self.report("+") }
            try await Self.fingerprint(job.file, context)
            if reportsLeases { Self.report("-") }
        }
        let worker = Worker(
            client, WorkerConfiguration(queue: FingerprintJob.queue, concurrency: slots),
            handlers, logger: logger)
        try await ServiceGroup(
            services: [client, worker], gracefulShutdownSignals: [.sigterm, .sigint],
            logger: logger
        ).run()
    }

    /// The result is handed on before the job is acknowledged: a crash in between has the file
    /// fingerprinted twice, never lost.
    private static func fingerprint(_ file: FileName, _ context: JobContext) async throws {
        // A file that cannot be read is a finding, not a failure: it will not be better next time.
        let digest = try? FileDigest(of: file)
        try await context.client.enqueue(
            FingerprintResult(
                file: file, sha256: digest?.sha256, byteCount: digest?.byteCount ?? 0,
                attempt: context.job.attempt, worker: getpid()),
            to: FingerprintResult.queue)
    }

    /// One byte, at once: it must be out before anything else happens to this process.
    private static func report(_ sign: Unicode.Scalar) {
        var byte = UInt8(ascii: sign)
        _ = write(STDOUT_FILENO, &byte, 1)
    }
}
