package import HoldfastModel
package import NIOCore

/// What LEASE and ACK_LEASE ask for.
package struct LeaseOrder: Hashable, Sendable {
    /// Leases, at most.
    package var count: Int
    /// How long to wait for the first job; 0: not at all.
    package var waitMilliseconds: UInt32
    /// 0: as the queue's policy says.
    package var durationMilliseconds: UInt32

    package init(count: Int, waitMilliseconds: UInt32 = 0, durationMilliseconds: UInt32 = 0) {
        self.count = count
        self.waitMilliseconds = waitMilliseconds
        self.durationMilliseconds = durationMilliseconds
    }

    init(from reader: inout WireReader, limits: AnnouncedLimits) throws(WireFault) {
        count = Int(try reader.integer(UInt32.self))
        try limits.checkItemCount(count, "leases")
        waitMilliseconds = try reader.integer()
        try limits.checkWait(waitMilliseconds)
        durationMilliseconds = try limits.checkedDuration(try reader.integer())
    }

    func write(into buffer: inout ByteBuffer) {
        buffer.writeMultipleIntegers(
            UInt32(count), waitMilliseconds, LeaseDuration.wire(durationMilliseconds),
            endianness: .little)
    }
}

/// LEASE, read in place. With a wait it is a worker's grant of credit: so many free slots.
///
/// ```
///  0 u32 count          leases at most
///  4 u32 wait           ms; 0: answer at once
///  8 u32 duration       ms; 2^32 - 1: as the queue's policy says
/// 12 u8 length, queue
/// ```
package struct LeaseRequest {
    package let order: LeaseOrder
    /// Checked by `Name`.
    package let queue: UnsafeRawBufferPointer

    package init(body: UnsafeRawBufferPointer, limits: AnnouncedLimits) throws(WireFault) {
        var reader = WireReader(body)
        order = try LeaseOrder(from: &reader, limits: limits)
        queue = try reader.name()
        try reader.end()
    }

    /// - Parameter queue: a valid `Name`.
    package static func write(
        correlation: UInt32, order: LeaseOrder, queue: String, into buffer: inout ByteBuffer
    ) {
        let frame = FrameWriter(.lease, correlation: correlation, into: &buffer)
        order.write(into: &buffer)
        buffer.writeShort(queue)
        frame.finish(in: &buffer)
    }
}

/// ACK_LEASE, read in place: done with these, more please. The tokens are acknowledged first.
///
/// ```
///  0 u32 token count
///  4 u32 count          leases at most
///  8 u32 wait           ms; 0: answer at once
/// 12 u32 duration       ms; 2^32 - 1: as the queue's policy says
/// 16 u8 length, queue
///    token count × token (16 bytes)
/// ```
package struct AckLeaseRequest {
    package let order: LeaseOrder
    /// Checked by `Name`.
    package let queue: UnsafeRawBufferPointer
    package let tokens: TokenList

    package init(body: UnsafeRawBufferPointer, limits: AnnouncedLimits) throws(WireFault) {
        var reader = WireReader(body)
        let tokenCount = Int(try reader.integer(UInt32.self))
        order = try LeaseOrder(from: &reader, limits: limits)
        queue = try reader.name()
        tokens = try reader.tokens(count: tokenCount, limits: limits)
    }

    /// - Parameter queue: a valid `Name`.
    package static func write(
        correlation: UInt32, tokens: [LeaseToken], order: LeaseOrder,
        queue: String, into buffer: inout ByteBuffer
    ) {
        let frame = FrameWriter(.ackLease, correlation: correlation, into: &buffer)
        buffer.writeLittle(UInt32(tokens.count))
        order.write(into: &buffer)
        buffer.writeShort(queue)
        buffer.writeTokens(tokens)
        frame.finish(in: &buffer)
    }
}

/// CANCEL_WAIT: a LEASE or ACK_LEASE of this connection that still waits is answered now, with no
/// jobs. Where it was answered already, nothing happens.
///
/// ```
/// 0 u32 correlation    of the request that waits
/// ```
package struct CancelWaitRequest {
    package let waiting: UInt32

    package init(body: UnsafeRawBufferPointer) throws(WireFault) {
        var reader = WireReader(body)
        waiting = try reader.integer()
        try reader.end()
    }

    package static func write(
        correlation: UInt32, waiting: UInt32, into buffer: inout ByteBuffer
    ) {
        let frame = FrameWriter(.cancelWait, correlation: correlation, into: &buffer)
        buffer.writeLittle(waiting)
        frame.finish(in: &buffer)
    }
}
