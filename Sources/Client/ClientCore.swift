internal import HoldfastModel
internal import HoldfastProtocol
internal import Logging
internal import NIOCore
internal import NIOPosix
internal import Synchronization

/// Carries out what `ClientStateMachine` decides: connects, writes, keeps the timers, completes.
///
/// Everything but the constants and `announced` is touched on the event loop only, which each
/// entry checks; hence `@unchecked Sendable`.
final class ClientCore: @unchecked Sendable {
    let eventLoop: any EventLoop
    let configuration: ClientConfiguration
    let logger: Logger
    /// What the broker announced when it was last greeted; nil before.
    let announced = Mutex<AnnouncedLimits?>(nil)

    private var machine: ClientStateMachine
    private var channel: (any Channel)?
    private var isFlushScheduled = false
    private var ticker: RepeatedTask?
    private var attempt = 0
    private var connectionError: (any Error)?
    private var closeWaiters: [CheckedContinuation<Void, Never>] = []

    private static let tickInterval = TimeAmount.milliseconds(250)

    init(configuration: ClientConfiguration, eventLoop: any EventLoop, logger: Logger) {
        self.configuration = configuration
        self.eventLoop = eventLoop
        self.logger = logger
        machine = ClientStateMachine(
            clientName: configuration.clientName,
            producer: configuration.repeatsEnqueues
                ? ProducerID(low: .random(in: 1 ... .max), high: .random(in: 1 ... .max)) : nil,
            failsFast: configuration.failsFast,
            keepAliveInterval: configuration.keepAliveInterval.timeAmount)
    }

    /// What the length of a reply's frame says at most.
    var frameLengthMax: Int { machine.limits.frameByteCountMax }

    // MARK: What callers do

    func submit(_ request: ClientRequest) {
        eventLoop.preconditionInEventLoop()
        perform(machine.submit(request))
    }

    func cancel(ticket: UInt64) {
        eventLoop.preconditionInEventLoop()
        let (request, actions) = machine.cancel(ticket: ticket)
        perform(actions)
        // The caller's task is cancelled: what it is told is replaced by CancellationError there.
        request?.complete(.failure(BrokerClientError(.closed, "the caller was cancelled")))
    }

    /// Says goodbye and waits until the connection has ended, for at most a second.
    func close() async {
        await withCheckedContinuation { continuation in
            eventLoop.execute {
                self.closeWaiters.append(continuation)
                self.perform(self.machine.close())
                self.eventLoop.scheduleTask(in: .seconds(1)) {
                    self.channel?.close(promise: nil)
                    self.finishClosing()
                }
                if self.channel == nil { self.finishClosing() }
            }
        }
    }

    /// Nobody can ask for anything any more.
    func abandon() {
        eventLoop.preconditionInEventLoop()
        perform(machine.close())
        channel?.close(promise: nil)
    }

    private func finishClosing() {
        let waiters = closeWaiters
        closeWaiters.removeAll()
        for waiter in waiters { waiter.resume() }
        if machine.state == .closed { stopTicker() }
    }

    /// A caller found that an answer cannot be read.
    func violated(_ fault: WireFault) {
        eventLoop.preconditionInEventLoop()
        perform(machine.violated(fault))
    }

    // MARK: What the connection does

    func channelActive(_ channel: any Channel) {
        eventLoop.preconditionInEventLoop()
        self.channel = channel
        connectionError = nil
        guard let greeting = machine.connected(now: .now()) else {
            channel.close(promise: nil)
            return
        }
        channel.writeAndFlush(greeting, promise: nil)
    }

    func received(_ header: FrameHeader, body: ByteBuffer, on channel: any Channel) {
        guard channel === self.channel else { return }
        let wasConnected = machine.isConnected
        let actions = machine.received(header, body: body, now: .now())
        if !wasConnected, machine.isConnected {
            let limits = machine.limits
            announced.withLock { $0 = limits }
            logger.debug("connected", metadata: ["broker": "\(configuration.address)"])
        }
        perform(actions)
    }

    func violated(_ fault: WireFault, on channel: any Channel) {
        guard channel === self.channel else { return }
        perform(machine.violated(fault))
    }

    func failed(_ error: any Error, on channel: any Channel) {
        guard channel === self.channel else { return }
        connectionError = error
    }

    func writabilityChanged(_ channel: any Channel) {
        guard channel === self.channel else { return }
        machine.writabilityChanged(channel.isWritable)
        write()
    }

    func channelInactive(_ channel: any Channel) {
        guard channel === self.channel else { return }
        self.channel = nil
        disconnected(
            BrokerClientError(
                .connectionLost, "the connection to \(configuration.address) ended",
                cause: connectionError))
    }

    private func disconnected(_ error: BrokerClientError) {
        logger.debug("disconnected", metadata: ["error": "\(error)"])
        perform(machine.disconnected(error))
        if machine.state == .closed { finishClosing() }
    }

    // MARK: Actions

    private func perform(_ actions: ClientStateMachine.Actions) {
        if let (request, result) = actions.complete { request.complete(result) }
        for (request, error) in actions.fail { request.complete(.failure(error)) }
        if let control = actions.control, let channel {
            channel.write(control, promise: nil)
            scheduleFlush()
        }
        if let (kind, body) = actions.orphans { releaseOrphans(of: kind, body) }
        if actions.connect { connect() }
        if let failureCount = actions.reconnectAfterFailureCount {
            reconnect(afterFailureCount: failureCount)
        }
        if actions.closeChannel { channel?.close(promise: nil) }
        write()
        machine.hasRequests || machine.isConnected ? startTicker() : stopTicker()
    }

    private func write() {
        guard let channel else { return }
        while let frame = machine.nextWrite() {
            channel.write(frame, promise: nil)
            scheduleFlush()
            if !channel.isWritable { machine.writabilityChanged(false) }
        }
    }

    /// One flush for everything that is written in one pass of the loop.
    private func scheduleFlush() {
        guard !isFlushScheduled else { return }
        isFlushScheduled = true
        eventLoop.execute {
            self.isFlushScheduled = false
            self.channel?.flush()
        }
    }

    private func connect() {
        attempt += 1
        let thisAttempt = attempt
        let timeout = configuration.connectTimeout.timeAmount
        ClientBootstrap(group: eventLoop)
            .connectTimeout(timeout)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        ClientChannelHandler(core: self))
                }
            }
            .connect(host: configuration.address.host, port: configuration.address.port)
            .whenFailure { error in
                self.disconnected(
                    BrokerClientError(
                        .unreachable, "no broker answers at \(self.configuration.address)",
                        cause: error))
            }
        eventLoop.scheduleTask(in: timeout + timeout) {
            guard self.attempt == thisAttempt, self.machine.state == .greeting else { return }
            self.channel?.close(promise: nil)
        }
    }

    private func reconnect(afterFailureCount failureCount: Int) {
        let delay = ReconnectBackoff(
            first: configuration.reconnectDelay, longest: configuration.reconnectDelayMax
        ).delay(failureCount: failureCount, random: .random(in: 0..<1))
        eventLoop.scheduleTask(in: delay.timeAmount) {
            self.perform(self.machine.backoffEnded())
        }
    }

    /// Gives back what was leased for a caller who has gone.
    private func releaseOrphans(of kind: RequestKind, _ body: ByteBuffer) {
        let tokens = body.withReadable { bytes in
            var tokens: [LeaseToken] = []
            if let reply = try? LeaseReply(to: kind, body: bytes) {
                reply.forEachJob { tokens.append($0.token) }
            }
            return tokens
        }
        guard !tokens.isEmpty else { return }
        logger.debug("releasing jobs nobody waits for", metadata: ["jobs": "\(tokens.count)"])
        var frame = ByteBuffer()
        TokenRequest.write(.release, correlation: 0, tokens: tokens, into: &frame)
        submit(
            ClientRequest(
                ticket: .max, kind: .release, isRepeatable: true,
                deadline: .now() + configuration.requestTimeout.timeAmount, frame: frame,
                complete: { _ in }))
    }

    // MARK: Time

    private func startTicker() {
        guard ticker == nil else { return }
        ticker = eventLoop.scheduleRepeatedTask(
            initialDelay: Self.tickInterval, delay: Self.tickInterval
        ) { _ in
            self.perform(self.machine.tick(now: .now()))
        }
    }

    private func stopTicker() {
        ticker?.cancel()
        ticker = nil
    }
}
