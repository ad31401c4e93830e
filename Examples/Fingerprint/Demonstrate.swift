internal import ArgumentParser
internal import Logging
internal import ServiceLifecycle
internal import UnixSignals

/// `fingerprint demonstrate DIR`, which `make run` calls.
struct Demonstrate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Runs the whole example with a broker of its own, and crashes parts of it.",
        discussion: """
            Starts a broker on a fresh directory and four workers, enqueues one job for every file, \
            kills the broker with SIGKILL in the middle and starts it again, kills a worker while it \
            holds a lease, and compares every result with what sha256sum says. Ends with 1 where \
            something is missing or wrong.
            """)

    @Argument(help: "The directory whose files are the work.", completion: .directory)
    var directory: String

    @Option(help: "At most so many files.")
    var limit = 20_000

    @Option(help: "Worker processes.")
    var workers = 4

    func validate() throws {
        guard workers >= 2, limit >= Demonstration.fileCountMin else {
            throw ValidationError(
                "there are at least two workers and \(Demonstration.fileCountMin) files")
        }
    }

    func run() async throws {
        let demonstration = try Demonstration(
            directory: FileName(directory), fileCountMax: limit, workerCount: workers)
        // A person's Ctrl-C ends the demonstration and all processes that it started.
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: [
                    .init(
                        service: demonstration, successTerminationBehavior: .gracefullyShutdownGroup
                    )
                ],
                cancellationSignals: [.sigint, .sigterm],
                logger: Logger(label: "fingerprint") { _ in SwiftLogNoOpLogHandler() }))
        try await group.run()
        if await !demonstration.isGood { throw ExitCode.failure }
    }
}
