package import HoldfastModel
package import NIOCore

/// ENQUEUE, read in place: one or more jobs for one queue, all of them or none.
///
/// ```
///  0 u64 sequence       of the producer; 0: not repeatable
///  8 u32 count          jobs
/// 12 u8 length, queue
///    per job:
///     0 u32 content length
///     4 u16 options     0
///     6 u8  priority
///     7 u8  reserved    0
///     8 u32 attempts    at most; 0: as the queue says
///    12 u64 delay       ms
///    20 content         JobContent
/// ```
package struct EnqueueRequest {
    package let sequence: UInt64
    package let count: Int
    /// Checked by `Name`.
    package let queue: UnsafeRawBufferPointer
    private let jobs: UnsafeRawBufferPointer

    static let jobFixedByteCount = 20
    /// Option bits that later versions will take: tenant, unique key, idempotency key, blob
    /// reference, latest start.
    static let laterOptions: UInt16 = 0b1_1111

    /// Checks the whole request, every job's content included.
    package init(body: UnsafeRawBufferPointer, limits: AnnouncedLimits) throws(WireFault) {
        var reader = WireReader(body)
        sequence = try reader.integer()
        count = Int(try reader.integer(UInt32.self))
        queue = try reader.name()
        try limits.checkItemCount(count, "jobs")
        let remaining = reader.remainingByteCount
        jobs = try reader.raw(remaining)
        var items = WireReader(jobs)
        for _ in 0..<count {
            let contentByteCount = Int(try items.integer(UInt32.self))
            let options = try items.integer(UInt16.self)
            guard options & ~Self.laterOptions == 0 else { throw .reservedBytes }
            guard options == 0 else {
                throw WireFault(
                    .notSupported,
                    "this broker does not know tenants, unique or idempotency keys, "
                        + "blob references and latest starts yet")
            }
            let priority = try items.integer(UInt8.self)
            guard UInt32(priority) <= limits.priorityMax else {
                throw WireFault(
                    .badArgument, "a priority is 0 to \(limits.priorityMax), not \(priority)")
            }
            try items.reserved(1)
            let attemptCountMax = try items.integer(UInt32.self)
            guard attemptCountMax <= limits.attemptCountMax else {
                throw WireFault(
                    .badArgument,
                    "a job has at most \(limits.attemptCountMax) attempts, not \(attemptCountMax)")
            }
            try limits.checkDelay(try items.integer())
            let content = try items.raw(contentByteCount)
            do throws(JobContent.Fault) {
                _ = try JobContent(
                    checking: content, payloadByteCountMax: limits.inlinePayloadByteCountMax)
            } catch {
                throw WireFault(error.code, error.message)
            }
        }
        try items.end()
    }

    package struct Job {
        package let priority: UInt8
        /// 0: as the queue says.
        package let attemptCountMax: UInt32
        package let delayMilliseconds: UInt64
        /// Checked.
        package let content: UnsafeRawBufferPointer
    }

    /// Goes over the jobs of a checked request.
    package struct Iterator: IteratorProtocol {
        private let bytes: UnsafeRawBufferPointer
        private var offset = 0

        init(_ bytes: UnsafeRawBufferPointer) {
            self.bytes = bytes
        }

        package mutating func next() -> Job? {
            guard offset < bytes.count else { return nil }
            let contentByteCount = Int(
                UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self)))
            let contentStart = offset + EnqueueRequest.jobFixedByteCount
            let job = Job(
                priority: bytes[offset + 6],
                attemptCountMax: UInt32(
                    littleEndian: bytes.loadUnaligned(
                        fromByteOffset: offset + 8, as: UInt32.self)),
                delayMilliseconds: UInt64(
                    littleEndian: bytes.loadUnaligned(
                        fromByteOffset: offset + 12, as: UInt64.self)),
                content: UnsafeRawBufferPointer(
                    rebasing: bytes[contentStart..<contentStart + contentByteCount]))
            offset = contentStart + contentByteCount
            return job
        }
    }

    package func makeIterator() -> Iterator { Iterator(jobs) }
}

/// Lays out an ENQUEUE job by job.
package struct EnqueueWriter {
    private let frame: FrameWriter
    private let countIndex: Int
    package private(set) var count = 0

    /// - Parameter queue: a valid `Name`.
    package init(
        correlation: UInt32, sequence: UInt64, queue: String, into buffer: inout ByteBuffer
    ) {
        frame = FrameWriter(.enqueue, correlation: correlation, into: &buffer)
        buffer.writeLittle(sequence)
        countIndex = buffer.writerIndex
        buffer.writeLittle(UInt32(0))
        buffer.writeShort(queue)
    }

    /// - Parameter content: as `JobContent.bytes` lays it out.
    package mutating func append(
        priority: UInt8 = 0, attemptCountMax: UInt32 = 0, delayMilliseconds: UInt64 = 0,
        content: UnsafeRawBufferPointer, into buffer: inout ByteBuffer
    ) {
        buffer.writeMultipleIntegers(
            UInt32(content.count), UInt16(0), priority, UInt8(0), attemptCountMax,
            delayMilliseconds, endianness: .little)
        buffer.writeBytes(content)
        count += 1
    }

    package func finish(in buffer: inout ByteBuffer) {
        buffer.setInteger(UInt32(count), at: countIndex, endianness: .little)
        frame.finish(in: &buffer)
    }
}

/// The answer to ENQUEUE: the ids, in the order of the jobs.
///
/// ```
/// 0 u8  flags      1 duplicate: the request was executed before, these are the ids of then
/// 1 reserved       3 bytes, 0
/// 4 u32 count, count × id (10 bytes)
/// ```
package struct EnqueueReply {
    package let isDuplicate: Bool
    package let ids: [JobID]

    package init(body: UnsafeRawBufferPointer) throws(WireFault) {
        var reader = WireReader(body)
        let flags = try reader.integer(UInt8.self)
        guard flags & ~1 == 0 else { throw .reservedBytes }
        isDuplicate = flags & 1 != 0
        try reader.reserved(3)
        let count = try reader.itemCount(itemByteCountMin: JobID.byteCount)
        var ids: [JobID] = []
        ids.reserveCapacity(count)
        for _ in 0..<count { ids.append(try reader.jobID()) }
        self.ids = ids
        try reader.end()
    }

    /// The ids of one enqueue are the consecutive numbers from `firstLSN`.
    package static func write(
        correlation: UInt32, firstLSN: UInt64, count: Int, key: StoreKey, isDuplicate: Bool,
        into buffer: inout ByteBuffer
    ) {
        let frame = begin(correlation, count, isDuplicate, &buffer)
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: count * JobID.byteCount) {
            for index in 0..<count {
                key.jobID(firstLSN + UInt64(index)).store(into: $0, at: index * JobID.byteCount)
            }
            return count * JobID.byteCount
        }
        frame.finish(in: &buffer)
    }

    package static func write(
        correlation: UInt32, ids: [JobID], isDuplicate: Bool, into buffer: inout ByteBuffer
    ) {
        let frame = begin(correlation, ids.count, isDuplicate, &buffer)
        buffer.writeIDs(ids)
        frame.finish(in: &buffer)
    }

    private static func begin(
        _ correlation: UInt32, _ count: Int, _ isDuplicate: Bool, _ buffer: inout ByteBuffer
    ) -> FrameWriter {
        let frame = FrameWriter(answerTo: .enqueue, correlation: correlation, into: &buffer)
        buffer.writeMultipleIntegers(
            UInt8(isDuplicate ? 1 : 0), UInt8(0), UInt16(0), UInt32(count), endianness: .little)
        return frame
    }
}
