internal import HoldfastRecords

/// DUE: every delayed job up to and including (due, job) became ready, in that order.
///
/// ```
/// 0 u8  0x85           4 u32 how many there were
/// 1 u8  flags, 0       8 i64 due, broker time in ms
/// 2 u16 0             16 u64 job
/// ```
struct DueRecord {
    static let byteCount = 24

    let count: UInt32
    let last: DelayedJob

    init(_ body: UnsafeRawBufferPointer) throws(RecordFault) {
        guard body.count == Self.byteCount else { throw RecordFault("not 24 bytes long") }
        let start = body.start
        guard body[1] == 0, start.integer(at: 2, as: UInt16.self) == 0 else {
            throw RecordFault("flags that this version does not know")
        }
        count = start.integer(at: 4, as: UInt32.self)
        last = DelayedJob(
            dueMilliseconds: start.integer(at: 8, as: Int64.self),
            lsn: start.integer(at: 16, as: UInt64.self))
    }

    static func append(count: UInt32, last: DelayedJob, to batch: RecordBatch) -> LSN {
        batch.append(bodyByteCount: byteCount, isIndexed: false) { body in
            let start = body.baseAddress.unsafelyUnwrapped
            start.put(UInt32(RecordType.due.byte), at: 0)
            start.put(count, at: 4)
            start.put(last.dueMilliseconds, at: 8)
            start.put(last.lsn, at: 16)
        }
    }
}
