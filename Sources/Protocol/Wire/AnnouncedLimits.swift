internal import HoldfastModel
internal import NIOCore

/// What a broker takes on a connection. It announces this in its answer to the greeting; what
/// exceeds it is refused.
package struct AnnouncedLimits: Hashable, Sendable {
    /// What the length field of a frame says at most, requests and replies.
    package var frameByteCountMax = Limits.frameByteCountMax
    /// The payload of a job as it is sent.
    package var inlinePayloadByteCountMax = Limits.inlinePayloadByteCountMax
    /// Jobs, leases, tokens or ids of one request.
    package var itemCountMax = Limits.itemCountMax
    /// Requests of one connection that are not answered yet, long waits among them.
    package var requestsInFlightMax = Limits.requestsInFlightMax
    package var waitMillisecondsMax = Limits.waitMillisecondsMax
    package var leaseMillisecondsMin = Limits.leaseMillisecondsMin
    package var leaseMillisecondsMax = Limits.leaseMillisecondsMax
    /// In seconds, since the milliseconds of a year do not fit into 32 bits.
    package var delaySecondsMax = UInt32(Limits.delayMillisecondsMax / 1_000)
    package var attemptCountMax = Limits.attemptCountMax
    package var priorityMax = UInt32(Limits.priorityMax)
    package var nameByteCountMax = Limits.nameByteCountMax
    package var headersByteCountMax = Limits.headersByteCountMax
    package var headerCountMax = Limits.headerCountMax
    package var headerValueByteCountMax = Limits.headerValueByteCountMax
    package var reasonByteCountMax = Limits.reasonByteCountMax
    package var checkpointByteCountMax = Limits.checkpointByteCountMax
    /// Enqueues that the broker remembers of each producer.
    package var producerResultCount = Limits.producerResultCount

    package init() {}

    /// The order of the announcement. New limits are added at its end.
    private static var fieldCount: Int { 17 }

    private var fields: [UInt32] {
        [
            UInt32(frameByteCountMax), UInt32(inlinePayloadByteCountMax), UInt32(itemCountMax),
            UInt32(requestsInFlightMax), waitMillisecondsMax, leaseMillisecondsMin,
            leaseMillisecondsMax, delaySecondsMax, attemptCountMax, priorityMax,
            UInt32(nameByteCountMax), UInt32(headersByteCountMax), UInt32(headerCountMax),
            UInt32(headerValueByteCountMax), UInt32(reasonByteCountMax),
            UInt32(checkpointByteCountMax), UInt32(producerResultCount),
        ]
    }

    func write(into buffer: inout ByteBuffer) {
        let fields = fields
        buffer.writeLittle(UInt16(fields.count))
        for field in fields { buffer.writeLittle(field) }
    }

    /// Reads what is known of an announcement and skips the rest.
    init(from reader: inout WireReader) throws(WireFault) {
        let count = Int(try reader.integer(UInt16.self))
        guard count >= Self.fieldCount else {
            throw WireFault(.badRequest, "the broker announces too few limits")
        }
        frameByteCountMax = Int(try reader.integer(UInt32.self))
        inlinePayloadByteCountMax = Int(try reader.integer(UInt32.self))
        itemCountMax = Int(try reader.integer(UInt32.self))
        requestsInFlightMax = Int(try reader.integer(UInt32.self))
        waitMillisecondsMax = try reader.integer()
        leaseMillisecondsMin = try reader.integer()
        leaseMillisecondsMax = try reader.integer()
        delaySecondsMax = try reader.integer()
        attemptCountMax = try reader.integer()
        priorityMax = try reader.integer()
        nameByteCountMax = Int(try reader.integer(UInt32.self))
        headersByteCountMax = Int(try reader.integer(UInt32.self))
        headerCountMax = Int(try reader.integer(UInt32.self))
        headerValueByteCountMax = Int(try reader.integer(UInt32.self))
        reasonByteCountMax = Int(try reader.integer(UInt32.self))
        checkpointByteCountMax = Int(try reader.integer(UInt32.self))
        producerResultCount = Int(try reader.integer(UInt32.self))
        _ = try reader.raw((count - Self.fieldCount) * 4)
    }
}

// The checks that several requests share.
extension AnnouncedLimits {
    func checkItemCount(_ count: Int, _ items: StaticString) throws(WireFault) {
        guard count > 0 else {
            throw WireFault(.badArgument, "a request names at least one of its \(items)")
        }
        guard count <= itemCountMax else {
            throw WireFault(
                .tooManyItems, "a request has at most \(itemCountMax) \(items), this one \(count)")
        }
    }

    /// - Parameter duration: as sent, `LeaseDuration.own` where the broker is to choose.
    /// - Returns: 0 where the broker is to choose.
    func checkedDuration(_ duration: UInt32) throws(WireFault) -> UInt32 {
        if duration == LeaseDuration.own { return 0 }
        guard duration >= leaseMillisecondsMin, duration <= leaseMillisecondsMax else {
            throw WireFault(
                .badArgument,
                "a lease lasts \(leaseMillisecondsMin) to \(leaseMillisecondsMax) ms, "
                    + "not \(duration)")
        }
        return duration
    }

    func checkWait(_ wait: UInt32) throws(WireFault) {
        guard wait <= waitMillisecondsMax else {
            throw WireFault(
                .badArgument, "a wait lasts at most \(waitMillisecondsMax) ms, not \(wait)")
        }
    }

    func checkDelay(_ milliseconds: UInt64) throws(WireFault) {
        guard milliseconds <= UInt64(delaySecondsMax) * 1_000 else {
            throw WireFault(
                .badArgument, "a delay lasts at most \(delaySecondsMax) s, not \(milliseconds) ms")
        }
    }

    func checkReason(_ bytes: UnsafeRawBufferPointer) throws(WireFault) {
        guard bytes.count <= reasonByteCountMax else {
            throw WireFault(
                .badArgument,
                "an error's text or a reason is at most \(reasonByteCountMax) bytes, "
                    + "this one is \(bytes.count)")
        }
    }
}

/// How the duration of a lease is written.
package enum LeaseDuration {
    /// On the wire: as long as the queue's policy says, or as the lease was given. 0 is not taken
    /// for this: a lease of 0 is an error.
    package static let own = UInt32.max

    /// - Parameter milliseconds: 0 where the broker is to choose.
    static func wire(_ milliseconds: UInt32) -> UInt32 { milliseconds == 0 ? own : milliseconds }
}
