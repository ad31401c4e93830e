internal import HoldfastProtocol
internal import NIOCore

/// Cuts whole frames out of what arrives; copies only what arrived in pieces.
struct FrameCutter {
    private var rest: ByteBuffer?

    /// Calls `body` with each whole frame's header and body, which are valid during the call.
    mutating func cut(
        _ arrived: ByteBuffer, _ body: (FrameHeader, UnsafeRawBufferPointer) throws -> Void
    ) throws {
        var buffer = arrived
        if var joined = rest {
            rest = nil
            joined.writeBuffer(&buffer)
            buffer = joined
        }
        let usedByteCount = try buffer.withUnsafeReadableBytes { bytes in
            var offset = 0
            while offset < bytes.count {
                let frame = UnsafeRawBufferPointer(rebasing: bytes[offset...])
                guard let header = try FrameHeader.parse(frame, lengthMax: 64 << 20),
                    frame.count >= header.frameByteCount
                else { break }
                try body(header, header.body(of: frame))
                offset += header.frameByteCount
            }
            return offset
        }
        buffer.moveReaderIndex(forwardBy: usedByteCount)
        if buffer.readableBytes > 0 { rest = buffer }
    }
}
