package import HoldfastModel
package import NIOCore

/// What a broker says of a job.
///
/// ```
///  0 id (10 bytes)
/// 10 u8  state           JobState
/// 11 u8  priority
/// 12 u32 version         deliveries and commanded moves so far
/// 16 u32 attempts
/// 20 u32 interruptions
/// 24 u32 timeouts
/// 28 u32 releases
/// 32 i64 enqueued at     ms since 1970; 0: not known
/// 40 i64 since or until  delayed: when it is due; dead: when it died; ms since 1970; else 0
/// 48 u8 length, reason   why it is dead; else empty
/// ```
package struct JobReport: Hashable, Sendable {
    package var id: JobID
    package var state: JobState
    package var priority: UInt8
    package var version: UInt32
    package var attempts: UInt32
    package var interruptions: UInt32
    package var timeouts: UInt32
    package var releases: UInt32
    package var enqueuedMilliseconds: Int64
    package var stateMilliseconds: Int64
    package var reason: String

    static let byteCountMin = 49

    package init(
        id: JobID, state: JobState, priority: UInt8 = 0, version: UInt32 = 0,
        attempts: UInt32 = 0, interruptions: UInt32 = 0, timeouts: UInt32 = 0,
        releases: UInt32 = 0, enqueuedMilliseconds: Int64 = 0, stateMilliseconds: Int64 = 0,
        reason: String = ""
    ) {
        self.id = id
        self.state = state
        self.priority = priority
        self.version = version
        self.attempts = attempts
        self.interruptions = interruptions
        self.timeouts = timeouts
        self.releases = releases
        self.enqueuedMilliseconds = enqueuedMilliseconds
        self.stateMilliseconds = stateMilliseconds
        self.reason = reason
    }

    init(from reader: inout WireReader) throws(WireFault) {
        id = try reader.jobID()
        let stateByte = try reader.integer(UInt8.self)
        guard let state = JobState(rawValue: stateByte) else {
            throw WireFault(.badRequest, "state \(stateByte) is not known to this client")
        }
        self.state = state
        priority = try reader.integer()
        version = try reader.integer()
        attempts = try reader.integer()
        interruptions = try reader.integer()
        timeouts = try reader.integer()
        releases = try reader.integer()
        enqueuedMilliseconds = try reader.integer()
        stateMilliseconds = try reader.integer()
        reason = try reader.text8()
    }

    func write(into buffer: inout ByteBuffer) {
        buffer.writeID(id)
        buffer.writeMultipleIntegers(
            state.rawValue, priority, version, attempts, interruptions, timeouts, releases,
            enqueuedMilliseconds, stateMilliseconds, endianness: .little)
        buffer.writeShort(cutting: reason)
    }
}

/// The answer to JOB_SHOW.
///
/// ```
/// JobReport
/// u32 attempts at most      the job's or the queue's; 0: not known
/// u32 lease remaining       ms; 0: not leased
/// u8 length, queue
/// u16 length, last error
/// u16 length, checkpoint
/// u32 length, content       JobContent; empty: no longer readable
/// ```
package struct JobShowReply: Hashable, Sendable {
    package var report: JobReport
    package var attemptCountMax: UInt32
    package var leaseRemainingMilliseconds: UInt32
    package var queue: String
    package var lastError: String
    package var checkpoint: [UInt8]
    package var content: [UInt8]

    package init(
        report: JobReport, attemptCountMax: UInt32 = 0, leaseRemainingMilliseconds: UInt32 = 0,
        queue: String, lastError: String = "", checkpoint: [UInt8] = [], content: [UInt8] = []
    ) {
        self.report = report
        self.attemptCountMax = attemptCountMax
        self.leaseRemainingMilliseconds = leaseRemainingMilliseconds
        self.queue = queue
        self.lastError = lastError
        self.checkpoint = checkpoint
        self.content = content
    }

    package init(body: UnsafeRawBufferPointer) throws(WireFault) {
        var reader = WireReader(body)
        report = try JobReport(from: &reader)
        attemptCountMax = try reader.integer()
        leaseRemainingMilliseconds = try reader.integer()
        queue = try reader.text8()
        lastError = try reader.text16()
        checkpoint = Array(try reader.mediumBytes())
        content = Array(try reader.longBytes())
        try reader.end()
    }

    package func write(correlation: UInt32, into buffer: inout ByteBuffer) {
        let frame = FrameWriter(answerTo: .jobShow, correlation: correlation, into: &buffer)
        report.write(into: &buffer)
        buffer.writeMultipleIntegers(
            attemptCountMax, leaseRemainingMilliseconds, endianness: .little)
        buffer.writeShort(cutting: queue)
        buffer.writeMedium(cutting: lastError)
        buffer.writeLittle(UInt16(checkpoint.count))
        buffer.writeBytes(checkpoint)
        buffer.writeLittle(UInt32(content.count))
        buffer.writeBytes(content)
        frame.finish(in: &buffer)
    }
}

/// The answer to JOB_LIST. A page may be empty and yet not be the last.
///
/// ```
/// 0 u64 next           cursor for the next page; 0: this was the last
/// 8 u32 count, count × JobReport
/// ```
package struct JobListReply: Hashable, Sendable {
    /// nil: this was the last page.
    package var next: UInt64?
    package var jobs: [JobReport]

    package init(next: UInt64?, jobs: [JobReport]) {
        self.next = next
        self.jobs = jobs
    }

    package init(body: UnsafeRawBufferPointer) throws(WireFault) {
        var reader = WireReader(body)
        let cursor = try reader.integer(UInt64.self)
        next = cursor == 0 ? nil : cursor
        let count = try reader.itemCount(itemByteCountMin: JobReport.byteCountMin)
        var jobs: [JobReport] = []
        jobs.reserveCapacity(count)
        for _ in 0..<count { jobs.append(try JobReport(from: &reader)) }
        self.jobs = jobs
        try reader.end()
    }

    package func write(correlation: UInt32, into buffer: inout ByteBuffer) {
        let frame = FrameWriter(answerTo: .jobList, correlation: correlation, into: &buffer)
        buffer.writeMultipleIntegers(next ?? 0, UInt32(jobs.count), endianness: .little)
        for job in jobs { job.write(into: &buffer) }
        frame.finish(in: &buffer)
    }
}
