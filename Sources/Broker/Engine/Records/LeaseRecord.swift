internal import HoldfastModel
internal import HoldfastRecords

/// LEASE: jobs taken from the fronts of a queue's lanes, in this order, each with its new version.
///
/// ```
///  0 u8  0x82            8 u32 duration in ms
///  1 u8  flags, 0       12 u32 owner, 0
///  2 u16 r, at least 1  16 r × (u8 priority, u8 0, u16 count, u32 tenant 0)
///  4 u32 queue             n × (u64 job, u32 version), n = the sum of the counts
/// ```
/// The runs alone would do for replay, which pops; the jobs prove that it popped the same ones.
struct LeaseRecord {
    static let fixedByteCount = 16
    static let runByteCount = 8
    static let itemByteCount = 12

    let queue: QueueID
    let durationMilliseconds: UInt32
    let runCount: Int
    let count: Int
    private let runs: UnsafeRawPointer
    private let items: UnsafeRawPointer

    init(_ body: UnsafeRawBufferPointer) throws(RecordFault) {
        guard body.count >= Self.fixedByteCount else { throw RecordFault("shorter than its head") }
        let start = body.start
        guard body[1] == 0 else { throw RecordFault("flags that this version does not know") }
        runCount = Int(start.integer(at: 2, as: UInt16.self))
        queue = QueueID(rawValue: start.integer(at: 4, as: UInt32.self))
        durationMilliseconds = start.integer(at: 8, as: UInt32.self)
        guard start.integer(at: 12, as: UInt32.self) == 0 else {
            throw RecordFault("an owner, which this version does not know")
        }
        guard durationMilliseconds >= Limits.leaseMillisecondsMin,
            durationMilliseconds <= Limits.leaseMillisecondsMax
        else { throw RecordFault("a duration out of bounds") }
        let itemStart = Self.fixedByteCount + runCount * Self.runByteCount
        guard runCount > 0, itemStart <= body.count else {
            throw RecordFault("its runs overrun it")
        }
        runs = start + Self.fixedByteCount
        items = start + itemStart
        var count = 0
        for run in 0..<runCount {
            let offset = run * Self.runByteCount
            guard runs.integer(at: offset, as: UInt8.self) <= Limits.priorityMax else {
                throw RecordFault("priority beyond 15")
            }
            guard runs.integer(at: offset + 1, as: UInt8.self) == 0,
                runs.integer(at: offset + 4, as: UInt32.self) == 0
            else { throw RecordFault("a tenant, which this version does not know") }
            count += Int(runs.integer(at: offset + 2, as: UInt16.self))
        }
        self.count = count
        guard count > 0, itemStart + count * Self.itemByteCount == body.count else {
            throw RecordFault("its counts do not fit its length")
        }
    }

    func run(_ position: Int) -> (priority: UInt8, count: Int) {
        (
            runs.integer(at: position * Self.runByteCount, as: UInt8.self),
            Int(runs.integer(at: position * Self.runByteCount + 2, as: UInt16.self))
        )
    }

    @inline(__always)
    subscript(_ position: Int) -> (lsn: UInt64, version: UInt32) {
        (
            items.integer(at: position * Self.itemByteCount, as: UInt64.self),
            items.integer(at: position * Self.itemByteCount + 8, as: UInt32.self)
        )
    }

    static func append(
        queue: QueueID, durationMilliseconds: UInt32, _ items: UnsafeBufferPointer<PendingItem>,
        to batch: RecordBatch
    ) -> LSN {
        var runCount = 0
        var previous: UInt8?
        for item in items where item.priority != previous {
            runCount += 1
            previous = item.priority
        }
        let itemStart = fixedByteCount + runCount * runByteCount
        return batch.append(
            bodyByteCount: itemStart + items.count * itemByteCount, isIndexed: false
        ) { body in
            let start = body.baseAddress.unsafelyUnwrapped
            start.put(RecordType.lease.byte, at: 0)
            start.put(UInt8(0), at: 1)
            start.put(UInt16(runCount), at: 2)
            start.put(queue.rawValue, at: 4)
            start.put(durationMilliseconds, at: 8)
            start.put(UInt32(0), at: 12)
            var run = fixedByteCount
            var offset = itemStart
            var first = 0
            for position in 0..<items.count {
                let item = items[position]
                start.put(item.lsn, at: offset)
                start.put(item.version, at: offset + 8)
                offset += itemByteCount
                if position + 1 == items.count || items[position + 1].priority != item.priority {
                    start.put(UInt32(item.priority), at: run)
                    start.put(UInt16(position + 1 - first), at: run + 2)
                    start.put(UInt32(0), at: run + 4)
                    run += runByteCount
                    first = position + 1
                }
            }
        }
    }
}
