package import HoldfastModel
package import NIOCore

/// HEARTBEAT, read in place: one message that extends all leases of a worker.
///
/// ```
/// 0 u32 count
/// 4 u32 duration           ms from now; 2^32 - 1: as each lease was given
///   per lease:
///    0 token               16 bytes
///   16 u8  flags           1: a checkpoint follows
///   17 u8  reserved        0
///   18 u16 length          of the checkpoint; 0 without one
///   20 checkpoint
/// ```
package struct HeartbeatRequest {
    package let count: Int
    /// 0: as each lease was given.
    package let durationMilliseconds: UInt32
    private let items: UnsafeRawBufferPointer

    static let itemFixedByteCount = 20
    static let checkpointFlag: UInt8 = 1
    /// Left for the progress of a job, which this version does not keep.
    static let progressFlag: UInt8 = 2

    package init(body: UnsafeRawBufferPointer, limits: AnnouncedLimits) throws(WireFault) {
        var reader = WireReader(body)
        count = Int(try reader.integer(UInt32.self))
        try limits.checkItemCount(count, "leases")
        durationMilliseconds = try limits.checkedDuration(try reader.integer())
        let remaining = reader.remainingByteCount
        items = try reader.raw(remaining)
        var reader2 = WireReader(items)
        for _ in 0..<count {
            _ = try reader2.raw(LeaseToken.byteCount)
            let flags = try reader2.integer(UInt8.self)
            guard flags & ~(Self.checkpointFlag | Self.progressFlag) == 0 else {
                throw .reservedBytes
            }
            guard flags & Self.progressFlag == 0 else {
                throw WireFault(.notSupported, "this broker does not keep progress yet")
            }
            try reader2.reserved(1)
            let checkpoint = try reader2.mediumBytes()
            guard flags & Self.checkpointFlag != 0 || checkpoint.isEmpty else {
                throw WireFault(.badRequest, "a checkpoint without its flag")
            }
            guard checkpoint.count <= limits.checkpointByteCountMax else {
                throw WireFault(
                    .badArgument,
                    "a checkpoint is at most \(limits.checkpointByteCountMax) bytes, "
                        + "this one is \(checkpoint.count)")
            }
        }
        try reader2.end()
    }

    package struct Item {
        package let token: LeaseToken
        /// nil: the job's checkpoint stays as it is.
        package let checkpoint: UnsafeRawBufferPointer?
    }

    /// Goes over the leases of a checked request.
    package struct Iterator: IteratorProtocol {
        private let bytes: UnsafeRawBufferPointer
        private var offset = 0

        init(_ bytes: UnsafeRawBufferPointer) {
            self.bytes = bytes
        }

        package mutating func next() -> Item? {
            guard offset < bytes.count else { return nil }
            let token = TokenList(
                UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + LeaseToken.byteCount]))[0]
            let flags = bytes[offset + 16]
            let byteCount = Int(
                UInt16(
                    littleEndian: bytes.loadUnaligned(
                        fromByteOffset: offset + 18, as: UInt16.self)))
            let start = offset + HeartbeatRequest.itemFixedByteCount
            offset = start + byteCount
            return Item(
                token: token,
                checkpoint: flags & HeartbeatRequest.checkpointFlag == 0
                    ? nil : UnsafeRawBufferPointer(rebasing: bytes[start..<offset]))
        }
    }

    package func makeIterator() -> Iterator { Iterator(items) }
}

/// Lays out a HEARTBEAT lease by lease.
package struct HeartbeatWriter {
    private let frame: FrameWriter
    private let countIndex: Int
    package private(set) var count = 0

    /// - Parameter durationMilliseconds: 0: as each lease was given.
    package init(
        correlation: UInt32, durationMilliseconds: UInt32 = 0, into buffer: inout ByteBuffer
    ) {
        frame = FrameWriter(.heartbeat, correlation: correlation, into: &buffer)
        countIndex = buffer.writerIndex
        buffer.writeMultipleIntegers(
            UInt32(0), LeaseDuration.wire(durationMilliseconds), endianness: .little)
    }

    /// - Parameter checkpoint: nil: the job's checkpoint stays as it is.
    package mutating func append(
        _ token: LeaseToken, checkpoint: [UInt8]? = nil, into buffer: inout ByteBuffer
    ) {
        buffer.writeToken(token)
        buffer.writeMultipleIntegers(
            checkpoint == nil ? UInt8(0) : HeartbeatRequest.checkpointFlag, UInt8(0),
            UInt16(checkpoint?.count ?? 0), endianness: .little)
        if let checkpoint { buffer.writeBytes(checkpoint) }
        count += 1
    }

    package func byteCount(in buffer: ByteBuffer) -> Int { frame.byteCount(in: buffer) }

    package func finish(in buffer: inout ByteBuffer) {
        buffer.setInteger(UInt32(count), at: countIndex, endianness: .little)
        frame.finish(in: &buffer)
    }
}
