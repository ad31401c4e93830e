internal import ArgumentParser
internal import HoldfastBroker
internal import HoldfastModel
internal import Logging
internal import ServiceLifecycle
internal import UnixSignals

/// `broker`: reads settings, serves until it is told to stop, and says by its exit code why it
/// ended. Everything else is `BrokerServer`.
@main
struct BrokerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "broker",
        abstract: "Serves a Holdfast data directory.",
        discussion: """
            Each setting can be given as a flag, as an environment variable (HOLDFAST_DATA_DIR, \
            HOLDFAST_LISTEN, …) or in a YAML file (data-dir, listen, …), and counts in that order.
            """,
        version: BrokerServer.softwareVersion)

    @Option(name: .customLong("data-dir"), help: "Where the log is kept; made if it is not there.")
    var dataDirectory: String?

    @Option(help: "Address to listen on, HOST:PORT (default 127.0.0.1:7433).")
    var listen: String?

    @Flag(help: "Allow an address other than loopback, although nothing is authenticated.")
    var insecure = false

    @Option(help: "trace, debug, info, notice, warning, error or critical (default info).")
    var logLevel: String?

    @Option(help: "Memory for caches and tables in MiB, whatever the backlog (default 192).")
    var memoryMib: Int?

    @Option(help: "Segment size of a new store in MiB, 1 to 64 (default by the volume's size).")
    var segmentMib: Int?

    @Option(help: "What a start does about a damaged store: refuse or quarantine (default refuse).")
    var onDamage: String?

    @Option(help: "A YAML file with settings.")
    var config: String?

    func run() async throws {
        let settings: BrokerSettings
        do {
            settings = try await BrokerSettings(flags: self)
        } catch let fault {
            FailStop.exit(.usage, fault.message)
        }
        var logger = Logger(label: "holdfast") { StreamLogHandler.standardError(label: $0) }
        logger.logLevel = settings.logLevel
        let server = BrokerServer(
            configuration: settings.broker, logger: logger, onReady: SystemdNotification.ready)
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: [
                    .init(
                        service: server, successTerminationBehavior: .gracefullyShutdownGroup,
                        failureTerminationBehavior: .gracefullyShutdownGroup)
                ],
                gracefulShutdownSignals: [.sigterm, .sigint],
                logger: logger))
        do {
            try await group.run()
        } catch let fault as BrokerFault {
            FailStop.exit(fault.exitCode, fault.message)
        }
    }
}
