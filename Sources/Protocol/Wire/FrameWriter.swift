internal import HoldfastModel
package import NIOCore

/// Begins a frame in a buffer and patches its length when the body is complete.
///
/// Between begin and finish the buffer must only be appended to.
struct FrameWriter {
    private let start: Int

    init(kindByte: UInt8, correlation: UInt32, into buffer: inout ByteBuffer) {
        start = buffer.writerIndex
        buffer.writeMultipleIntegers(
            UInt32(0), kindByte, UInt8(0), UInt16(0), correlation, endianness: .little)
    }

    init(_ kind: RequestKind, correlation: UInt32, into buffer: inout ByteBuffer) {
        self.init(kindByte: kind.rawValue, correlation: correlation, into: &buffer)
    }

    init(answerTo kind: RequestKind, correlation: UInt32, into buffer: inout ByteBuffer) {
        self.init(
            kindByte: ReplyKind.answer(kind).rawValue, correlation: correlation, into: &buffer)
    }

    func byteCount(in buffer: ByteBuffer) -> Int { buffer.writerIndex - start }

    func finish(in buffer: inout ByteBuffer) {
        let length = buffer.writerIndex - start - FrameFormat.lengthByteCount
        buffer.setInteger(UInt32(length), at: start, endianness: .little)
    }
}

/// Requests and replies that are a kind and nothing more.
package enum EmptyFrame {
    /// PING, GOODBYE, STATUS.
    package static func write(
        _ request: RequestKind, correlation: UInt32, into buffer: inout ByteBuffer
    ) {
        FrameWriter(request, correlation: correlation, into: &buffer).finish(in: &buffer)
    }

    /// The answers to PING, GOODBYE, CANCEL_WAIT, QUEUE_SET, QUEUE_DELETE.
    package static func writeAnswer(
        to request: RequestKind, correlation: UInt32, into buffer: inout ByteBuffer
    ) {
        FrameWriter(answerTo: request, correlation: correlation, into: &buffer)
            .finish(in: &buffer)
    }

    package static func check(_ body: UnsafeRawBufferPointer) throws(WireFault) {
        guard body.isEmpty else { throw .tooLong }
    }
}

extension JobID {
    @inline(__always)
    func store(into target: UnsafeMutableRawBufferPointer, at offset: Int) {
        target.storeBytes(of: lsn.littleEndian, toByteOffset: offset, as: UInt64.self)
        target.storeBytes(of: check.littleEndian, toByteOffset: offset + 8, as: UInt16.self)
    }
}

extension ByteBuffer {
    mutating func writeLittle(_ value: some FixedWidthInteger) {
        writeInteger(value, endianness: .little)
    }

    /// `u8 length, bytes`; what exceeds 255 bytes is the caller's mistake.
    mutating func writeShort(_ text: String) {
        writeLittle(UInt8(text.utf8.count))
        writeString(text)
    }

    /// `u8 length, bytes`, cut off at 255 bytes: for texts that are shown only.
    mutating func writeShort(cutting text: String) {
        writeBytesCutting(text, byteCountMax: Int(UInt8.max)) { $0.writeLittle(UInt8($1)) }
    }

    /// `u16 length, bytes`, cut off at 65,535 bytes: for texts that are shown only.
    mutating func writeMedium(cutting text: String) {
        writeBytesCutting(text, byteCountMax: Int(UInt16.max)) { $0.writeLittle(UInt16($1)) }
    }

    private mutating func writeBytesCutting(
        _ text: String, byteCountMax: Int, length: (inout ByteBuffer, Int) -> Void
    ) {
        guard text.utf8.count > byteCountMax else {
            length(&self, text.utf8.count)
            writeString(text)
            return
        }
        length(&self, byteCountMax)
        writeBytes(text.utf8.prefix(byteCountMax))
    }

    mutating func writeMedium(_ bytes: UnsafeRawBufferPointer) {
        writeLittle(UInt16(bytes.count))
        writeBytes(bytes)
    }

    mutating func writeID(_ id: JobID) {
        writeMultipleIntegers(id.lsn, id.check, endianness: .little)
    }

    mutating func writeToken(_ token: LeaseToken) {
        writeMultipleIntegers(token.lsn, token.version, token.check, endianness: .little)
    }

    mutating func writeTokens(_ tokens: [LeaseToken]) {
        writeItems(tokens, byteCount: LeaseToken.byteCount) { token, target, offset in
            target.storeBytes(of: token.lsn.littleEndian, toByteOffset: offset, as: UInt64.self)
            target.storeBytes(
                of: token.version.littleEndian, toByteOffset: offset + 8, as: UInt32.self)
            target.storeBytes(
                of: token.check.littleEndian, toByteOffset: offset + 12, as: UInt32.self)
        }
    }

    mutating func writeIDs(_ ids: [JobID]) {
        writeItems(ids, byteCount: JobID.byteCount) { id, target, offset in
            id.store(into: target, at: offset)
        }
    }

    /// Many items of one length with one reservation: a write each costs ten times as much.
    @inline(__always)
    mutating func writeItems<Item>(
        _ items: [Item], byteCount: Int,
        _ store: (Item, UnsafeMutableRawBufferPointer, _ offset: Int) -> Void
    ) {
        writeWithUnsafeMutableBytes(minimumWritableBytes: items.count * byteCount) { target in
            var offset = 0
            for item in items {
                store(item, target, offset)
                offset += byteCount
            }
            return offset
        }
    }
}
