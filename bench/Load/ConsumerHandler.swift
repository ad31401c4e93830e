internal import HoldfastModel
internal import HoldfastProtocol
internal import NIOCore

/// One connection that leases and acknowledges, one request in flight: a LEASE that waits, then
/// ACK_LEASE for as long as there are jobs.
final class ConsumerHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private static let waitMilliseconds: UInt32 = 10_000

    private let run: RawCycle
    private let number: Int
    private var cutter = FrameCutter()
    /// What was leased last; acknowledged by the next request.
    private var tokens: [LeaseToken] = []
    private var sentNanoseconds: [UInt64] = []
    private var askedNanoseconds: UInt64 = 0
    private var askedWaitMilliseconds: UInt32 = 0
    private var mustAsk = false
    private var context: ChannelHandlerContext?

    /// - Parameter number: of this client among all.
    init(run: RawCycle, number: Int) {
        self.run = run
        self.number = number
    }

    func channelActive(context: ChannelHandlerContext) {
        self.context = context
        var buffer = context.channel.allocator.buffer(capacity: 64)
        HelloRequest.write(
            correlation: 0, producer: nil, clientName: "bench consumer", into: &buffer)
        context.writeAndFlush(wrapOutboundOut(buffer), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let now = MonotonicTime.nanoseconds
        do {
            try cutter.cut(unwrapInboundIn(data)) { header, body in
                switch try header.replyKind() {
                case .answer(.hello): run.connected()
                case .answer(.lease): try take(LeaseReply(to: .lease, body: body), now: now)
                case .answer(.ackLease):
                    let reply = try LeaseReply(to: .ackLease, body: body)
                    try settle(reply.answers, now: now)
                    try take(reply, now: now)
                case .refusal: throw BenchFault("refused: \(try RefusalReply(body: body).message)")
                case .answer: throw BenchFault("an answer to nothing that was asked")
                }
            }
        } catch {
            run.fail("a consumer: \(error)")
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        ask(context)
        run.resumeProducers()
        run.endIfDrained()
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.context = nil
        run.fail("the broker closed a consumer's connection")
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        run.fail("a consumer: \(error)")
    }

    private func settle(_ answers: [ItemAnswer], now: UInt64) throws {
        guard answers.count == tokens.count else {
            throw BenchFault("\(tokens.count) tokens were acknowledged by \(answers.count) answers")
        }
        for (index, answer) in answers.enumerated() {
            guard answer.refusal == nil else {
                throw BenchFault("an ack was refused: \(answer.refusal?.name ?? "")")
            }
            run.ledger.acknowledged(afterNanoseconds: now - sentNanoseconds[index])
        }
        run.history?.acknowledged(
            tokens, client: number, sent: askedNanoseconds, answered: now)
        tokens.removeAll(keepingCapacity: true)
        sentNanoseconds.removeAll(keepingCapacity: true)
    }

    private func take(_ reply: LeaseReply, now: UInt64) throws {
        mustAsk = true
        run.history?.beginDeliveries()
        try reply.forEachJob { job in
            guard let content = JobContent(trusted: job.content),
                let stamp = JobStamp(payload: content.payload)
            else { throw BenchFault("a job came back with another content") }
            run.ledger.delivered(stamp.number)
            run.history?.delivered(
                job, number: stamp.number, position: tokens.count, client: number,
                sent: askedNanoseconds, answered: now)
            tokens.append(job.token)
            sentNanoseconds.append(stamp.sentNanoseconds)
        }
        if tokens.isEmpty, let history = run.history {
            history.cameBackEmpty(
                client: number, sent: askedNanoseconds, answered: now,
                waitMilliseconds: askedWaitMilliseconds)
        }
    }

    /// Leases for the first time: the queue is there.
    func begin() {
        guard let context else { return }
        mustAsk = true
        ask(context)
    }

    private func ask(_ context: ChannelHandlerContext) {
        guard mustAsk else { return }
        mustAsk = false
        if run.history != nil { askedNanoseconds = MonotonicTime.nanoseconds }
        // With tokens to acknowledge the broker does not wait.
        askedWaitMilliseconds = tokens.isEmpty ? Self.waitMilliseconds : 0
        let order = LeaseOrder(
            count: run.shape.leaseCount, waitMilliseconds: Self.waitMilliseconds,
            durationMilliseconds: 60_000)
        var buffer = context.channel.allocator.buffer(capacity: 64 + tokens.count * 16)
        if tokens.isEmpty {
            LeaseRequest.write(correlation: 1, order: order, queue: run.queue, into: &buffer)
        } else {
            AckLeaseRequest.write(
                correlation: 1, tokens: tokens, order: order, queue: run.queue, into: &buffer)
        }
        context.writeAndFlush(wrapOutboundOut(buffer), promise: nil)
    }
}
