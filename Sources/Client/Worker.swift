internal import HoldfastModel
public import Logging
internal import NIOCore
public import ServiceLifecycle

/// How a worker takes jobs.
public struct WorkerConfiguration: Sendable {
    /// Where the jobs come from.
    public var queue: String
    /// Jobs that are worked at at the same time.
    public var concurrency: Int
    /// The duration of the leases, 1 s to 12 h; nil: as the queue's policy says. The worker renews
    /// them as long as a handler runs.
    public var leaseDuration: Duration?
    /// How long one request waits at the broker for jobs; at most five minutes.
    public var wait: Duration = .seconds(30)
    /// How long handlers may go on after a graceful shutdown began; then their tasks are cancelled
    /// and their jobs given back.
    public var gracePeriod: Duration = .seconds(20)

    public init(queue: String, concurrency: Int = 8, leaseDuration: Duration? = nil) {
        self.queue = queue
        self.concurrency = concurrency
        self.leaseDuration = leaseDuration
    }
}

/// Leases jobs of a queue and runs their handlers, until it is shut down.
///
/// ```swift
/// let client = BrokerClient()
/// let worker = Worker(client, WorkerConfiguration(queue: "images"), handlers)
/// try await ServiceGroup(
///     services: [client, worker], gracefulShutdownSignals: [.sigterm, .sigint], logger: logger
/// ).run()
/// ```
/// The worker owns the loop: a handler that throws, or that gets nowhere, ends neither the worker
/// nor another handler. It asks for as many jobs as it has free slots, renews the leases of all that
/// are at work with one message, cancels the handler whose job is no longer its own, acknowledges
/// together what finishes together, and goes on with its leases after the connection broke.
///
/// A graceful shutdown stops leasing, gives the handlers the grace period, cancels those that are
/// still at work and gives their jobs back. `run()` returns when the last handler has. Where its task
/// is cancelled instead, handlers are cancelled at once and their leases run out by themselves.
public final class Worker: Service, Sendable {
    public let configuration: WorkerConfiguration
    private let client: BrokerClient
    private let handlers: JobHandlers
    private let logger: Logger

    /// - Parameter client: has to outlive the worker; others may use it too.
    public init(
        _ client: BrokerClient, _ configuration: WorkerConfiguration, _ handlers: JobHandlers,
        logger: Logger = Logger(label: "holdfast.worker")
    ) {
        self.client = client
        self.configuration = configuration
        self.handlers = handlers
        var logger = logger
        logger[metadataKey: "queue"] = "\(configuration.queue)"
        self.logger = logger
    }

    /// - Throws: `BrokerClientError` where the broker will never give this worker a job, as for a
    ///   bad queue name; the handlers at work have ended by then.
    public func run() async throws {
        guard configuration.concurrency > 0 else {
            throw BrokerClientError(.invalidArgument, "a worker's concurrency is at least 1")
        }
        let run = WorkerRun(
            client: client, configuration: configuration, handlers: handlers, logger: logger)
        try await withGracefulShutdownHandler {
            try await run.loop()
        } onGracefulShutdown: {
            run.events.yield(.shutdown)
        }
    }
}
