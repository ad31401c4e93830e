internal import HoldfastModel
internal import HoldfastRecords

/// ENQUEUE, the birth of a job: the only record that is found by its LSN later on.
///
/// ```
///  0 u8  0x81            8 u32 tenant, 0
///  1 u8  flags          12 i64 enqueued, broker time in ms
///  2 u8  priority       20 i64 due, broker time in ms        where flag 1
///  3 u8  0                 u32 attempts at most              where flag 2
///  4 u32 queue             u32 producer, u32 count,
///                          u64 sequence                      where flag 4
///                          content (JobContent), the rest
/// ```
package struct BirthRecord {
    static let fixedByteCount = 20
    private static let dueFlag: UInt8 = 1
    private static let attemptsFlag: UInt8 = 2
    private static let producerFlag: UInt8 = 4

    package let queue: QueueID
    package let priority: UInt8
    /// Broker time.
    package let enqueuedMilliseconds: Int64
    /// Broker time; nil where the job was ready at once.
    package let dueMilliseconds: Int64?
    /// nil = as the queue says.
    package let attemptCountMax: UInt32?
    package let producer: ProducerMark?
    /// Where in the body the content starts.
    package let contentOffset: Int
    /// What the job brought with it; valid as long as the body is.
    package let content: UnsafeRawBufferPointer

    /// Reads the body of a birth without looking at the content.
    package init(_ body: UnsafeRawBufferPointer) throws(RecordFault) {
        guard body.count >= Self.fixedByteCount, body[0] == RecordType.enqueue.byte else {
            throw RecordFault("not the body of a birth")
        }
        let start = body.start
        let flags = body[1]
        guard flags & ~(Self.dueFlag | Self.attemptsFlag | Self.producerFlag) == 0, body[3] == 0
        else { throw RecordFault("flags that this version does not know") }
        priority = body[2]
        guard priority <= Limits.priorityMax else { throw RecordFault("priority beyond 15") }
        queue = QueueID(rawValue: start.integer(at: 4, as: UInt32.self))
        guard start.integer(at: 8, as: UInt32.self) == 0 else {
            throw RecordFault("a tenant, which this version does not know")
        }
        enqueuedMilliseconds = start.integer(at: 12, as: Int64.self)
        var offset = Self.fixedByteCount
        if flags == 0 {
            // The common case, kept free of the checks below.
            dueMilliseconds = nil
            attemptCountMax = nil
            producer = nil
        } else {
            let optionByteCount =
                (flags & Self.dueFlag != 0 ? 8 : 0) + (flags & Self.attemptsFlag != 0 ? 4 : 0)
                + (flags & Self.producerFlag != 0 ? 16 : 0)
            guard body.count >= offset + optionByteCount else {
                throw RecordFault("options overrun the record")
            }
            if flags & Self.dueFlag != 0 {
                dueMilliseconds = start.integer(at: offset, as: Int64.self)
                offset += 8
            } else {
                dueMilliseconds = nil
            }
            if flags & Self.attemptsFlag != 0 {
                attemptCountMax = start.integer(at: offset, as: UInt32.self)
                offset += 4
            } else {
                attemptCountMax = nil
            }
            if flags & Self.producerFlag != 0 {
                producer = ProducerMark(
                    slot: ProducerSlot(rawValue: start.integer(at: offset, as: UInt32.self)),
                    sequence: start.integer(at: offset + 8, as: UInt64.self),
                    count: start.integer(at: offset + 4, as: UInt32.self))
                offset += 16
            } else {
                producer = nil
            }
        }
        contentOffset = offset
        content = UnsafeRawBufferPointer(start: start + offset, count: body.count - offset)
    }

    @inline(__always)
    static func append(
        queue: QueueID, priority: UInt8, enqueuedMilliseconds: Int64, dueMilliseconds: Int64?,
        attemptCountMax: UInt32, producer: ProducerMark?, content: UnsafeRawBufferPointer,
        to batch: RecordBatch
    ) -> LSN {
        let contentOffset =
            fixedByteCount + (dueMilliseconds == nil ? 0 : 8) + (attemptCountMax == 0 ? 0 : 4)
            + (producer == nil ? 0 : 16)
        return batch.append(bodyByteCount: contentOffset + content.count, isIndexed: true) { body in
            let start = body.baseAddress.unsafelyUnwrapped
            var flags: UInt8 = 0
            var offset = fixedByteCount
            if let dueMilliseconds {
                flags |= dueFlag
                start.put(dueMilliseconds, at: offset)
                offset += 8
            }
            if attemptCountMax != 0 {
                flags |= attemptsFlag
                start.put(attemptCountMax, at: offset)
                offset += 4
            }
            if let producer {
                flags |= producerFlag
                start.put(producer.slot.rawValue, at: offset)
                start.put(producer.count, at: offset + 4)
                start.put(producer.sequence, at: offset + 8)
                offset += 16
            }
            start.put(RecordType.enqueue.byte, at: 0)
            start.put(flags, at: 1)
            start.put(priority, at: 2)
            start.put(UInt8(0), at: 3)
            start.put(queue.rawValue, at: 4)
            start.put(UInt32(0), at: 8)
            start.put(enqueuedMilliseconds, at: 12)
            start.put(content, at: offset)
        }
    }
}
