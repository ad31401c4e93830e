internal import HoldfastModel
package import HoldfastProtocol
package import NIOCore
internal import NIOPosix

/// A greeted connection and nothing more: frames that the caller has laid out go in, replies come
/// out on the event loop, in the read's own memory. For load tools: no task, no continuation, no
/// copy and no allocation per request. It neither connects again nor repeats anything, and whoever
/// uses it keeps to the broker's limits.
///
/// Every method is called on `eventLoop`.
package final class RawConnection: @unchecked Sendable {
    /// - Parameters:
    ///   - connection: to answer on; what is written is flushed when the read is over.
    ///   - body: valid during the call.
    package typealias ReplyHandler =
        @Sendable (
            _ connection: RawConnection, _ header: FrameHeader, _ body: UnsafeRawBufferPointer
        ) -> Void

    package let eventLoop: any EventLoop
    /// What the broker said when it was greeted.
    package let greeting: HelloReply
    private let channel: any Channel

    fileprivate init(channel: any Channel, greeting: HelloReply) {
        self.channel = channel
        self.greeting = greeting
        eventLoop = channel.eventLoop
    }

    /// Connects and greets.
    ///
    /// - Parameters:
    ///   - onReply: called on the loop for every reply but that to the greeting.
    ///   - onClose: called on the loop once, with what was wrong where something was.
    package static func connect(
        to address: BrokerAddress, on eventLoop: any EventLoop, clientName: String = "",
        producer: ProducerID? = nil, onReply: @escaping ReplyHandler,
        onClose: @escaping @Sendable ((any Error)?) -> Void
    ) -> EventLoopFuture<RawConnection> {
        let greeted = eventLoop.makePromise(of: RawConnection.self)
        ClientBootstrap(group: eventLoop)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelOption(.maxMessagesPerRead, value: 16)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        RawConnectionHandler(
                            clientName: clientName, producer: producer, greeted: greeted,
                            onReply: onReply, onClose: onClose))
                }
            }
            .connect(host: address.host, port: address.port)
            .whenFailure { greeted.fail($0) }
        return greeted.futureResult
    }

    /// Queues frames; they leave with the next flush.
    package func write(_ frames: ByteBuffer) {
        eventLoop.preconditionInEventLoop()
        channel.write(frames, promise: nil)
    }

    /// Needed only for what is written outside of the reply handler.
    package func flush() {
        eventLoop.preconditionInEventLoop()
        channel.flush()
    }

    package func close() {
        eventLoop.preconditionInEventLoop()
        channel.close(promise: nil)
    }
}

private final class RawConnectionHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let clientName: String
    private let producer: ProducerID?
    private var greeted: EventLoopPromise<RawConnection>?
    private let onReply: RawConnection.ReplyHandler
    private let onClose: @Sendable ((any Error)?) -> Void
    private var accumulator = FrameAccumulator()
    private var connection: RawConnection?
    private var failure: (any Error)?

    init(
        clientName: String, producer: ProducerID?, greeted: EventLoopPromise<RawConnection>,
        onReply: @escaping RawConnection.ReplyHandler,
        onClose: @escaping @Sendable ((any Error)?) -> Void
    ) {
        self.clientName = clientName
        self.producer = producer
        self.greeted = greeted
        self.onReply = onReply
        self.onClose = onClose
    }

    func channelActive(context: ChannelHandlerContext) {
        var frame = ByteBuffer()
        HelloRequest.write(
            correlation: 0, producer: producer, clientName: clientName, into: &frame)
        context.writeAndFlush(wrapOutboundOut(frame), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        accumulator.append(unwrapInboundIn(data))
        do throws(WireFault) {
            while try accumulator.withNext({ header, body in
                self.received(header, body, context.channel)
            }) {}
        } catch {
            failure = failure ?? error
            context.close(promise: nil)
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        context.flush()
    }

    func channelInactive(context: ChannelHandlerContext) {
        guard let greeted else {
            onClose(failure)
            return
        }
        self.greeted = nil
        greeted.fail(
            failure ?? BrokerClientError(.connectionLost, "the broker closed the connection"))
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        failure = failure ?? error
        context.close(promise: nil)
    }

    private func received(
        _ header: FrameHeader, _ body: UnsafeRawBufferPointer, _ channel: any Channel
    ) {
        if let connection {
            onReply(connection, header, body)
            return
        }
        do throws(WireFault) {
            guard try header.replyKind() == .answer(.hello) else {
                failure = BrokerClientError(try RefusalReply(body: body))
                channel.close(promise: nil)
                return
            }
            let connection = RawConnection(
                channel: channel, greeting: try HelloReply(body: body))
            self.connection = connection
            greeted?.succeed(connection)
            greeted = nil
        } catch {
            failure = error
            channel.close(promise: nil)
        }
    }
}
