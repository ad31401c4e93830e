package import HoldfastModel
package import NIOCore

/// ACK and RELEASE, read in place.
///
/// ```
/// 0 u32 count
/// 4 count × token (16 bytes)
/// ```
package struct TokenRequest {
    package let tokens: TokenList

    package init(body: UnsafeRawBufferPointer, limits: AnnouncedLimits) throws(WireFault) {
        var reader = WireReader(body)
        let count = Int(try reader.integer(UInt32.self))
        tokens = try reader.tokens(count: count, limits: limits)
    }

    /// - Parameter kind: `.ack` or `.release`.
    package static func write(
        _ kind: RequestKind, correlation: UInt32, tokens: [LeaseToken],
        into buffer: inout ByteBuffer
    ) {
        let frame = FrameWriter(kind, correlation: correlation, into: &buffer)
        buffer.writeLittle(UInt32(tokens.count))
        buffer.writeTokens(tokens)
        frame.finish(in: &buffer)
    }
}

/// NACK, read in place.
///
/// ```
///  0 u32 count
///  4 u64 delay          ms; 2^64 - 1: the queue's backoff
/// 12 u16 length, error  text
///    count × token (16 bytes)
/// ```
package struct NackRequest {
    /// nil: the queue's backoff.
    package let delayMilliseconds: UInt64?
    package let error: UnsafeRawBufferPointer
    package let tokens: TokenList

    package init(body: UnsafeRawBufferPointer, limits: AnnouncedLimits) throws(WireFault) {
        var reader = WireReader(body)
        let count = Int(try reader.integer(UInt32.self))
        let delay = try reader.integer(UInt64.self)
        if delay != .max { try limits.checkDelay(delay) }
        delayMilliseconds = delay == .max ? nil : delay
        error = try reader.mediumBytes()
        try limits.checkReason(error)
        tokens = try reader.tokens(count: count, limits: limits)
    }

    package static func write(
        correlation: UInt32, delayMilliseconds: UInt64?, error: UnsafeRawBufferPointer,
        tokens: [LeaseToken], into buffer: inout ByteBuffer
    ) {
        let frame = FrameWriter(.nack, correlation: correlation, into: &buffer)
        buffer.writeMultipleIntegers(
            UInt32(tokens.count), delayMilliseconds ?? .max, endianness: .little)
        buffer.writeMedium(error)
        buffer.writeTokens(tokens)
        frame.finish(in: &buffer)
    }
}

/// REJECT, read in place.
///
/// ```
/// 0 u32 count
/// 4 u16 length, reason  text
///   count × token (16 bytes)
/// ```
package struct RejectRequest {
    package let reason: UnsafeRawBufferPointer
    package let tokens: TokenList

    package init(body: UnsafeRawBufferPointer, limits: AnnouncedLimits) throws(WireFault) {
        var reader = WireReader(body)
        let count = Int(try reader.integer(UInt32.self))
        reason = try reader.mediumBytes()
        try limits.checkReason(reason)
        tokens = try reader.tokens(count: count, limits: limits)
    }

    package static func write(
        correlation: UInt32, reason: UnsafeRawBufferPointer,
        tokens: [LeaseToken], into buffer: inout ByteBuffer
    ) {
        let frame = FrameWriter(.reject, correlation: correlation, into: &buffer)
        buffer.writeLittle(UInt32(tokens.count))
        buffer.writeMedium(reason)
        buffer.writeTokens(tokens)
        frame.finish(in: &buffer)
    }
}

/// EXTEND, read in place.
///
/// ```
/// 0 u32 count
/// 4 u32 duration       ms from now; 2^32 - 1: as the lease was given
/// 8 count × token (16 bytes)
/// ```
package struct ExtendRequest {
    /// 0: as the lease was given.
    package let durationMilliseconds: UInt32
    package let tokens: TokenList

    package init(body: UnsafeRawBufferPointer, limits: AnnouncedLimits) throws(WireFault) {
        var reader = WireReader(body)
        let count = Int(try reader.integer(UInt32.self))
        durationMilliseconds = try limits.checkedDuration(try reader.integer())
        tokens = try reader.tokens(count: count, limits: limits)
    }

    /// - Parameter durationMilliseconds: 0: as the lease was given.
    package static func write(
        correlation: UInt32, durationMilliseconds: UInt32, tokens: [LeaseToken],
        into buffer: inout ByteBuffer
    ) {
        let frame = FrameWriter(.extend, correlation: correlation, into: &buffer)
        buffer.writeMultipleIntegers(
            UInt32(tokens.count), LeaseDuration.wire(durationMilliseconds), endianness: .little)
        buffer.writeTokens(tokens)
        frame.finish(in: &buffer)
    }
}
