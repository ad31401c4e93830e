internal import HoldfastModel
internal import HoldfastRecords

/// ACK, REJECT and REDRIVE: jobs with the version that each had.
///
/// ```
/// 0 u8  0x83, 0x87 or 0x88
/// 1 u8  flags, 0
/// 2 u16 n, at least 1
/// 4 n × (u64 job, u32 version)
///   reason, UTF-8, the rest: REJECT only
/// ```
struct JobListRecord {
    static let fixedByteCount = 4
    static let itemByteCount = 12

    let count: Int
    private let items: UnsafeRawPointer
    let text: UnsafeRawBufferPointer

    init(_ body: UnsafeRawBufferPointer, mayHaveText: Bool = false) throws(RecordFault) {
        guard body.count >= Self.fixedByteCount else { throw RecordFault("shorter than its head") }
        guard body[1] == 0 else { throw RecordFault("flags that this version does not know") }
        count = Int(body.start.integer(at: 2, as: UInt16.self))
        let end = Self.fixedByteCount + count * Self.itemByteCount
        guard count > 0, end <= body.count else { throw RecordFault("its items overrun it") }
        items = body.start + Self.fixedByteCount
        text = UnsafeRawBufferPointer(start: body.start + end, count: body.count - end)
        guard text.count <= (mayHaveText ? Limits.reasonByteCountMax : 0) else {
            throw RecordFault("bytes after its items")
        }
    }

    @inline(__always)
    subscript(_ position: Int) -> (lsn: UInt64, version: UInt32) {
        (
            items.integer(at: position * Self.itemByteCount, as: UInt64.self),
            items.integer(at: position * Self.itemByteCount + 8, as: UInt32.self)
        )
    }

    static func append(
        _ type: RecordType, _ items: UnsafeBufferPointer<PendingItem>,
        text: UnsafeRawBufferPointer, to batch: RecordBatch
    ) -> LSN {
        let end = fixedByteCount + items.count * itemByteCount
        return batch.append(bodyByteCount: end + text.count, isIndexed: false) { body in
            let start = body.baseAddress.unsafelyUnwrapped
            start.put(type.byte, at: 0)
            start.put(UInt8(0), at: 1)
            start.put(UInt16(items.count), at: 2)
            var offset = fixedByteCount
            for item in items {
                start.put(item.lsn, at: offset)
                start.put(item.version, at: offset + 8)
                offset += itemByteCount
            }
            start.put(text, at: end)
        }
    }
}
