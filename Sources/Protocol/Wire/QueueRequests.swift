package import HoldfastModel
package import NIOCore

/// QUEUE_CREATE and QUEUE_SET.
///
/// ```
/// 0 policy (28 bytes)
/// 28 u8 length, queue
/// ```
package struct QueuePolicyRequest {
    package let policy: QueuePolicy
    /// Checked by `Name`.
    package let queue: UnsafeRawBufferPointer

    package init(body: UnsafeRawBufferPointer) throws(WireFault) {
        var reader = WireReader(body)
        policy = try reader.policy()
        queue = try reader.name()
        try reader.end()
        if let fault = policy.fault { throw WireFault(.badArgument, fault) }
    }

    /// - Parameters:
    ///   - kind: `.queueCreate` or `.queueSet`.
    ///   - queue: a valid `Name`.
    package static func write(
        _ kind: RequestKind, correlation: UInt32, queue: String, policy: QueuePolicy,
        into buffer: inout ByteBuffer
    ) {
        let frame = FrameWriter(kind, correlation: correlation, into: &buffer)
        buffer.writePolicy(policy)
        buffer.writeShort(queue)
        frame.finish(in: &buffer)
    }
}

/// The answer to QUEUE_CREATE.
///
/// ```
/// 0 u8 flags           2 duplicate: there was such a queue already, with the same policy
/// 1 reserved           3 bytes, 0
/// ```
package struct QueueCreateReply {
    package let isDuplicate: Bool

    package init(body: UnsafeRawBufferPointer) throws(WireFault) {
        var reader = WireReader(body)
        let flags = try reader.integer(UInt8.self)
        guard flags & ~2 == 0 else { throw .reservedBytes }
        isDuplicate = flags != 0
        try reader.reserved(3)
        try reader.end()
    }

    package static func write(
        correlation: UInt32, isDuplicate: Bool, into buffer: inout ByteBuffer
    ) {
        let frame = FrameWriter(answerTo: .queueCreate, correlation: correlation, into: &buffer)
        buffer.writeLittle(UInt32(isDuplicate ? 2 : 0))
        frame.finish(in: &buffer)
    }
}

/// QUEUE_DELETE and QUEUE_SHOW.
///
/// ```
/// 0 u8 length, queue
/// ```
package struct QueueNameRequest {
    /// Checked by `Name`.
    package let queue: UnsafeRawBufferPointer

    package init(body: UnsafeRawBufferPointer) throws(WireFault) {
        var reader = WireReader(body)
        queue = try reader.name()
        try reader.end()
    }

    /// - Parameters:
    ///   - kind: `.queueDelete` or `.queueShow`.
    ///   - queue: a valid `Name`.
    package static func write(
        _ kind: RequestKind, correlation: UInt32, queue: String, into buffer: inout ByteBuffer
    ) {
        let frame = FrameWriter(kind, correlation: correlation, into: &buffer)
        buffer.writeShort(queue)
        frame.finish(in: &buffer)
    }
}

/// QUEUE_LIST: in the order of the names' bytes.
///
/// ```
/// 0 u32 limit          queues at most
/// 4 u8 length, after   the last name of the page before; empty: from the first
/// ```
package struct QueueListRequest {
    package let limit: Int
    /// nil: from the first.
    package let after: String?

    package init(body: UnsafeRawBufferPointer, limits: AnnouncedLimits) throws(WireFault) {
        var reader = WireReader(body)
        limit = Int(try reader.integer(UInt32.self))
        try limits.checkItemCount(limit, "queues")
        let name = try reader.shortBytes()
        guard name.isEmpty || Name.isValid(name) else {
            throw WireFault(.badName, "a queue's name is UTF-8 without control characters")
        }
        after = name.isEmpty ? nil : String(decoding: name, as: UTF8.self)
        try reader.end()
    }

    package static func write(
        correlation: UInt32, limit: Int, after: String?, into buffer: inout ByteBuffer
    ) {
        let frame = FrameWriter(.queueList, correlation: correlation, into: &buffer)
        buffer.writeLittle(UInt32(limit))
        buffer.writeShort(after ?? "")
        frame.finish(in: &buffer)
    }
}

extension WireReader {
    mutating func policy() throws(WireFault) -> QueuePolicy {
        QueuePolicy(
            visibilityTimeoutMilliseconds: try integer(), attemptCountMax: try integer(),
            interruptionCountMax: try integer(), backoffMilliseconds: try integer(),
            backoffMillisecondsMax: try integer())
    }
}

extension ByteBuffer {
    mutating func writePolicy(_ policy: QueuePolicy) {
        writeMultipleIntegers(
            policy.visibilityTimeoutMilliseconds, policy.attemptCountMax,
            policy.interruptionCountMax, policy.backoffMilliseconds,
            policy.backoffMillisecondsMax, endianness: .little)
    }
}
