package import HoldfastModel
public import NIOCore

/// What became of one item of a request that names many: of a token or an id.
///
/// ```
/// 0 u16 code           0 done, else RefusalCode: the item had no effect
/// 2 u8  flags          1 late, 2 duplicate, 4 stop
/// 3 u8  reserved       0
/// 4 u32 remaining      ms of the lease from now, for EXTEND and HEARTBEAT; else 0
/// ```
@usableFromInline
package struct ItemAnswer: Hashable, Sendable {
    /// nil: done.
    package var refusal: RefusalCode?
    /// The lease had expired, but nobody else had the job.
    package var isLate: Bool
    /// The same was done before.
    package var isDuplicate: Bool
    /// The worker must stop working at this job.
    package var mustStop: Bool
    package var remainingMilliseconds: UInt32

    package static let byteCount = 8

    package init(
        refusal: RefusalCode? = nil, isLate: Bool = false, isDuplicate: Bool = false,
        mustStop: Bool = false, remainingMilliseconds: UInt32 = 0
    ) {
        self.refusal = refusal
        self.isLate = isLate
        self.isDuplicate = isDuplicate
        self.mustStop = mustStop
        self.remainingMilliseconds = remainingMilliseconds
    }

    init(from reader: inout WireReader) throws(WireFault) {
        let code = try reader.integer(UInt16.self)
        if code != 0 {
            guard let refusal = RefusalCode(rawValue: code) else {
                throw WireFault(.badRequest, "refusal \(code) is not known to this client")
            }
            self.refusal = refusal
        }
        let flags = try reader.integer(UInt8.self)
        guard flags & ~7 == 0 else { throw .reservedBytes }
        isLate = flags & 1 != 0
        isDuplicate = flags & 2 != 0
        mustStop = flags & 4 != 0
        try reader.reserved(1)
        remainingMilliseconds = try reader.integer()
    }

    /// The answer's eight bytes as one little-endian number.
    var bits: UInt64 {
        var flags: UInt64 = 0
        if isLate { flags |= 1 }
        if isDuplicate { flags |= 2 }
        if mustStop { flags |= 4 }
        return UInt64(refusal?.rawValue ?? 0) | flags << 16 | UInt64(remainingMilliseconds) << 32
    }
}

/// The answers to ACK, NACK, RELEASE, REJECT, EXTEND, HEARTBEAT and JOB_CANCEL, in the order of
/// the items.
///
/// ```
/// 0 u32 count
/// 4 count × ItemAnswer (8 bytes)
/// ```
@usableFromInline
package struct ItemsReply {
    package let answers: [ItemAnswer]

    package init(body: UnsafeRawBufferPointer) throws(WireFault) {
        var reader = WireReader(body)
        answers = try reader.itemAnswers()
        try reader.end()
    }

    @usableFromInline
    package static func write(
        to request: RequestKind, correlation: UInt32, answers: [ItemAnswer],
        into buffer: inout ByteBuffer
    ) {
        let frame = FrameWriter(answerTo: request, correlation: correlation, into: &buffer)
        buffer.writeAnswers(answers)
        frame.finish(in: &buffer)
    }

    // Inlinable so that a lazy collection is gone through where its type is known: 360 against
    // 10 ns an answer.
    @inlinable
    package static func write(
        to request: RequestKind, correlation: UInt32, answers: some Collection<ItemAnswer>,
        into buffer: inout ByteBuffer
    ) {
        write(
            to: request, correlation: correlation, answers: Array(answers), into: &buffer)
    }
}

extension WireReader {
    mutating func itemAnswers() throws(WireFault) -> [ItemAnswer] {
        let count = try itemCount(itemByteCountMin: ItemAnswer.byteCount)
        var answers: [ItemAnswer] = []
        answers.reserveCapacity(count)
        for _ in 0..<count { answers.append(try ItemAnswer(from: &self)) }
        return answers
    }
}

extension ByteBuffer {
    mutating func writeAnswers(_ answers: [ItemAnswer]) {
        writeLittle(UInt32(answers.count))
        writeItems(answers, byteCount: ItemAnswer.byteCount) { answer, target, offset in
            target.storeBytes(
                of: answer.bits.littleEndian, toByteOffset: offset, as: UInt64.self)
        }
    }
}
