internal import HoldfastModel
internal import HoldfastProtocol

/// Reads frames as a broker and as a client do, to their last fields.
enum FrameTarget {
    /// As many frames as there are, one behind the other.
    static func frame(_ bytes: UnsafeRawBufferPointer) {
        withCopy(bytes) { bytes in
            var rest = bytes
            let limits = AnnouncedLimits()
            do throws(WireFault) {
                while let header = try FrameHeader.parse(
                    rest, lengthMax: limits.frameByteCountMax),
                    header.frameByteCount <= rest.count
                {
                    let body = header.body(of: rest)
                    rest = UnsafeRawBufferPointer(rebasing: rest[header.frameByteCount...])
                    if header.kindByte & 0x80 == 0 {
                        try request(header.requestKind(), body, limits)
                    } else {
                        try reply(header.replyKind(), body)
                    }
                }
            } catch {
                _ = error.message
            }
        }
    }

    static func request(_ bytes: UnsafeRawBufferPointer) {
        guard let kind = bytes.first.flatMap({ RequestKind(rawValue: $0) }) else { return }
        withCopy(UnsafeRawBufferPointer(rebasing: bytes.dropFirst())) { body in
            do throws(WireFault) {
                try request(kind, body, AnnouncedLimits())
            } catch {
                _ = error.message
            }
        }
    }

    /// The kind 0 stands for a refusal.
    static func reply(_ bytes: UnsafeRawBufferPointer) {
        guard let byte = bytes.first else { return }
        let kind: ReplyKind
        if byte == 0 {
            kind = .refusal
        } else if let request = RequestKind(rawValue: byte) {
            kind = .answer(request)
        } else {
            return
        }
        withCopy(UnsafeRawBufferPointer(rebasing: bytes.dropFirst())) { body in
            do throws(WireFault) {
                try reply(kind, body)
            } catch {
                _ = error.message
            }
        }
    }

    /// In memory of exactly that size, so that a read beyond it is a read beyond its allocation.
    private static func withCopy(
        _ bytes: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> Void
    ) {
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 1)
        defer { copy.deallocate() }
        copy.copyMemory(from: bytes)
        body(UnsafeRawBufferPointer(copy))
    }

    /// Every byte is read.
    private static func touch(_ bytes: UnsafeRawBufferPointer) {
        var sum: UInt8 = 0
        for byte in bytes { sum &+= byte }
        blackHole = sum
    }

    nonisolated(unsafe) private static var blackHole: UInt8 = 0

    private static func touch(_ tokens: TokenList) {
        var copy: [LeaseToken] = []
        tokens.copy(into: &copy)
    }

    private static func request(
        _ kind: RequestKind, _ body: UnsafeRawBufferPointer, _ limits: AnnouncedLimits
    ) throws(WireFault) {
        switch kind {
        case .hello: _ = try HelloRequest(body: body).clientName
        case .ping, .goodbye, .status: try EmptyFrame.check(body)
        case .enqueue:
            let request = try EnqueueRequest(body: body, limits: limits)
            touch(request.queue)
            var jobs = request.makeIterator()
            var count = 0
            while let job = jobs.next() {
                count += 1
                guard let content = JobContent(trusted: job.content) else {
                    preconditionFailure("a checked content can be read")
                }
                touch(content.kind)
                touch(content.payload)
                _ = JobContent.forEachHeader(content.headers) { name, value in
                    touch(name)
                    touch(value)
                }
            }
            precondition(count == request.count, "as many jobs as announced")
        case .lease: touch(try LeaseRequest(body: body, limits: limits).queue)
        case .ackLease:
            let request = try AckLeaseRequest(body: body, limits: limits)
            touch(request.tokens)
            touch(request.queue)
        case .ack, .release: touch(try TokenRequest(body: body, limits: limits).tokens)
        case .nack:
            let request = try NackRequest(body: body, limits: limits)
            touch(request.error)
            touch(request.tokens)
        case .reject:
            let request = try RejectRequest(body: body, limits: limits)
            touch(request.reason)
            touch(request.tokens)
        case .extend: touch(try ExtendRequest(body: body, limits: limits).tokens)
        case .heartbeat:
            let request = try HeartbeatRequest(body: body, limits: limits)
            var items = request.makeIterator()
            var count = 0
            while let item = items.next() {
                count += 1
                if let checkpoint = item.checkpoint { touch(checkpoint) }
            }
            precondition(count == request.count, "as many leases as announced")
        case .cancelWait: _ = try CancelWaitRequest(body: body)
        case .jobShow: _ = try JobShowRequest(body: body)
        case .jobList: touch(try JobListRequest(body: body, limits: limits).queue)
        case .jobCancel: _ = try JobCancelRequest(body: body, limits: limits).ids.copy()
        case .redrive:
            switch try RedriveRequest(body: body, limits: limits) {
            case .jobs(let ids): _ = ids.copy()
            case .queue(let name, _): touch(name)
            }
        case .queueCreate, .queueSet: touch(try QueuePolicyRequest(body: body).queue)
        case .queueDelete, .queueShow: touch(try QueueNameRequest(body: body).queue)
        case .queueList: _ = try QueueListRequest(body: body, limits: limits).after
        }
    }

    private static func reply(
        _ kind: ReplyKind, _ body: UnsafeRawBufferPointer
    ) throws(WireFault) {
        switch kind {
        case .refusal: _ = try RefusalReply(body: body).message
        case .answer(let request):
            switch request {
            case .hello: _ = try HelloReply(body: body)
            case .ping, .goodbye, .cancelWait, .queueSet, .queueDelete: try EmptyFrame.check(body)
            case .enqueue: _ = try EnqueueReply(body: body)
            case .lease, .ackLease:
                let reply = try LeaseReply(to: request, body: body)
                var count = 0
                reply.forEachJob { job in
                    count += 1
                    touch(job.checkpoint)
                    touch(job.content)
                }
                precondition(count == reply.count, "as many jobs as announced")
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
    }
}
