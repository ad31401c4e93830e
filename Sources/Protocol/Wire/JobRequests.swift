package import HoldfastModel
package import NIOCore

/// JOB_SHOW.
///
/// ```
/// 0 id (10 bytes)
/// ```
package struct JobShowRequest {
    package let id: JobID

    package init(body: UnsafeRawBufferPointer) throws(WireFault) {
        var reader = WireReader(body)
        id = try reader.jobID()
        try reader.end()
    }

    package static func write(correlation: UInt32, id: JobID, into buffer: inout ByteBuffer) {
        let frame = FrameWriter(.jobShow, correlation: correlation, into: &buffer)
        buffer.writeID(id)
        frame.finish(in: &buffer)
    }
}

/// JOB_LIST.
///
/// ```
///  0 u8  state          1 ready, 2 delayed, 3 leased, 4 dead; 0: all
///  1 reserved           3 bytes, 0
///  4 u32 limit          jobs at most
///  8 u64 after          cursor; 0: from the first
/// 16 u8 length, queue
/// ```
package struct JobListRequest {
    /// nil: all.
    package let state: JobState?
    package let limit: Int
    package let after: UInt64
    package let queue: UnsafeRawBufferPointer

    package init(body: UnsafeRawBufferPointer, limits: AnnouncedLimits) throws(WireFault) {
        var reader = WireReader(body)
        let stateByte = try reader.integer(UInt8.self)
        let state = JobState(rawValue: stateByte)
        guard stateByte == 0 || state != nil, state != .done else {
            throw WireFault(.badArgument, "jobs are listed by state 0 to 4, not \(stateByte)")
        }
        self.state = state
        try reader.reserved(3)
        limit = Int(try reader.integer(UInt32.self))
        try limits.checkItemCount(limit, "jobs")
        after = try reader.integer()
        queue = try reader.name()
        try reader.end()
    }

    package static func write(
        correlation: UInt32, queue: String, state: JobState?, limit: Int, after: UInt64,
        into buffer: inout ByteBuffer
    ) {
        let frame = FrameWriter(.jobList, correlation: correlation, into: &buffer)
        buffer.writeMultipleIntegers(
            state?.rawValue ?? 0, UInt8(0), UInt16(0), UInt32(limit), after, endianness: .little)
        buffer.writeShort(queue)
        frame.finish(in: &buffer)
    }
}

/// The ids of a request, read in place: 10 bytes each.
package struct IDList {
    private let bytes: UnsafeRawBufferPointer

    init(_ bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes
    }

    package var count: Int { bytes.count / JobID.byteCount }

    package subscript(index: Int) -> JobID {
        precondition(index >= 0 && index < count, "an id beyond the list's end")
        let offset = index * JobID.byteCount
        return JobID(
            lsn: UInt64(
                littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)),
            check: UInt16(
                littleEndian: bytes.loadUnaligned(fromByteOffset: offset + 8, as: UInt16.self)))
    }

    package func copy() -> [JobID] { (0..<count).map { self[$0] } }
}

/// JOB_CANCEL.
///
/// ```
/// 0 u32 count
/// 4 count × id (10 bytes)
/// ```
package struct JobCancelRequest {
    package let ids: IDList

    package init(body: UnsafeRawBufferPointer, limits: AnnouncedLimits) throws(WireFault) {
        var reader = WireReader(body)
        ids = try reader.ids(limits: limits)
        try reader.end()
    }

    package static func write(
        correlation: UInt32, ids: [JobID], into buffer: inout ByteBuffer
    ) {
        let frame = FrameWriter(.jobCancel, correlation: correlation, into: &buffer)
        buffer.writeLittle(UInt32(ids.count))
        buffer.writeIDs(ids)
        frame.finish(in: &buffer)
    }
}

/// REDRIVE: of named jobs, or of the oldest dead jobs of a queue.
///
/// ```
/// 0 u8 form            0 named jobs, 1 a queue
/// 1 reserved           3 bytes, 0
/// form 0:                          form 1:
/// 4 u32 count                      4 u32 limit          jobs at most
/// 8 count × id (10 bytes)          8 u8 length, queue
/// ```
package enum RedriveRequest {
    case jobs(IDList)
    case queue(name: UnsafeRawBufferPointer, limit: Int)

    package init(body: UnsafeRawBufferPointer, limits: AnnouncedLimits) throws(WireFault) {
        var reader = WireReader(body)
        let form = try reader.integer(UInt8.self)
        try reader.reserved(3)
        switch form {
        case 0: self = .jobs(try reader.ids(limits: limits))
        case 1:
            let limit = Int(try reader.integer(UInt32.self))
            try limits.checkItemCount(limit, "jobs")
            self = .queue(name: try reader.name(), limit: limit)
        default: throw WireFault(.badRequest, "a redrive has form 0 or 1")
        }
        try reader.end()
    }

    package static func write(
        correlation: UInt32, ids: [JobID], into buffer: inout ByteBuffer
    ) {
        let frame = FrameWriter(.redrive, correlation: correlation, into: &buffer)
        buffer.writeMultipleIntegers(UInt32(0), UInt32(ids.count), endianness: .little)
        buffer.writeIDs(ids)
        frame.finish(in: &buffer)
    }

    package static func write(
        correlation: UInt32, queue: String, limit: Int, into buffer: inout ByteBuffer
    ) {
        let frame = FrameWriter(.redrive, correlation: correlation, into: &buffer)
        buffer.writeMultipleIntegers(UInt32(1), UInt32(limit), endianness: .little)
        buffer.writeShort(queue)
        frame.finish(in: &buffer)
    }
}

/// The answer to REDRIVE.
///
/// ```
/// 0 u32 redriven       jobs that are ready again
/// 4 u32 count, count × ItemAnswer     one for each named job; 0 for a queue
/// ```
package struct RedriveReply {
    package let redrivenCount: Int
    package let answers: [ItemAnswer]

    package init(body: UnsafeRawBufferPointer) throws(WireFault) {
        var reader = WireReader(body)
        redrivenCount = Int(try reader.integer(UInt32.self))
        answers = try reader.itemAnswers()
        try reader.end()
    }

    package static func write(
        correlation: UInt32, redrivenCount: Int, answers: some Collection<ItemAnswer>,
        into buffer: inout ByteBuffer
    ) {
        let frame = FrameWriter(answerTo: .redrive, correlation: correlation, into: &buffer)
        buffer.writeLittle(UInt32(redrivenCount))
        buffer.writeAnswers(Array(answers))
        frame.finish(in: &buffer)
    }
}

extension WireReader {
    mutating func ids(limits: AnnouncedLimits) throws(WireFault) -> IDList {
        let count = Int(try integer(UInt32.self))
        try limits.checkItemCount(count, "ids")
        return IDList(try raw(count * JobID.byteCount))
    }
}
