internal import HoldfastModel
internal import HoldfastProtocol
public import Logging
internal import NIOCore
internal import NIOPosix
public import ServiceLifecycle
internal import Synchronization

/// A client of one Holdfast broker: enqueues, leases, inspects.
///
/// ```swift
/// let client = BrokerClient(ClientConfiguration(clientName: "web"))
/// let id = try await client.enqueue(Resize(path: "a.png", width: 64), to: "images")
/// await client.close()
/// ```
/// It connects when it is first asked for something, and again by itself when the connection
/// breaks. Any number of tasks may use it; their requests share one connection and overtake each
/// other on it. An enqueue whose answer was lost is repeated by the client, and the broker knows it
/// again, so that it is executed once; so are acks, heartbeats and reads, which do no harm twice.
/// Every other request whose connection breaks fails with `connectionLost`.
///
/// Requests that exceed what the broker announced to take at a time wait in their tasks; the client
/// holds nothing that no task waits for.
///
/// As a `Service`, `run()` returns after a graceful shutdown, with the connection closed. Let the
/// group start it before whatever uses it. Without a group, `close()` does the same.
///
/// All methods throw `BrokerClientError`, and `CancellationError` where the task is cancelled.
public final class BrokerClient: Service, Sendable {
    public let configuration: ClientConfiguration
    let core: ClientCore
    private let tickets = Atomic<UInt64>(0)

    public init(
        _ configuration: ClientConfiguration = ClientConfiguration(),
        logger: Logger = Logger(label: "holdfast.client")
    ) {
        self.configuration = configuration
        core = ClientCore(
            configuration: configuration,
            eventLoop: MultiThreadedEventLoopGroup.singleton.next(), logger: logger)
    }

    deinit {
        // A client that was not closed leaves no connection behind.
        let core = core
        core.eventLoop.execute { core.abandon() }
    }

    /// Waits for the end of the service and closes the client.
    public func run() async throws {
        // Ends at a graceful shutdown and when the task is cancelled.
        try? await gracefulShutdown()
        await close()
    }

    /// Says goodbye to the broker. Requests that wait for a connection fail; those that were sent
    /// may still be answered. The client cannot be used again.
    public func close() async {
        await core.close()
    }

    // MARK: Requests

    /// Sends a request and waits for its answer.
    ///
    /// - Parameters:
    ///   - wait: comes on top of the time that any request may take.
    ///   - write: lays the frame out, with correlation 0.
    /// - Returns: the reply's body.
    func send(
        _ kind: RequestKind, isRepeatable: Bool, wait: Duration = .zero,
        _ write: (inout ByteBuffer) -> Void
    ) async throws -> ByteBuffer {
        try Task.checkCancellation()
        var buffer = ByteBuffer()
        write(&buffer)
        let frame = buffer
        let limit = core.announced.withLock { $0?.frameByteCountMax } ?? Limits.frameByteCountMax
        guard frame.readableBytes - FrameFormat.lengthByteCount <= limit else {
            throw BrokerClientError(
                .invalidArgument, "the request is longer than \(limit) bytes, the broker's limit")
        }
        let ticket = tickets.add(1, ordering: .relaxed).newValue
        let deadline = NIODeadline.now() + (configuration.requestTimeout + wait).timeAmount
        let core = core
        do {
            return try await withTaskCancellationHandler {
                try await withCheckedThrowingContinuation { continuation in
                    let request = ClientRequest(
                        ticket: ticket, kind: kind, isRepeatable: isRepeatable,
                        deadline: deadline, frame: frame,
                        complete: { continuation.resume(with: $0) })
                    core.eventLoop.execute { core.submit(request) }
                    // A cancellation that came before the submission found nothing to cancel.
                    if Task.isCancelled {
                        core.eventLoop.execute { core.cancel(ticket: ticket) }
                    }
                }
            } onCancel: {
                core.eventLoop.execute { core.cancel(ticket: ticket) }
            }
        } catch {
            try Task.checkCancellation()
            throw error
        }
    }

    /// Reads an answer; one that cannot be read ends the connection.
    func read<Reply>(
        _ body: ByteBuffer, _ decode: (UnsafeRawBufferPointer) throws(WireFault) -> Reply
    ) throws(BrokerClientError) -> Reply {
        do throws(WireFault) {
            return try body.withReadable(decode)
        } catch {
            throw violation(error)
        }
    }

    func violation(_ fault: WireFault) -> BrokerClientError {
        let core = core
        core.eventLoop.execute { core.violated(fault) }
        return BrokerClientError(fault)
    }

    /// What the broker takes in one request; connects where that is not known yet.
    func limits() async throws -> AnnouncedLimits {
        if let limits = core.announced.withLock({ $0 }) { return limits }
        try await ping()
        return core.announced.withLock { $0 } ?? AnnouncedLimits()
    }

    /// What the broker takes in one request, as far as it is known.
    var itemCountMax: Int { core.announced.withLock { $0?.itemCountMax } ?? Limits.itemCountMax }

    func checkName(_ name: String, _ what: String = "a queue's name") throws(BrokerClientError) {
        guard Name.isValid(name) else {
            throw BrokerClientError(
                .invalidArgument, "\(what) is 1 to 255 bytes without control characters")
        }
    }

    /// - Parameter duration: nil: the broker chooses.
    /// - Returns: 0 where the broker chooses.
    func leaseMilliseconds(_ duration: Duration?) throws(BrokerClientError) -> UInt32 {
        guard let duration else { return 0 }
        let milliseconds = duration.milliseconds
        guard milliseconds >= Limits.leaseMillisecondsMin,
            milliseconds <= Limits.leaseMillisecondsMax
        else {
            throw BrokerClientError(.invalidArgument, "a lease lasts 1 s to 12 h, not \(duration)")
        }
        return UInt32(milliseconds)
    }
}
