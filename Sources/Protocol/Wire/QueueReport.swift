package import HoldfastModel
package import NIOCore

/// What a broker says of a queue: the answer to QUEUE_SHOW.
///
/// ```
///  0 policy (28 bytes)
/// 28 u64 ready
/// 36 u64 delayed
/// 44 u64 leased
/// 52 u64 dead
/// 60 u64 enqueued        since the queue was created
/// 68 u64 acknowledged    since the queue was created
/// 76 u64 oldest          age of the oldest ready job, ms; 2^64 - 1: there is none
/// 84 u8 length, name
/// ```
package struct QueueReport: Hashable, Sendable {
    package var name: String
    package var policy: QueuePolicy
    package var readyCount: UInt64
    package var delayedCount: UInt64
    package var leasedCount: UInt64
    package var deadCount: UInt64
    package var enqueuedTotal: UInt64
    package var acknowledgedTotal: UInt64
    /// nil: nothing is ready.
    package var oldestReadyMilliseconds: UInt64?

    static let byteCountMin = 85
    /// With the longest name, and a share of what the frame has beside the reports.
    package static let byteCountMax = 85 + 255 + 12

    package init(
        name: String, policy: QueuePolicy, readyCount: UInt64 = 0, delayedCount: UInt64 = 0,
        leasedCount: UInt64 = 0, deadCount: UInt64 = 0, enqueuedTotal: UInt64 = 0,
        acknowledgedTotal: UInt64 = 0, oldestReadyMilliseconds: UInt64? = nil
    ) {
        self.name = name
        self.policy = policy
        self.readyCount = readyCount
        self.delayedCount = delayedCount
        self.leasedCount = leasedCount
        self.deadCount = deadCount
        self.enqueuedTotal = enqueuedTotal
        self.acknowledgedTotal = acknowledgedTotal
        self.oldestReadyMilliseconds = oldestReadyMilliseconds
    }

    init(from reader: inout WireReader) throws(WireFault) {
        policy = try reader.policy()
        readyCount = try reader.integer()
        delayedCount = try reader.integer()
        leasedCount = try reader.integer()
        deadCount = try reader.integer()
        enqueuedTotal = try reader.integer()
        acknowledgedTotal = try reader.integer()
        let oldest = try reader.integer(UInt64.self)
        oldestReadyMilliseconds = oldest == .max ? nil : oldest
        name = try reader.text8()
    }

    package init(body: UnsafeRawBufferPointer) throws(WireFault) {
        var reader = WireReader(body)
        try self.init(from: &reader)
        try reader.end()
    }

    func write(into buffer: inout ByteBuffer) {
        buffer.writePolicy(policy)
        buffer.writeMultipleIntegers(
            readyCount, delayedCount, leasedCount, deadCount, enqueuedTotal, acknowledgedTotal,
            oldestReadyMilliseconds ?? .max, endianness: .little)
        buffer.writeShort(cutting: name)
    }

    package func write(correlation: UInt32, into buffer: inout ByteBuffer) {
        let frame = FrameWriter(answerTo: .queueShow, correlation: correlation, into: &buffer)
        write(into: &buffer)
        frame.finish(in: &buffer)
    }
}

/// The answer to QUEUE_LIST.
///
/// ```
/// 0 u8 more            1: there are more queues behind the last one
/// 1 reserved           3 bytes, 0
/// 4 u32 count, count × QueueReport
/// ```
package struct QueueListReply: Hashable, Sendable {
    package var hasMore: Bool
    package var queues: [QueueReport]

    package init(hasMore: Bool, queues: [QueueReport]) {
        self.hasMore = hasMore
        self.queues = queues
    }

    package init(body: UnsafeRawBufferPointer) throws(WireFault) {
        var reader = WireReader(body)
        let more = try reader.integer(UInt8.self)
        guard more <= 1 else { throw .reservedBytes }
        hasMore = more == 1
        try reader.reserved(3)
        let count = try reader.itemCount(itemByteCountMin: QueueReport.byteCountMin)
        var queues: [QueueReport] = []
        queues.reserveCapacity(count)
        for _ in 0..<count { queues.append(try QueueReport(from: &reader)) }
        self.queues = queues
        try reader.end()
    }

    package func write(correlation: UInt32, into buffer: inout ByteBuffer) {
        let frame = FrameWriter(answerTo: .queueList, correlation: correlation, into: &buffer)
        buffer.writeMultipleIntegers(
            UInt32(hasMore ? 1 : 0), UInt32(queues.count), endianness: .little)
        for queue in queues { queue.write(into: &buffer) }
        frame.finish(in: &buffer)
    }
}
