internal import HoldfastModel
internal import HoldfastProtocol
internal import NIOCore

/// Cuts what arrives on a connection into frames. Holds at most one unfinished frame and one read.
struct FrameAccumulator {
    private var buffer = ByteBuffer()
    var frameLengthMax = Limits.frameByteCountMax

    mutating func append(_ bytes: ByteBuffer) {
        var bytes = bytes
        if buffer.readableBytes == 0 {
            buffer = bytes
        } else {
            buffer.discardReadBytes()
            buffer.writeBuffer(&bytes)
        }
    }

    /// The next whole frame; nil until more has arrived.
    mutating func next() throws(WireFault) -> (header: FrameHeader, body: ByteBuffer)? {
        let lengthMax = frameLengthMax
        guard
            let header = try buffer.withReadable({ (bytes) throws(WireFault) in
                try FrameHeader.parse(bytes, lengthMax: lengthMax)
            }), buffer.readableBytes >= header.frameByteCount
        else { return nil }
        buffer.moveReaderIndex(forwardBy: FrameFormat.headerByteCount)
        guard let body = buffer.readSlice(length: header.bodyByteCount) else { return nil }
        return (header, body)
    }

    /// As `next`, without taking a reference of the bytes.
    mutating func withNext(
        _ body: (FrameHeader, UnsafeRawBufferPointer) -> Void
    ) throws(WireFault) -> Bool {
        let lengthMax = frameLengthMax
        let byteCount = try buffer.withReadable { (bytes) throws(WireFault) -> Int? in
            guard let header = try FrameHeader.parse(bytes, lengthMax: lengthMax),
                bytes.count >= header.frameByteCount
            else { return nil }
            body(header, header.body(of: bytes))
            return header.frameByteCount
        }
        guard let byteCount else { return false }
        buffer.moveReaderIndex(forwardBy: byteCount)
        return true
    }
}
