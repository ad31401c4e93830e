internal import HoldfastModel
internal import HoldfastRecords

/// Where a job was when it was cancelled.
enum CancelPlace: UInt8, CaseIterable {
    /// Where its lease or its state says.
    case known = 0
    /// In its lane, as it was born.
    case freshReady = 1
    /// Delayed, as it was born.
    case freshDelayed = 2
}

/// CANCEL: jobs with the version that each had and the place where each was, so that replay needs no
/// birth for it.
///
/// ```
/// 0 u8  0x89
/// 1 u8  flags, 0
/// 2 u16 n, at least 1
/// 4 n × (u64 job, u32 version, u32 lane = queue << 4 | priority,
///        u8 place, u8 × 7 0, i64 due in ms of broker time where place 2, else 0)
/// ```
struct CancelRecord {
    static let fixedByteCount = 4
    static let itemByteCount = 32

    let count: Int
    private let items: UnsafeRawPointer

    init(_ body: UnsafeRawBufferPointer) throws(RecordFault) {
        guard body.count >= Self.fixedByteCount else { throw RecordFault("shorter than its head") }
        guard body[1] == 0 else { throw RecordFault("flags that this version does not know") }
        count = Int(body.start.integer(at: 2, as: UInt16.self))
        guard count > 0, Self.fixedByteCount + count * Self.itemByteCount == body.count else {
            throw RecordFault("its count does not fit its length")
        }
        items = body.start + Self.fixedByteCount
    }

    func item(_ position: Int) throws(RecordFault) -> PendingItem {
        let item = items + position * Self.itemByteCount
        // The place and the seven zero bytes behind it.
        let placeWord = item.integer(at: 16, as: UInt64.self)
        guard placeWord <= UInt64(UInt8.max),
            let place = CancelPlace(rawValue: UInt8(truncatingIfNeeded: placeWord))
        else { throw RecordFault("a place that this version does not know") }
        let version = item.integer(at: 8, as: UInt32.self)
        let due = item.integer(at: 24, as: Int64.self)
        guard place == .known || version == 0, place == .freshDelayed || due == 0 else {
            throw RecordFault("a place that contradicts itself")
        }
        return PendingItem(
            lsn: item.integer(at: 0, as: UInt64.self), version: version, place: place,
            lane: LaneNumber(rawValue: item.integer(at: 12, as: UInt32.self)),
            dueMilliseconds: due)
    }

    static func append(
        _ items: UnsafeBufferPointer<PendingItem>, to batch: RecordBatch
    ) -> LSN {
        batch.append(
            bodyByteCount: fixedByteCount + items.count * itemByteCount, isIndexed: false
        ) { body in
            let start = body.baseAddress.unsafelyUnwrapped
            start.put(RecordType.cancel.byte, at: 0)
            start.put(UInt8(0), at: 1)
            start.put(UInt16(items.count), at: 2)
            var offset = fixedByteCount
            for item in items {
                start.put(item.lsn, at: offset)
                start.put(item.version, at: offset + 8)
                start.put(item.lane.rawValue, at: offset + 12)
                start.put(UInt64(item.place.rawValue), at: offset + 16)
                start.put(
                    item.place == .freshDelayed ? item.dueMilliseconds : 0, at: offset + 24)
                offset += itemByteCount
            }
        }
    }
}
