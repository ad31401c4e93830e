internal import HoldfastModel

/// The envelope of everything that is said.
///
/// ```
/// 0 u32 length        bytes that follow this field: 8 + body
/// 4 u8  kind          RequestKind, ReplyKind
/// 5 u8  flags         0
/// 6 u16 reserved      0
/// 8 u32 correlation   chosen by the client, returned in the reply
/// 12 body
/// ```
/// Integers are little-endian.
package enum FrameFormat {
    package static let headerByteCount = 12
    package static let lengthByteCount = 4
    /// What the length counts beside the body.
    package static let countedHeaderByteCount = headerByteCount - lengthByteCount
    /// The longest length before the greeting has been accepted.
    package static let greetingLengthMax = 1_024
}

/// The first twelve bytes of a frame.
package struct FrameHeader: Hashable, Sendable {
    /// As sent: `RequestKind` or `ReplyKind` make sense of it.
    package let kindByte: UInt8
    package let flags: UInt8
    package let reserved: UInt16
    package let correlation: UInt32
    package let bodyByteCount: Int

    /// The bytes of the frame with its header.
    package var frameByteCount: Int { FrameFormat.headerByteCount + bodyByteCount }

    /// Reads the header of the frame that starts where `bytes` start. Looks at the length before
    /// anything else, so that a frame beyond the maximum is refused by its first four bytes.
    ///
    /// - Parameter lengthMax: what the length field may say at most.
    /// - Returns: nil where more bytes are needed.
    package static func parse(
        _ bytes: UnsafeRawBufferPointer, lengthMax: Int
    ) throws(WireFault) -> FrameHeader? {
        guard bytes.count >= FrameFormat.lengthByteCount else { return nil }
        let length = Int(UInt32(littleEndian: bytes.loadUnaligned(as: UInt32.self)))
        guard length <= lengthMax else {
            throw WireFault(
                .frameTooLarge,
                "the length of a frame is at most \(lengthMax), this one's is \(length)")
        }
        guard length >= FrameFormat.countedHeaderByteCount else {
            throw WireFault(.badRequest, "the length of a frame is at least 8")
        }
        guard bytes.count >= FrameFormat.headerByteCount else { return nil }
        return FrameHeader(
            kindByte: bytes[4],
            flags: bytes[5],
            reserved: UInt16(
                littleEndian: bytes.loadUnaligned(fromByteOffset: 6, as: UInt16.self)),
            correlation: UInt32(
                littleEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt32.self)),
            bodyByteCount: length - FrameFormat.countedHeaderByteCount)
    }

    /// What is asked: the broker's first look at a frame.
    package func requestKind() throws(WireFault) -> RequestKind {
        guard flags == 0, reserved == 0 else { throw .reservedBytes }
        guard let kind = RequestKind(rawValue: kindByte) else {
            throw WireFault(.unknownRequest, "request \(kindByte) is not known to this broker")
        }
        return kind
    }

    /// What is answered: the client's first look at a frame.
    package func replyKind() throws(WireFault) -> ReplyKind {
        guard flags == 0, reserved == 0 else { throw .reservedBytes }
        guard let kind = ReplyKind(rawValue: kindByte) else {
            throw WireFault(.badRequest, "reply \(kindByte) is not known to this client")
        }
        return kind
    }

    /// The frame's body.
    ///
    /// - Parameter bytes: start where the frame starts, and are at least `frameByteCount` long.
    package func body(of bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: bytes[FrameFormat.headerByteCount..<frameByteCount])
    }
}
