internal import HoldfastModel
internal import HoldfastProtocol
internal import NIOCore

/// One connection that enqueues: keeps `depth` requests in flight as long as the run lasts and the
/// bound of unfinished jobs allows. The correlation of a request is its slot.
final class ProducerHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let run: RawCycle
    private let number: Int
    private var cutter = FrameCutter()
    private var sentNanoseconds: [UInt64]
    /// The number of the first job of the request in each slot.
    private var firstNumbers: [UInt64]
    private var freeSlots: [UInt32]
    private var context: ChannelHandlerContext?
    private var isGreeted = false
    private(set) var isPaused = false {
        didSet { run.pausedCount += (isPaused ? 1 : 0) - (oldValue ? 1 : 0) }
    }

    /// - Parameter number: of this client among all.
    init(run: RawCycle, number: Int) {
        self.run = run
        self.number = number
        firstNumbers = Array(repeating: 0, count: run.shape.depth)
        sentNanoseconds = Array(repeating: 0, count: run.shape.depth)
        freeSlots = (0..<UInt32(run.shape.depth)).reversed()
    }

    func channelActive(context: ChannelHandlerContext) {
        self.context = context
        var buffer = context.channel.allocator.buffer(capacity: 64)
        HelloRequest.write(
            correlation: .max, producer: nil, clientName: "bench producer", into: &buffer)
        // Consumers would be refused a queue that is not there yet; to create it again is harmless.
        QueuePolicyRequest.write(
            .queueCreate, correlation: .max - 1, queue: run.queue, policy: .standard,
            into: &buffer)
        context.writeAndFlush(wrapOutboundOut(buffer), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let now = MonotonicTime.nanoseconds
        do {
            try cutter.cut(unwrapInboundIn(data)) { header, body in
                switch try header.replyKind() {
                case .answer(.hello): break
                case .answer(.queueCreate):
                    isGreeted = true
                    run.connected()
                case .answer(.enqueue):
                    let slot = Int(header.correlation)
                    guard body.count >= 8, slot < sentNanoseconds.count else {
                        throw BenchFault("an answer to an enqueue cannot be read")
                    }
                    let count = UInt32(
                        littleEndian: body.loadUnaligned(fromByteOffset: 4, as: UInt32.self))
                    run.ledger.enqueued(
                        Int(count), afterNanoseconds: now - sentNanoseconds[slot])
                    if let history = run.history {
                        history.enqueued(
                            try EnqueueReply(body: body).ids, firstNumber: firstNumbers[slot],
                            client: number, sent: sentNanoseconds[slot], answered: now)
                    }
                    freeSlots.append(header.correlation)
                case .refusal: throw BenchFault("refused: \(try RefusalReply(body: body).message)")
                case .answer: throw BenchFault("an answer to nothing that was asked")
                }
            }
        } catch {
            run.fail("a producer: \(error)")
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        send()
        run.resumeProducers()
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.context = nil
        run.fail("the broker closed a producer's connection")
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        run.fail("a producer: \(error)")
    }

    /// Fills the free slots, as far as it may.
    func send() {
        isPaused = false
        guard let context, isGreeted, run.isProducing, !freeSlots.isEmpty else { return }
        let template = run.template
        let now = MonotonicTime.nanoseconds
        var buffer: ByteBuffer?
        while let slot = freeSlots.last {
            guard run.ledger.unfinishedCount < run.shape.unfinishedCountMax else {
                isPaused = true
                break
            }
            freeSlots.removeLast()
            var frames =
                buffer
                ?? context.channel.allocator.buffer(
                    capacity: template.byteCount * (freeSlots.count + 1))
            buffer = nil
            sentNanoseconds[Int(slot)] = now
            firstNumbers[Int(slot)] = run.ledger.send(template.jobCount)
            template.write(
                correlation: slot, firstNumber: firstNumbers[Int(slot)],
                sentNanoseconds: now, into: &frames)
            buffer = frames
        }
        if let buffer { context.writeAndFlush(wrapOutboundOut(buffer), promise: nil) }
    }
}
