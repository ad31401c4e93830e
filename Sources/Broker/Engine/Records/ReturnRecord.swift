internal import HoldfastModel
internal import HoldfastRecords

/// Why a lease ended without the job being done.
enum ReturnCause: UInt8, CaseIterable {
    /// The worker said so (nack).
    case failed = 1
    /// The worker gave it back unstarted.
    case released = 2
    /// Its time was up, and the worker was connected.
    case timeout = 3
    /// Its time was up, and the worker was not connected.
    case interrupted = 4
    /// The delivery never reached the worker.
    case undelivered = 5
}

/// Where a returned job went.
enum ReturnOutcome: UInt8, CaseIterable {
    case front = 0
    case delayed = 1
    case deadByAttempts = 2
    case deadByInterruptions = 3
    case deadByDeliveries = 4
    /// What the job brought cannot be read back.
    case deadByCorruptPayload = 5
}

/// RETURN: leases that ended (nack, release, expiry, undelivered).
///
/// ```
/// 0 u8  0x84            4 u16 length of the error, at most 1,024
/// 1 u8  flags, 0        6 u16 0
/// 2 u16 n, at least 1   8 n × (u64 job, u32 version, u8 cause, u8 outcome, u16 0,
///                              i64 due in ms of broker time, 0 where not delayed)
///                         error, UTF-8
/// ```
struct ReturnRecord {
    static let fixedByteCount = 8
    static let itemByteCount = 24

    let count: Int
    private let items: UnsafeRawPointer
    let error: UnsafeRawBufferPointer

    init(_ body: UnsafeRawBufferPointer) throws(RecordFault) {
        guard body.count >= Self.fixedByteCount else { throw RecordFault("shorter than its head") }
        let start = body.start
        guard body[1] == 0, start.integer(at: 6, as: UInt16.self) == 0 else {
            throw RecordFault("flags that this version does not know")
        }
        count = Int(start.integer(at: 2, as: UInt16.self))
        let errorByteCount = Int(start.integer(at: 4, as: UInt16.self))
        let end = Self.fixedByteCount + count * Self.itemByteCount
        guard count > 0, end + errorByteCount == body.count,
            errorByteCount <= Limits.reasonByteCountMax
        else { throw RecordFault("its counts do not fit its length") }
        items = start + Self.fixedByteCount
        error = UnsafeRawBufferPointer(start: start + end, count: errorByteCount)
    }

    func item(_ position: Int) throws(RecordFault) -> PendingItem {
        let offset = position * Self.itemByteCount
        guard let cause = ReturnCause(rawValue: items.integer(at: offset + 12, as: UInt8.self)),
            let outcome = ReturnOutcome(rawValue: items.integer(at: offset + 13, as: UInt8.self)),
            items.integer(at: offset + 14, as: UInt16.self) == 0
        else { throw RecordFault("a cause or an outcome that this version does not know") }
        return PendingItem(
            lsn: items.integer(at: offset, as: UInt64.self),
            version: items.integer(at: offset + 8, as: UInt32.self),
            cause: cause, outcome: outcome,
            dueMilliseconds: items.integer(at: offset + 16, as: Int64.self))
    }

    static func append(
        _ items: UnsafeBufferPointer<PendingItem>, error: UnsafeRawBufferPointer,
        to batch: RecordBatch
    ) -> LSN {
        let end = fixedByteCount + items.count * itemByteCount
        return batch.append(bodyByteCount: end + error.count, isIndexed: false) { body in
            let start = body.baseAddress.unsafelyUnwrapped
            start.put(RecordType.return.byte, at: 0)
            start.put(UInt8(0), at: 1)
            start.put(UInt16(items.count), at: 2)
            start.put(UInt16(error.count), at: 4)
            start.put(UInt16(0), at: 6)
            var offset = fixedByteCount
            for item in items {
                start.put(item.lsn, at: offset)
                start.put(item.version, at: offset + 8)
                start.put(item.cause.rawValue, at: offset + 12)
                start.put(item.outcome.rawValue, at: offset + 13)
                start.put(UInt16(0), at: offset + 14)
                start.put(item.outcome == .delayed ? item.dueMilliseconds : 0, at: offset + 16)
                offset += itemByteCount
            }
            start.put(error, at: end)
        }
    }
}
