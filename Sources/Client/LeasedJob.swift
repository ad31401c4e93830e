public import HoldfastModel
internal import HoldfastProtocol
internal import NIOCore

/// A job that this client owns until its lease ends.
public struct LeasedJob: Sendable, Identifiable {
    public let id: JobID
    /// Needed to finish the job.
    public let token: LeaseToken
    /// The number of this attempt, from 1.
    public let attempt: Int
    /// Leases so far that ended while their worker was not connected.
    public let interruptions: Int
    /// Leases so far that ended while their worker was connected.
    public let timeouts: Int
    /// Times so far that a worker gave the job back.
    public let releases: Int
    public let priority: UInt8
    /// By the broker's clock, in milliseconds since 1970.
    public let enqueuedAtMilliseconds: Int64
    /// How long the lease lasts without a heartbeat.
    public let leaseDuration: Duration
    /// What an earlier attempt saved of its progress; empty where none did.
    public let checkpoint: [UInt8]
    public let body: JobBody

    /// Empty where the job has none.
    public var kind: String { body.kind }
    public var headers: [JobHeader] { body.headers }

    /// The payload, decompressed.
    ///
    /// - Throws: `BrokerClientError.Code.payloadUnreadable`.
    public var payload: [UInt8] { get throws { try body.payload } }

    /// The payload as the parameters that were enqueued.
    ///
    /// - Throws: `BrokerClientError.Code.payloadUnreadable`, or what decoding JSON throws.
    public func decode<Parameters: Decodable>(_ type: Parameters.Type) throws -> Parameters {
        try body.decode(type)
    }

    init(_ job: DeliveredJob, payloadByteCountMax: Int) throws(WireFault) {
        guard let body = JobBody(job.content, payloadByteCountMax: payloadByteCountMax) else {
            throw WireFault(.badRequest, "the content of job \(job.id) cannot be read")
        }
        id = job.id
        token = job.token
        attempt = Int(job.attempt)
        interruptions = Int(job.interruptions)
        timeouts = Int(job.timeouts)
        releases = Int(job.releases)
        priority = job.priority
        enqueuedAtMilliseconds = job.enqueuedMilliseconds
        leaseDuration = .milliseconds(job.durationMilliseconds)
        checkpoint = Array(job.checkpoint)
        self.body = body
    }

    /// Reads the answer to a LEASE or an ACK_LEASE.
    static func read(
        to request: RequestKind, _ reply: ByteBuffer, payloadByteCountMax: Int
    ) throws(WireFault) -> (results: [LeaseResult], jobs: [LeasedJob]) {
        try reply.withReadable { (bytes) throws(WireFault) in
            let reply = try LeaseReply(to: request, body: bytes)
            var jobs: [LeasedJob] = []
            jobs.reserveCapacity(reply.count)
            try reply.forEachJob { (job) throws(WireFault) in
                jobs.append(try LeasedJob(job, payloadByteCountMax: payloadByteCountMax))
            }
            return (reply.answers.map(LeaseResult.init), jobs)
        }
    }
}

extension ByteBuffer {
    /// The readable bytes; with the error's type kept.
    func withReadable<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let outcome: Swift.Result<Result, Failure> = withUnsafeReadableBytes { bytes in
            do throws(Failure) {
                return .success(try body(bytes))
            } catch {
                return .failure(error)
            }
        }
        return try outcome.get()
    }
}
