internal import HoldfastEngine
internal import HoldfastModel
internal import HoldfastProtocol
internal import NIOCore

/// One client's connection: cuts the bytes into frames, hands each to the commit loop, and sends
/// what the commit loop releases. Decides nothing but what `ConnectionStateMachine` says.
///
/// Belongs to the core event loop, which makes it safe to send.
final class ConnectionHandler: ChannelDuplexHandler, @unchecked Sendable {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// Names the connection among all of this broker process; 0 before it is taken in.
    @exclusivity(unchecked) private(set) var number: UInt32 = 0
    @exclusivity(unchecked) var state = ConnectionStateMachine()
    @exclusivity(unchecked) var replies: HeldReplies
    /// Who enqueues here, as the greeting says.
    @exclusivity(unchecked) var producerID: ProducerID?
    /// The producer this connection's enqueues are numbered by; nil before the first of them.
    @exclusivity(unchecked) var producer: ProducerSlot?
    /// The queue it named last: most connections speak of one queue only.
    @exclusivity(unchecked) var queueNamed = QueueCache()

    private let loop: CommitLoop
    @exclusivity(unchecked) private var context: ChannelHandlerContext?
    /// The beginning of a frame whose end has not come yet.
    @exclusivity(unchecked) private var partial: ByteBuffer
    @exclusivity(unchecked) private var isReadHeld = false
    /// Whether there may be whole frames in `partial`, since the disk is behind.
    @exclusivity(unchecked) private var isTakingHeld = false
    /// Bytes sent since the client stopped reading.
    @exclusivity(unchecked) private var unreadByteCount = 0
    @exclusivity(unchecked) private var greetingDeadline: Scheduled<Void>?

    init(loop: CommitLoop, allocator: ByteBufferAllocator) {
        self.loop = loop
        replies = HeldReplies(allocator: allocator)
        partial = ByteBuffer()
    }

    var isOpen: Bool { context != nil }

    // MARK: Coming and going

    func channelActive(context: ChannelHandlerContext) {
        guard let number = loop.connected(self) else {
            context.close(promise: nil)
            return
        }
        self.number = number
        self.context = context
        greetingDeadline = context.eventLoop.assumeIsolated().scheduleTask(
            in: .milliseconds(loop.configuration.greetingMillisecondsMax)
        ) {
            if !self.state.isGreeted { self.close() }
        }
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        leave()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    /// Ends the connection now, whatever is still on its way.
    func close() {
        context?.close(mode: .all, promise: nil)
    }

    /// Ends the connection when all that was sent has been taken by the kernel.
    func closeWhenSent() {
        guard let context else { return }
        context.writeAndFlush(wrapOutboundOut(ByteBuffer())).assumeIsolated().whenComplete { _ in
            self.close()
        }
    }

    var closed: EventLoopFuture<Void>? { context?.channel.closeFuture }

    private func leave() {
        guard context != nil else { return }
        context = nil
        greetingDeadline?.cancel()
        loop.disconnected(self)
    }

    // MARK: Requests

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        guard isOpen, !state.isClosing else { return }
        loop.beginPass()
        if partial.readableBytes > 0 {
            partial.writeBuffer(&bytes)
            takeFrames()
        } else {
            bytes.moveReaderIndex(forwardBy: takeFrames(from: bytes))
            if bytes.readableBytes > 0 { partial = bytes.slice() }
        }
    }

    /// Hands over what is whole of `partial`.
    private func takeFrames() {
        partial.moveReaderIndex(forwardBy: takeFrames(from: partial))
        if partial.readableBytes == 0 {
            // A buffer that grew for one large frame is not kept for the small ones to come.
            partial = ByteBuffer()
        } else {
            partial.discardReadBytes()
        }
    }

    /// Hands over every whole frame, as long as the disk keeps up, and returns how many bytes they were.
    private func takeFrames(from buffer: ByteBuffer) -> Int {
        isTakingHeld = false
        return buffer.withUnsafeReadableBytes { bytes in
            var offset = 0
            while !state.isClosing, offset < bytes.count {
                // What one read brought may be more than one commit can take.
                if loop.isSaturated {
                    isTakingHeld = true
                    hold()
                    return offset
                }
                let rest = UnsafeRawBufferPointer(rebasing: bytes[offset...])
                let lengthMax =
                    state.isGreeted
                    ? loop.limits.frameByteCountMax : FrameFormat.greetingLengthMax
                do throws(WireFault) {
                    guard let header = try FrameHeader.parse(rest, lengthMax: lengthMax),
                        rest.count >= header.frameByteCount
                    else { return offset }
                    offset += header.frameByteCount
                    loop.take(header, body: header.body(of: rest), from: self)
                } catch {
                    loop.refuseFrame(error, of: self)
                }
            }
            return bytes.count
        }
    }

    // MARK: Back-pressure

    func read(context: ChannelHandlerContext) {
        // A client that does not read its replies, or a disk that is behind, stops the reading of
        // requests: both wait in the socket and not in memory.
        if !context.channel.isWritable {
            isReadHeld = true
        } else if loop.isSaturated {
            hold()
        } else if isTakingHeld {
            // Not now: the loop may be in the middle of a commit.
            isReadHeld = true
            context.eventLoop.assumeIsolated().execute { self.takeHeld() }
        } else {
            context.read()
        }
    }

    /// Reads nothing before the loop says so.
    private func hold() {
        guard !isReadHeld else { return }
        isReadHeld = true
        loop.pause(self)
    }

    /// Goes on with the frames that were left.
    private func takeHeld() {
        guard isOpen, !state.isClosing else { return }
        if !loop.isSaturated, isTakingHeld {
            loop.beginPass()
            takeFrames()
        }
        resumeReading()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable {
            unreadByteCount = 0
            resumeReading()
        }
        context.fireChannelWritabilityChanged()
    }

    func resumeReading() {
        guard isReadHeld, let context else { return }
        isReadHeld = false
        read(context: context)
    }

    // MARK: Replies

    /// Sends what was sealed with the batch that is durable now.
    func releaseSealed() {
        replies.release(
            isOpen: isOpen,
            send: send,
            takeBack: { loop.takeBack($0) })
    }

    private func send(_ bytes: ByteBuffer, count: Int) {
        guard let context else { return }
        state.answered(count)
        if !context.channel.isWritable {
            unreadByteCount += bytes.readableBytes
            guard unreadByteCount <= loop.configuration.unreadByteCountMax else {
                // It asks and never reads. Its leases run on and end by their own clocks.
                close()
                return
            }
        }
        context.writeAndFlush(wrapOutboundOut(bytes), promise: nil)
        // Not before the last answer: others may be held for a later batch, or still be read.
        if state.isClosing, state.inFlightCount == 0 { closeWhenSent() }
    }
}
