internal import HoldfastModel
internal import HoldfastProtocol
internal import NIOCore

/// Enqueues and consumes over one connection, and checks that every job comes once and in its turn.
///
/// Belongs to one thread; each call waits until it is done.
final class JobFlow {
    /// Bytes that a job takes in a frame beside its payload, and a frame beside its jobs, at most:
    /// so many jobs fit into the reply to a lease as into an enqueue.
    private static let jobOverheadByteCount = 96
    private static let frameOverheadByteCount = 1_024

    let connection: WireConnection
    /// Jobs in each enqueue request: what was asked for, or what fits into a frame.
    let batch: Int
    let ledger = CycleLedger()
    /// Jobs that came before or after their turn.
    private(set) var disorderCount: UInt64 = 0

    private let queue: String
    private let payloadByteCount: Int
    private let template: EnqueueTemplate
    /// What was leased last; acknowledged by the next request.
    private var tokens: [LeaseToken] = []
    private var nextNumber: UInt64 = 0

    /// - Parameter payloadByteCount: of each job, 16 at least.
    init(port: Int, queue: String, batch: Int, payloadByteCount: Int) throws {
        let (connection, limits) = try WireConnection.open(port: port)
        let fitting =
            (Int(limits.frameByteCountMax) - Self.frameOverheadByteCount)
            / (payloadByteCount + Self.jobOverheadByteCount)
        self.connection = connection
        self.queue = queue
        self.payloadByteCount = payloadByteCount
        self.batch = max(1, min(batch, fitting, Int(limits.itemCountMax)))
        template = EnqueueTemplate(
            queue: queue, jobCount: self.batch, payloadByteCount: payloadByteCount)
    }

    /// Enqueues `jobCount` jobs, with `depth` requests in flight, and waits until all are
    /// acknowledged.
    func fill(jobCount: UInt64, depth: Int) throws {
        let target = ledger.sentCount + jobCount
        var inFlightCount = 0
        while ledger.enqueuedCount < target {
            while ledger.sentCount < target, inFlightCount < depth {
                var request = ByteBuffer()
                let count = Int(min(UInt64(batch), target - ledger.sentCount))
                writeEnqueue(of: count, into: &request)
                try connection.send(request)
                inFlightCount += 1
            }
            try connection.receive(.enqueue, enqueued)
            inFlightCount -= 1
        }
    }

    /// Leases and acknowledges until every job that was enqueued is done.
    func drain() throws {
        while ledger.unfinishedCount > 0 {
            var request = ByteBuffer()
            writeLease(waitMilliseconds: 60_000, into: &request)
            try connection.send(request)
            try settle()
        }
    }

    /// One batch in and one batch out with one write to the socket: enqueues a batch, acknowledges
    /// what was leased last, and leases the next.
    ///
    /// - Returns: when the enqueue was answered.
    @discardableResult
    func round() throws -> UInt64 {
        var request = ByteBuffer()
        writeEnqueue(of: batch, into: &request)
        let leaseKind = tokens.isEmpty ? RequestKind.lease : .ackLease
        writeLease(waitMilliseconds: 0, into: &request)
        try connection.send(request)
        var answered: UInt64 = 0
        for _ in 0..<2 {
            try connection.receive { header, body in
                switch try header.replyKind() {
                case .answer(.enqueue):
                    answered = MonotonicTime.nanoseconds
                    try enqueued(body)
                case .answer(leaseKind): try settle(LeaseReply(to: leaseKind, body: body))
                case .refusal: throw BenchFault("refused: \(try RefusalReply(body: body).message)")
                case .answer: throw BenchFault("an answer to nothing that was asked")
                }
            }
        }
        return answered
    }

    /// Enqueues one job which nobody is to get as long as this lasts, and waits for the answer.
    func enqueueDelayed(into queue: String, payloadByteCount: Int, delayMilliseconds: UInt64) throws
    {
        var random = SplitMix64(state: delayMilliseconds)
        let payload = (0..<payloadByteCount).map { _ in UInt8(truncatingIfNeeded: random.next()) }
        let content = payload.withUnsafeBytes {
            JobContent.bytes(kind: [], headers: [], payload: $0)
        }
        var request = ByteBuffer()
        var writer = EnqueueWriter(correlation: 0, sequence: 0, queue: queue, into: &request)
        content.withUnsafeBytes {
            writer.append(delayMilliseconds: delayMilliseconds, content: $0, into: &request)
        }
        writer.finish(in: &request)
        try connection.send(request)
        try connection.receive(.enqueue) { _ in }
    }

    /// What is wrong when everything should be done; nil where each job came once, in its turn.
    var discrepancy: String? {
        ledger.discrepancy
            ?? (disorderCount == 0 ? nil : "\(disorderCount) jobs came out of their turn")
    }

    private func writeEnqueue(of count: Int, into request: inout ByteBuffer) {
        let template =
            count == batch
            ? template
            : EnqueueTemplate(queue: queue, jobCount: count, payloadByteCount: payloadByteCount)
        template.write(
            correlation: 1, firstNumber: ledger.send(count),
            sentNanoseconds: MonotonicTime.nanoseconds, into: &request)
    }

    private func enqueued(_ body: UnsafeRawBufferPointer) throws {
        guard body.count >= 8 else { throw BenchFault("an answer to an enqueue cannot be read") }
        let count = UInt32(littleEndian: body.loadUnaligned(fromByteOffset: 4, as: UInt32.self))
        ledger.enqueued(Int(count), afterNanoseconds: 0)
    }

    private func writeLease(waitMilliseconds: UInt32, into request: inout ByteBuffer) {
        // The last answer of all acknowledges and gives nothing: it must not wait for that.
        let isLast = ledger.unfinishedCount == tokens.count
        let order = LeaseOrder(
            count: batch, waitMilliseconds: isLast ? 0 : waitMilliseconds,
            durationMilliseconds: 600_000)
        if tokens.isEmpty {
            LeaseRequest.write(correlation: 2, order: order, queue: queue, into: &request)
        } else {
            AckLeaseRequest.write(
                correlation: 2, tokens: tokens, order: order, queue: queue, into: &request)
        }
    }

    private func settle() throws {
        let kind = tokens.isEmpty ? RequestKind.lease : .ackLease
        try connection.receive(kind) { try settle(LeaseReply(to: kind, body: $0)) }
    }

    private func settle(_ reply: LeaseReply) throws {
        guard reply.answers.count == tokens.count else {
            throw BenchFault("\(tokens.count) tokens, \(reply.answers.count) answers")
        }
        for answer in reply.answers {
            guard answer.refusal == nil else {
                throw BenchFault("an ack was refused: \(answer.refusal?.name ?? "")")
            }
            ledger.acknowledged(afterNanoseconds: 0)
        }
        tokens.removeAll(keepingCapacity: true)
        try reply.forEachJob { job in
            guard let content = JobContent(trusted: job.content),
                content.payload.count == payloadByteCount,
                let stamp = JobStamp(payload: content.payload)
            else { throw BenchFault("a job came back with another content") }
            ledger.delivered(stamp.number)
            if stamp.number != nextNumber { disorderCount += 1 }
            nextNumber = stamp.number + 1
            tokens.append(job.token)
        }
    }
}
