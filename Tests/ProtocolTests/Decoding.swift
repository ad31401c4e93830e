import HoldfastModel
import HoldfastProtocol

/// Reads a frame as a broker or as a client would, to its last field.
///
/// - Returns: what a request says, in words; nil where the frame is not whole yet.
func decode(
    _ bytes: [UInt8], limits: AnnouncedLimits = AnnouncedLimits()
) throws(WireFault)
    -> String?
{
    // A buffer of exactly this size, so that a read beyond it is a read beyond its allocation.
    let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 1)
    defer { copy.deallocate() }
    copy.copyBytes(from: bytes)
    let frame = UnsafeRawBufferPointer(copy)
    guard let header = try FrameHeader.parse(frame, lengthMax: limits.frameByteCountMax),
        header.frameByteCount <= frame.count
    else { return nil }
    let body = header.body(of: frame)
    if header.kindByte & 0x80 == 0 {
        return try decodeRequest(header.requestKind(), body, limits)
    }
    return try decodeReply(header.replyKind(), body)
}

private func decodeRequest(
    _ kind: RequestKind, _ body: UnsafeRawBufferPointer, _ limits: AnnouncedLimits
) throws(WireFault) -> String {
    switch kind {
    case .hello:
        let request = try HelloRequest(body: body)
        return "hello \(request.producer == nil ? "-" : "producer") \(request.clientName)"
    case .ping, .goodbye, .status:
        try EmptyFrame.check(body)
        return "\(kind)"
    case .enqueue:
        let request = try EnqueueRequest(body: body, limits: limits)
        var text = "enqueue \(request.sequence) \(string(request.queue))"
        var jobs = request.makeIterator()
        var count = 0
        while let job = jobs.next() {
            count += 1
            text += " [\(job.priority) \(job.attemptCountMax) \(job.delayMilliseconds)"
            guard let content = JobContent(trusted: job.content) else {
                fatalError("a checked content cannot be read")
            }
            text += " \(string(content.kind))"
            _ = JobContent.forEachHeader(content.headers) { name, value in
                text += " \(string(name))=\(string(value))"
            }
            text += " \(string(content.payload))]"
        }
        precondition(count == request.count, "as many jobs as announced")
        return text
    case .lease:
        let request = try LeaseRequest(body: body, limits: limits)
        return "lease \(words(request.order)) \(string(request.queue))"
    case .ackLease:
        let request = try AckLeaseRequest(body: body, limits: limits)
        return "ackLease \(words(request.tokens)) \(words(request.order)) "
            + string(request.queue)
    case .ack, .release:
        return "\(kind) " + words(try TokenRequest(body: body, limits: limits).tokens)
    case .nack:
        let request = try NackRequest(body: body, limits: limits)
        return "nack \(request.delayMilliseconds.map(String.init) ?? "-") "
            + "\(string(request.error)) \(words(request.tokens))"
    case .reject:
        let request = try RejectRequest(body: body, limits: limits)
        return "reject \(string(request.reason)) \(words(request.tokens))"
    case .extend:
        let request = try ExtendRequest(body: body, limits: limits)
        return "extend \(request.durationMilliseconds) \(words(request.tokens))"
    case .heartbeat:
        let request = try HeartbeatRequest(body: body, limits: limits)
        var text = "heartbeat \(request.durationMilliseconds)"
        var items = request.makeIterator()
        var count = 0
        while let item = items.next() {
            count += 1
            text += " \(item.token):\(item.checkpoint.map { "\(Array($0))" } ?? "-")"
        }
        precondition(count == request.count, "as many leases as announced")
        return text
    case .cancelWait:
        return "cancelWait \(try CancelWaitRequest(body: body).waiting)"
    case .jobShow:
        return "jobShow \(try JobShowRequest(body: body).id)"
    case .jobList:
        let request = try JobListRequest(body: body, limits: limits)
        return "jobList \(request.state?.name ?? "-") \(request.limit) \(request.after) "
            + string(request.queue)
    case .jobCancel:
        return "jobCancel \(try JobCancelRequest(body: body, limits: limits).ids.copy())"
    case .redrive:
        switch try RedriveRequest(body: body, limits: limits) {
        case .jobs(let ids): return "redrive \(ids.copy())"
        case .queue(let name, let limit): return "redrive \(string(name)) \(limit)"
        }
    case .queueCreate, .queueSet:
        let request = try QueuePolicyRequest(body: body)
        return "\(kind) \(request.policy) \(string(request.queue))"
    case .queueDelete, .queueShow:
        return "\(kind) \(string(try QueueNameRequest(body: body).queue))"
    case .queueList:
        let request = try QueueListRequest(body: body, limits: limits)
        return "queueList \(request.limit) \(request.after ?? "-")"
    }
}

/// Replies are read only: what is in them has tests of its own.
private func decodeReply(
    _ kind: ReplyKind, _ body: UnsafeRawBufferPointer
) throws(WireFault) -> String {
    switch kind {
    case .refusal: _ = try RefusalReply(body: body)
    case .answer(let request):
        switch request {
        case .hello: _ = try HelloReply(body: body)
        case .ping, .goodbye, .cancelWait, .queueSet, .queueDelete: try EmptyFrame.check(body)
        case .enqueue: _ = try EnqueueReply(body: body)
        case .lease, .ackLease:
            let reply = try LeaseReply(to: request, body: body)
            var count = 0
            var sum: UInt64 = 0
            reply.forEachJob { job in
                count += 1
                for byte in job.checkpoint { sum &+= UInt64(byte) }
                for byte in job.content { sum &+= UInt64(byte) }
            }
            precondition(count == reply.count, "as many jobs as announced")
            return "\(sum)"
        case .ack, .nack, .release, .reject, .extend, .heartbeat, .jobCancel:
            _ = try ItemsReply(body: body)
        case .jobShow: _ = try JobShowReply(body: body)
        case .jobList: _ = try JobListReply(body: body)
        case .redrive: _ = try RedriveReply(body: body)
        case .queueCreate: _ = try QueueCreateReply(body: body)
        case .queueShow: _ = try QueueReport(body: body)
        case .queueList: _ = try QueueListReply(body: body)
        case .status: _ = try StatusReply(body: body)
        }
    }
    return "reply"
}

private func string(_ bytes: UnsafeRawBufferPointer) -> String {
    String(decoding: bytes, as: UTF8.self)
}

private func words(_ order: LeaseOrder) -> String {
    "\(order.count) \(order.waitMilliseconds) \(order.durationMilliseconds)"
}

private func words(_ tokens: TokenList) -> String {
    var copy: [LeaseToken] = []
    tokens.copy(into: &copy)
    return "\(copy)"
}
