internal import HoldfastDisk
internal import HoldfastEngine
internal import HoldfastModel
internal import HoldfastStore
internal import HoldfastWAL
package import Logging
internal import NIOConcurrencyHelpers
internal import NIOCore
internal import NIOPosix
internal import ServiceLifecycle

/// A broker from its start to its end: recovers, listens, serves, drains.
package struct BrokerServer: Service {
    package static let softwareVersion = "0.1.0"

    private let configuration: BrokerConfiguration
    private let logger: Logger
    private let onReady: @Sendable () -> Void

    /// - Parameter onReady: called once, when connections are accepted.
    package init(
        configuration: BrokerConfiguration, logger: Logger,
        onReady: @escaping @Sendable () -> Void = {}
    ) {
        self.configuration = configuration
        self.logger = logger
        self.onReady = onReady
    }

    /// - Throws: `BrokerFault` where the broker cannot start, or cannot write what it writes when it
    ///   stops. A failure of the disk in between ends the process (`FailStop`) instead of coming back
    ///   from here.
    package func run() async throws {
        var configuration = configuration
        configuration.connectionCountMax = FileDescriptors.connectionCountMax(
            wanted: configuration.connectionCountMax)
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let started = BrokerClock.systemBootMilliseconds()
        // First the address, then the store: a broker that cannot be reached changes no disk.
        // Whoever connects meanwhile waits until the store is open.
        let served = ServedLoop()
        let channel: any Channel
        do {
            channel = try await bind(on: group, served)
        } catch {
            throw addressFault(error)
        }
        let store = try OpenStore(configuration)
        let summary = store.summary
        let eventLoop = group.next()
        let loop = store.commitLoop(
            eventLoop: eventLoop, configuration: configuration,
            threads: WorkThreads(readThreadCount: configuration.readThreadCount), logger: logger)
        served.begin(loop)
        try await channel.setOption(.autoRead, value: true).get()
        channel.read()
        let address = channel.localAddress.map { "\($0.ipAddress ?? ""):\($0.port ?? 0)" } ?? ""
        // One line for people and scripts alike; what it says is part of docs/operating.md.
        logger.notice(
            """
            ready listen=\(address) jobs=\(summary.jobCount) leases=\(summary.leaseCount) \
            snapshot_lsn=\(summary.snapshotLSN) records=\(summary.recovery.recordCount) \
            cut_bytes=\(summary.recovery.cutByteCount) \
            in_doubt_records=\(summary.recovery.inDoubtRecordCount) \
            milliseconds=\(BrokerClock.systemBootMilliseconds() - started) \
            data=\(configuration.dataDirectory)
            """)
        if summary.passedOverSnapshotCount > 0 {
            logger.error(
                """
                a snapshot was not whole and is in quarantine; the one before and the log since \
                were used
                """, metadata: ["count": "\(summary.passedOverSnapshotCount)"])
        }
        summary.damageReport?.log(to: logger)
        if summary.usesCopyOnWrite {
            logger.warning(
                """
                the data directory is on a volume that copies blocks when they are written over: when \
                it is full, acks may fail; see "A full disk" in docs/operating.md
                """)
        }
        onReady()
        eventLoop.execute { loop.startBackgroundWork() }
        try? await gracefulShutdown()

        logger.notice("stopping")
        try? await channel.close()
        do {
            try await loop.drain().get()
            try await loop.stop()
        } catch {
            // All that was answered is in the log: the next start reads that.
            throw BrokerFault(exitCode: .storageFailed, message: "cannot stop in order: \(error)")
        }
        try await group.shutdownGracefully()
        logger.notice("stopped")
    }

    private func bind(
        on group: MultiThreadedEventLoopGroup, _ served: ServedLoop
    ) async throws -> any Channel {
        try await ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 1_024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelOption(.autoRead, value: false)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            // One read a socket and pass: the sockets take turns, and none is asked twice in vain.
            .childChannelOption(.maxMessagesPerRead, value: 1)
            .childChannelOption(
                .recvAllocator,
                value: AdaptiveRecvByteBufferAllocator(
                    minimum: 2_048, initial: 8_192, maximum: 256 * 1_024)
            )
            .childChannelOption(
                .writeBufferWaterMark,
                value: ChannelOptions.Types.WriteBufferWaterMark(low: 1 << 20, high: 4 << 20)
            )
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        served.loop.makeHandler(allocator: channel.allocator))
                }
            }
            .bind(host: configuration.host, port: configuration.port)
            .get()
    }

    /// Why nothing can be bound. Two brokers on one directory mostly want one address as well: then
    /// the directory is what matters to their operator.
    private func addressFault(_ error: any Error) -> BrokerFault {
        if let holder = try? LogInspection.open(path: configuration.dataDirectory).runningBroker() {
            return BrokerFault(.directory(.inUse(by: holder)), configuration)
        }
        return BrokerFault(
            exitCode: .address,
            message: "cannot listen on \(configuration.host):\(configuration.port): \(error). "
                + "Is another program there? Choose another port with --listen.")
    }
}

/// Where accepted connections find the loop that serves them: it exists once the store is open, and
/// nothing is accepted before.
private final class ServedLoop: Sendable {
    private let box = NIOLockedValueBox<CommitLoop?>(nil)

    func begin(_ loop: CommitLoop) {
        box.withLockedValue { $0 = loop }
    }

    var loop: CommitLoop {
        guard let loop = box.withLockedValue({ $0 }) else {
            preconditionFailure("a connection was accepted before the store was open")
        }
        return loop
    }
}
