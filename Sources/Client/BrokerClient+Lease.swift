public import HoldfastModel
internal import HoldfastProtocol
internal import NIOCore

/// A lease and what its job saves of its progress.
public struct LeaseHeartbeat: Hashable, Sendable {
    public var token: LeaseToken
    /// Replaces what was saved before; empty: clears it; nil: leaves it. At most 2,048 bytes.
    public var checkpoint: [UInt8]?

    public init(_ token: LeaseToken, checkpoint: [UInt8]? = nil) {
        self.token = token
        self.checkpoint = checkpoint
    }
}

extension BrokerClient {
    /// Leases jobs that are ready: up to `count`, highest priority first.
    ///
    /// Where the task is cancelled while it waits, the client gives back what still arrives.
    ///
    /// - Parameters:
    ///   - count: at most 1,024.
    ///   - wait: how long to wait for the first job where none is ready; at most five minutes.
    ///   - duration: of the leases, 1 s to 12 h; nil: as the queue's policy says.
    /// - Returns: no jobs where none became ready.
    public func lease(
        from queue: String, count: Int = 1, wait: Duration = .zero, duration: Duration? = nil
    ) async throws -> [LeasedJob] {
        let order = try order(queue, count, wait, duration)
        let body = try await send(.lease, isRepeatable: false, wait: wait) {
            LeaseRequest.write(correlation: 0, order: order, queue: queue, into: &$0)
        }
        return try readJobs(to: .lease, body).jobs
    }

    /// Acknowledges jobs and leases others, in one request and with one answer. The acks are
    /// executed at once, but their results come with the jobs.
    ///
    /// - Returns: results in the order of the tokens, and the jobs.
    public func ackAndLease(
        _ tokens: [LeaseToken], from queue: String, count: Int, wait: Duration = .zero,
        duration: Duration? = nil
    ) async throws -> (results: [LeaseResult], jobs: [LeasedJob]) {
        guard !tokens.isEmpty else {
            return ([], try await lease(from: queue, count: count, wait: wait, duration: duration))
        }
        let order = try order(queue, count, wait, duration)
        let body = try await send(.ackLease, isRepeatable: false, wait: wait) {
            AckLeaseRequest.write(
                correlation: 0, tokens: tokens, order: order, queue: queue, into: &$0)
        }
        let reply = try readJobs(to: .ackLease, body)
        guard reply.results.count == tokens.count else {
            throw violation(WireFault(.badRequest, "as many results as tokens were expected"))
        }
        return reply
    }

    private func order(
        _ queue: String, _ count: Int, _ wait: Duration, _ duration: Duration?
    ) throws(BrokerClientError) -> LeaseOrder {
        try checkName(queue)
        guard (1...Int(UInt32.max)).contains(count) else {
            throw BrokerClientError(.invalidArgument, "a lease is for at least one job")
        }
        return LeaseOrder(
            count: count, waitMilliseconds: UInt32(clamping: wait.milliseconds),
            durationMilliseconds: try leaseMilliseconds(duration))
    }

    private func readJobs(
        to kind: RequestKind, _ body: ByteBuffer
    ) throws(BrokerClientError) -> (results: [LeaseResult], jobs: [LeasedJob]) {
        do throws(WireFault) {
            return try LeasedJob.read(
                to: kind, body, payloadByteCountMax: configuration.payloadByteCountMax)
        } catch {
            throw violation(error)
        }
    }

    // MARK: Finishing

    /// The job is done, for good.
    @discardableResult
    public func ack(_ token: LeaseToken) async throws -> LeaseResult {
        try await ack([token])[0].get(token)
    }

    /// These jobs are done, for good.
    ///
    /// - Returns: results in the order of the tokens.
    public func ack(_ tokens: [LeaseToken]) async throws -> [LeaseResult] {
        try await finish(.ack, tokens, isRepeatable: true) {
            TokenRequest.write(.ack, correlation: 0, tokens: $0, into: &$1)
        }
    }

    /// The job failed and is to be tried again.
    ///
    /// - Parameters:
    ///   - delay: nil: the queue's backoff.
    ///   - error: kept as the job's last error; cut off after 1,024 bytes.
    @discardableResult
    public func nack(
        _ token: LeaseToken, delay: Duration? = nil, error: String = ""
    ) async throws -> LeaseResult {
        try await nack([token], delay: delay, error: error)[0].get(token)
    }

    /// These jobs failed and are to be tried again.
    public func nack(
        _ tokens: [LeaseToken], delay: Duration? = nil, error: String = ""
    ) async throws -> [LeaseResult] {
        try await nack(tokens, delay: delay, error: error, isRepeatable: false)
    }

    /// - Parameter isRepeatable: where a repeat whose first try was executed may be answered
    ///   `lease_lost`.
    func nack(
        _ tokens: [LeaseToken], delay: Duration?, error: String, isRepeatable: Bool
    ) async throws -> [LeaseResult] {
        try await finish(.nack, tokens, isRepeatable: isRepeatable) { tokens, buffer in
            Self.reason(error).withUnsafeBytes { error in
                NackRequest.write(
                    correlation: 0, delayMilliseconds: delay.map { UInt64($0.milliseconds) },
                    error: error, tokens: tokens, into: &buffer)
            }
        }
    }

    /// The job is given back unstarted: it costs no attempt.
    @discardableResult
    public func release(_ token: LeaseToken) async throws -> LeaseResult {
        try await release([token])[0].get(token)
    }

    /// These jobs are given back unstarted.
    public func release(_ tokens: [LeaseToken]) async throws -> [LeaseResult] {
        try await release(tokens, isRepeatable: false)
    }

    func release(_ tokens: [LeaseToken], isRepeatable: Bool) async throws -> [LeaseResult] {
        try await finish(.release, tokens, isRepeatable: isRepeatable) {
            TokenRequest.write(.release, correlation: 0, tokens: $0, into: &$1)
        }
    }

    /// The job is never to be tried again: it goes to dead letter.
    ///
    /// - Parameter reason: cut off after 1,024 bytes.
    @discardableResult
    public func reject(_ token: LeaseToken, reason: String) async throws -> LeaseResult {
        try await reject([token], reason: reason)[0].get(token)
    }

    /// These jobs are never to be tried again.
    public func reject(_ tokens: [LeaseToken], reason: String) async throws -> [LeaseResult] {
        try await reject(tokens, reason: reason, isRepeatable: false)
    }

    func reject(
        _ tokens: [LeaseToken], reason: String, isRepeatable: Bool
    ) async throws -> [LeaseResult] {
        try await finish(.reject, tokens, isRepeatable: isRepeatable) { tokens, buffer in
            Self.reason(reason).withUnsafeBytes { reason in
                RejectRequest.write(correlation: 0, reason: reason, tokens: tokens, into: &buffer)
            }
        }
    }

    // MARK: Keeping

    /// Lengthens a lease, counted from now; never shortens it.
    ///
    /// - Parameter duration: 1 s to 12 h; nil: as the lease was given.
    @discardableResult
    public func extend(
        _ token: LeaseToken, by duration: Duration? = nil
    ) async throws -> LeaseResult {
        try await extend([token], by: duration)[0].get(token)
    }

    /// Lengthens leases, counted from now.
    public func extend(
        _ tokens: [LeaseToken], by duration: Duration? = nil
    ) async throws -> [LeaseResult] {
        let milliseconds = try leaseMilliseconds(duration)
        return try await finish(.extend, tokens, isRepeatable: true) {
            ExtendRequest.write(
                correlation: 0, durationMilliseconds: milliseconds, tokens: $0, into: &$1)
        }
    }

    /// Extends all these leases as they were given, and saves checkpoints, in one message.
    ///
    /// - Returns: results in the order of the leases. One that is refused, or that says `mustStop`,
    ///   orders to cease working at that job.
    public func heartbeat(_ leases: [LeaseHeartbeat]) async throws -> [LeaseResult] {
        let limits = leases.count == 1 ? AnnouncedLimits() : try await limits()
        var results: [LeaseResult] = []
        var start = 0
        while start < leases.count {
            var byteCount = 64
            var end = start
            while end < leases.count, end - start < limits.itemCountMax {
                byteCount += 20 + (leases[end].checkpoint?.count ?? 0)
                if byteCount > limits.frameByteCountMax, end > start { break }
                end += 1
            }
            let slice = leases[start..<end]
            if let tooLong = slice.first(where: { ($0.checkpoint?.count ?? 0) > 0xFFFF }) {
                throw BrokerClientError(
                    .invalidArgument, "the checkpoint of \(tooLong.token) is too long")
            }
            let body = try await send(.heartbeat, isRepeatable: true) { buffer in
                var writer = HeartbeatWriter(correlation: 0, into: &buffer)
                for lease in slice {
                    writer.append(lease.token, checkpoint: lease.checkpoint, into: &buffer)
                }
                writer.finish(in: &buffer)
            }
            results += try readResults(body, count: slice.count)
            start = end
        }
        return results
    }

    // MARK: Parts

    /// Sends tokens in as many requests as the broker asks for.
    private func finish(
        _ kind: RequestKind, _ tokens: [LeaseToken], isRepeatable: Bool,
        _ write: ([LeaseToken], inout ByteBuffer) -> Void
    ) async throws -> [LeaseResult] {
        guard tokens.count > 1 else {
            return tokens.isEmpty
                ? [] : try await finishPart(kind, tokens, isRepeatable: isRepeatable, write)
        }
        let itemCountMax = try await limits().itemCountMax
        var results: [LeaseResult] = []
        for start in stride(from: 0, to: tokens.count, by: itemCountMax) {
            let slice = Array(tokens[start..<min(start + itemCountMax, tokens.count)])
            results += try await finishPart(kind, slice, isRepeatable: isRepeatable, write)
        }
        return results
    }

    private func finishPart(
        _ kind: RequestKind, _ tokens: [LeaseToken], isRepeatable: Bool,
        _ write: ([LeaseToken], inout ByteBuffer) -> Void
    ) async throws -> [LeaseResult] {
        let body = try await send(kind, isRepeatable: isRepeatable) { write(tokens, &$0) }
        return try readResults(body, count: tokens.count)
    }

    func readResults(
        _ body: ByteBuffer, count: Int
    ) throws(BrokerClientError) -> [LeaseResult] {
        let answers = try read(body) { bytes throws(WireFault) in try ItemsReply(body: bytes) }
            .answers
        guard answers.count == count else {
            throw violation(WireFault(.badRequest, "as many results as items were expected"))
        }
        return answers.map(LeaseResult.init)
    }

    /// The text's bytes, cut off between two characters at what the broker takes.
    private static func reason(_ text: String) -> [UInt8] {
        guard text.utf8.count > Limits.reasonByteCountMax else { return Array(text.utf8) }
        var bytes: [UInt8] = []
        for character in text {
            guard bytes.count + character.utf8.count <= Limits.reasonByteCountMax else { break }
            bytes.append(contentsOf: character.utf8)
        }
        return bytes
    }
}
