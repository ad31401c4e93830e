import Glibc
import HoldfastClient
import HoldfastModel
import HoldfastProtocol
import NIOCore
import NIOPosix
import Synchronization

/// A broker whose script is the test: it greets by itself, and hands every other request to the
/// test, which answers, or closes the connection, or says nothing.
final class FakeBroker: Sendable {
    let port: Int
    private let server: any Channel
    private let requests: AsyncStream<FakeRequest>

    private init(server: any Channel, requests: AsyncStream<FakeRequest>) {
        self.server = server
        self.requests = requests
        port = server.localAddress?.port ?? 0
    }

    /// - Parameters:
    ///   - port: nil takes a free one below those that the kernel gives to outgoing connections, so
    ///     that it can be bound again after a stop: nobody's connection has got it meanwhile.
    ///   - greets: false: the test answers each HELLO too.
    static func start(
        port: Int? = nil, limits: AnnouncedLimits = AnnouncedLimits(), greets: Bool = true
    ) async throws -> FakeBroker {
        guard let port else {
            while true {
                do {
                    return try await start(
                        port: .random(in: 20_000..<32_000), limits: limits, greets: greets)
                } catch let error as IOError where error.errnoCode == EADDRINUSE {
                    continue
                }
            }
        }
        let (stream, continuation) = AsyncStream.makeStream(of: FakeRequest.self)
        let connectionCount = Atomic<Int>(0)
        let counter = ConnectionCounter(count: connectionCount)
        let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                let number = counter.next()
                return channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        FakeBrokerHandler(
                            connection: number, limits: limits, greets: greets,
                            requests: continuation))
                }
            }
            .bind(host: "127.0.0.1", port: port).get()
        return FakeBroker(server: server, requests: stream)
    }

    /// The next request of any connection.
    func next() async -> FakeRequest {
        var iterator = requests.makeAsyncIterator()
        guard let request = await iterator.next() else {
            fatalError("the test was cancelled while it waited for a request")
        }
        return request
    }

    func stop() async throws {
        try await server.close()
    }

    var configuration: ClientConfiguration {
        var configuration = ClientConfiguration(
            address: BrokerAddress(port: port), clientName: "test")
        configuration.reconnectDelay = .milliseconds(1)
        return configuration
    }
}

private final class ConnectionCounter: Sendable {
    private let count: Atomic<Int>

    init(count: consuming Atomic<Int>) {
        self.count = count
    }

    func next() -> Int { count.add(1, ordering: .relaxed).newValue }
}

/// One request as it came.
struct FakeRequest: Sendable {
    /// The connection's number, from 1.
    let connection: Int
    let kind: RequestKind
    let correlation: UInt32
    let body: [UInt8]
    private let channel: any Channel

    init(
        connection: Int, kind: RequestKind, correlation: UInt32, body: [UInt8],
        channel: any Channel
    ) {
        self.connection = connection
        self.kind = kind
        self.correlation = correlation
        self.body = body
        self.channel = channel
    }

    func reply(_ write: (UInt32, inout ByteBuffer) -> Void) {
        var buffer = ByteBuffer()
        write(correlation, &buffer)
        channel.writeAndFlush(buffer, promise: nil)
    }

    func close() {
        channel.close(promise: nil)
    }

    func accept(_ answers: ItemAnswer...) {
        reply { ItemsReply.write(to: kind, correlation: $0, answers: answers, into: &$1) }
    }

    /// Answers a request that names tokens: all done.
    func acceptAll() {
        reply { correlation, buffer in
            ItemsReply.write(
                to: kind, correlation: correlation,
                answers: Array(repeating: ItemAnswer(), count: tokens.count), into: &buffer)
        }
    }

    func accept() {
        reply { EmptyFrame.writeAnswer(to: kind, correlation: $0, into: &$1) }
    }

    func accept(ids: [JobID]) {
        reply { EnqueueReply.write(correlation: $0, ids: ids, isDuplicate: false, into: &$1) }
    }

    func refuse(_ code: RefusalCode, _ message: String, retryAfterMilliseconds: UInt32 = 0) {
        reply {
            RefusalReply(
                code: code, retryAfterMilliseconds: retryAfterMilliseconds, message: message
            ).write(correlation: $0, into: &$1)
        }
    }

    /// Answers a LEASE, or an ACK_LEASE with every token acknowledged.
    func deliver(_ jobs: FakeJob...) {
        reply { correlation, buffer in
            var writer =
                kind == .lease
                ? LeaseReplyWriter(correlation: correlation, into: &buffer)
                : LeaseReplyWriter(
                    correlation: correlation,
                    answers: Array(repeating: ItemAnswer(), count: tokens.count), into: &buffer)
            for job in jobs {
                job.withDelivered { writer.append($0, into: &buffer) }
            }
            writer.finish(in: &buffer)
        }
    }

    /// The tokens that the request names.
    var tokens: [LeaseToken] {
        var tokens: [LeaseToken] = []
        body.withUnsafeBytes { body in
            do {
                let limits = AnnouncedLimits()
                switch kind {
                case .ack, .release:
                    try TokenRequest(body: body, limits: limits).tokens.copy(into: &tokens)
                case .ackLease:
                    try AckLeaseRequest(body: body, limits: limits).tokens.copy(into: &tokens)
                case .nack: try NackRequest(body: body, limits: limits).tokens.copy(into: &tokens)
                case .reject:
                    try RejectRequest(body: body, limits: limits).tokens.copy(into: &tokens)
                case .heartbeat:
                    var items = try HeartbeatRequest(body: body, limits: limits).makeIterator()
                    while let item = items.next() { tokens.append(item.token) }
                default: break
                }
            } catch {
                fatalError("the client sent what cannot be read: \(error)")
            }
        }
        return tokens
    }

    /// What LEASE or ACK_LEASE asks for.
    var order: LeaseOrder? {
        body.withUnsafeBytes { body in
            kind == .lease
                ? try? LeaseRequest(body: body, limits: AnnouncedLimits()).order
                : try? AckLeaseRequest(body: body, limits: AnnouncedLimits()).order
        }
    }

    /// The text of a NACK or a REJECT.
    var reason: String? {
        body.withUnsafeBytes { body in
            let bytes =
                kind == .nack
                ? try? NackRequest(body: body, limits: AnnouncedLimits()).error
                : try? RejectRequest(body: body, limits: AnnouncedLimits()).reason
            return bytes.map { String(decoding: $0, as: UTF8.self) }
        }
    }
}

/// A job that the fake broker hands out.
struct FakeJob: Sendable {
    var lsn: UInt64
    var kind = "greet"
    var payload = Array(#"{"name":"Ada"}"#.utf8)
    var durationMilliseconds: UInt32 = 30_000
    var checkpoint: [UInt8] = []
    var attempt: UInt32 = 1

    var token: LeaseToken { LeaseToken(lsn: lsn, version: 1, check: 7) }

    func withDelivered(_ body: (DeliveredJob) -> Void) {
        let content = payload.withUnsafeBytes {
            JobContent.bytes(kind: kind.utf8, headers: [("lang", "de")], payload: $0)
        }
        content.withUnsafeBytes { content in
            checkpoint.withUnsafeBytes { checkpoint in
                body(
                    DeliveredJob(
                        token: token, idCheck: 9, priority: 3, attempt: attempt, interruptions: 1,
                        timeouts: 2, releases: 4, enqueuedMilliseconds: 1_762_000_000_000,
                        durationMilliseconds: durationMilliseconds, checkpoint: checkpoint,
                        content: content))
            }
        }
    }
}

private final class FakeBrokerHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let connection: Int
    private let limits: AnnouncedLimits
    private let greets: Bool
    private let requests: AsyncStream<FakeRequest>.Continuation
    private var buffer = ByteBuffer()

    init(
        connection: Int, limits: AnnouncedLimits, greets: Bool,
        requests: AsyncStream<FakeRequest>.Continuation
    ) {
        self.connection = connection
        self.limits = limits
        self.greets = greets
        self.requests = requests
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var read = unwrapInboundIn(data)
        buffer.writeBuffer(&read)
        while let request = take(context.channel) {
            guard request.kind == .hello, greets else {
                requests.yield(request)
                continue
            }
            request.reply {
                HelloReply(
                    version: 1, storeUUID: (1, 2), connectionID: UInt64(connection),
                    brokerMilliseconds: 0, limits: limits, software: "fake"
                ).write(correlation: $0, into: &$1)
            }
        }
    }

    private func take(_ channel: any Channel) -> FakeRequest? {
        let header = buffer.withUnsafeReadableBytes {
            try? FrameHeader.parse($0, lengthMax: 1 << 20)
        }
        guard let header, buffer.readableBytes >= header.frameByteCount,
            let kind = try? header.requestKind()
        else { return nil }
        buffer.moveReaderIndex(forwardBy: FrameFormat.headerByteCount)
        return FakeRequest(
            connection: connection, kind: kind, correlation: header.correlation,
            body: buffer.readBytes(length: header.bodyByteCount) ?? [], channel: channel)
    }
}
