package import HoldfastModel
package import NIOCore

/// A job as it is handed to a worker, read in place or about to be written.
///
/// ```
///  0 token               u64 lsn, u32 version, u32 check
/// 16 u16 id check        with the lsn: the job's id
/// 18 u8  priority
/// 19 u8  reserved        0
/// 20 u32 attempt         this one's number, from 1
/// 24 u32 interruptions   so far
/// 28 u32 timeouts        so far
/// 32 u32 releases        so far
/// 36 i64 enqueued at     ms since 1970
/// 44 u32 duration        of the lease, ms
/// 48 u16 length          of the checkpoint
/// 50 u16 reserved        0
/// 52 u32 length          of the content
/// 56 checkpoint, content
/// ```
package struct DeliveredJob {
    package var token: LeaseToken
    package var idCheck: UInt16
    package var priority: UInt8
    package var attempt: UInt32
    package var interruptions: UInt32
    package var timeouts: UInt32
    package var releases: UInt32
    package var enqueuedMilliseconds: Int64
    package var durationMilliseconds: UInt32
    /// What an earlier attempt saved; empty where none did.
    package var checkpoint: UnsafeRawBufferPointer
    /// `JobContent`, as the producer laid it out.
    package var content: UnsafeRawBufferPointer

    package var id: JobID { JobID(lsn: token.lsn, check: idCheck) }

    /// What a job takes in a reply beside its checkpoint and its content.
    package static let fixedByteCount = 56

    package init(
        token: LeaseToken, idCheck: UInt16, priority: UInt8, attempt: UInt32,
        interruptions: UInt32, timeouts: UInt32, releases: UInt32, enqueuedMilliseconds: Int64,
        durationMilliseconds: UInt32, checkpoint: UnsafeRawBufferPointer,
        content: UnsafeRawBufferPointer
    ) {
        self.token = token
        self.idCheck = idCheck
        self.priority = priority
        self.attempt = attempt
        self.interruptions = interruptions
        self.timeouts = timeouts
        self.releases = releases
        self.enqueuedMilliseconds = enqueuedMilliseconds
        self.durationMilliseconds = durationMilliseconds
        self.checkpoint = checkpoint
        self.content = content
    }

    init(from reader: inout WireReader) throws(WireFault) {
        token = try reader.leaseToken()
        idCheck = try reader.integer()
        priority = try reader.integer()
        try reader.reserved(1)
        attempt = try reader.integer()
        interruptions = try reader.integer()
        timeouts = try reader.integer()
        releases = try reader.integer()
        enqueuedMilliseconds = try reader.integer()
        durationMilliseconds = try reader.integer()
        let checkpointByteCount = Int(try reader.integer(UInt16.self))
        try reader.reserved(2)
        let contentByteCount = Int(try reader.integer(UInt32.self))
        checkpoint = try reader.raw(checkpointByteCount)
        content = try reader.raw(contentByteCount)
    }

    /// The bytes that the job takes in a reply.
    package var byteCount: Int { Self.fixedByteCount + checkpoint.count + content.count }

    func write(into buffer: inout ByteBuffer) {
        // One reservation for the whole job: this is the longest thing a broker writes.
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: byteCount) { target in
            func store<Value: FixedWidthInteger & BitwiseCopyable>(_ value: Value, _ offset: Int) {
                target.storeBytes(of: value.littleEndian, toByteOffset: offset, as: Value.self)
            }
            store(token.lsn, 0)
            store(token.version, 8)
            store(token.check, 12)
            store(idCheck, 16)
            store(priority, 18)
            store(UInt8(0), 19)
            store(attempt, 20)
            store(interruptions, 24)
            store(timeouts, 28)
            store(releases, 32)
            store(enqueuedMilliseconds, 36)
            store(durationMilliseconds, 44)
            store(UInt16(checkpoint.count), 48)
            store(UInt16(0), 50)
            store(UInt32(content.count), 52)
            let rest = UnsafeMutableRawBufferPointer(rebasing: target[Self.fixedByteCount...])
            rest.copyMemory(from: checkpoint)
            UnsafeMutableRawBufferPointer(rebasing: rest[checkpoint.count...])
                .copyMemory(from: content)
            return byteCount
        }
    }
}

/// Lays out the answer to LEASE or ACK_LEASE job by job.
///
/// Between `init` and `finish` the buffer must only be appended to.
package struct LeaseReplyWriter {
    private let frame: FrameWriter
    private let countIndex: Int
    package private(set) var count = 0

    /// Begins the answer to a LEASE.
    package init(correlation: UInt32, into buffer: inout ByteBuffer) {
        frame = FrameWriter(answerTo: .lease, correlation: correlation, into: &buffer)
        countIndex = buffer.writerIndex
        buffer.writeLittle(UInt32(0))
    }

    /// Begins the answer to an ACK_LEASE.
    package init(
        correlation: UInt32, answers: [ItemAnswer], into buffer: inout ByteBuffer
    ) {
        frame = FrameWriter(answerTo: .ackLease, correlation: correlation, into: &buffer)
        buffer.writeAnswers(answers)
        countIndex = buffer.writerIndex
        buffer.writeLittle(UInt32(0))
    }

    /// What the length field would say if the frame ended here. With the next job's `byteCount` it
    /// must stay within `AnnouncedLimits.frameByteCountMax`.
    package func length(in buffer: ByteBuffer) -> Int {
        frame.byteCount(in: buffer) - FrameFormat.lengthByteCount
    }

    package mutating func append(_ job: DeliveredJob, into buffer: inout ByteBuffer) {
        job.write(into: &buffer)
        count += 1
    }

    package func finish(in buffer: inout ByteBuffer) {
        buffer.setInteger(UInt32(count), at: countIndex, endianness: .little)
        frame.finish(in: &buffer)
    }
}

/// The answer to LEASE or ACK_LEASE, read in place.
///
/// ```
/// [u32 count, count × ItemAnswer]     ACK_LEASE only
/// u32 count, count × DeliveredJob
/// ```
package struct LeaseReply {
    /// Of the acknowledged tokens; empty for LEASE.
    package let answers: [ItemAnswer]
    package let count: Int
    private let jobs: UnsafeRawBufferPointer

    /// Checks that all jobs are there; their contents are checked by who reads them.
    ///
    /// - Parameter request: `.lease` or `.ackLease`.
    package init(to request: RequestKind, body: UnsafeRawBufferPointer) throws(WireFault) {
        var reader = WireReader(body)
        answers = request == .ackLease ? try reader.itemAnswers() : []
        count = try reader.itemCount(itemByteCountMin: DeliveredJob.fixedByteCount)
        let remaining = reader.remainingByteCount
        jobs = try reader.raw(remaining)
        var jobReader = WireReader(jobs)
        for _ in 0..<count { _ = try DeliveredJob(from: &jobReader) }
        try jobReader.end()
    }

    /// Calls `body` for each job in order; the views are valid as long as the reply's bytes are.
    package func forEachJob<Failure: Error>(
        _ body: (DeliveredJob) throws(Failure) -> Void
    ) throws(Failure) {
        var reader = WireReader(jobs)
        for _ in 0..<count {
            // Read once before, so it cannot fail now.
            guard let job = try? DeliveredJob(from: &reader) else { return }
            try body(job)
        }
    }
}
