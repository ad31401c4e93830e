internal import HoldfastModel
internal import HoldfastRecords

/// What a heartbeat or an extend changed for good, of one lease.
struct HeartbeatChange {
    var lsn: UInt64
    var version: UInt32
    /// 0 = as it was.
    var durationMilliseconds: UInt32
    /// nil = as it was.
    var checkpoint: UnsafeRawBufferPointer?
}

/// HEARTBEAT: what of an extend or a heartbeat must survive.
///
/// ```
/// 0 u8  0x86            4 n × (u64 job, u32 version, u32 duration in ms or 0,
/// 1 u8  flags, 0               u16 length of the checkpoint or 0xFFFF for none, checkpoint)
/// 2 u16 n, at least 1
/// ```
struct HeartbeatRecord {
    static let fixedByteCount = 4
    static let itemByteCount = 18
    static let noCheckpoint: UInt16 = 0xFFFF

    let count: Int
    private let body: UnsafeRawBufferPointer
    private var offset = HeartbeatRecord.fixedByteCount

    init(_ body: UnsafeRawBufferPointer) throws(RecordFault) {
        guard body.count >= Self.fixedByteCount else { throw RecordFault("shorter than its head") }
        guard body[1] == 0 else { throw RecordFault("flags that this version does not know") }
        count = Int(body.start.integer(at: 2, as: UInt16.self))
        guard count > 0 else { throw RecordFault("without an item") }
        self.body = body
    }

    /// The next of `count` items; to be called as often.
    mutating func next() throws(RecordFault) -> HeartbeatChange {
        guard offset + Self.itemByteCount <= body.count else {
            throw RecordFault("its items overrun it")
        }
        let item = body.start + offset
        let length = item.integer(at: 16, as: UInt16.self)
        offset += Self.itemByteCount
        var checkpoint: UnsafeRawBufferPointer?
        if length != Self.noCheckpoint {
            guard Int(length) <= Limits.checkpointByteCountMax, offset + Int(length) <= body.count
            else { throw RecordFault("a checkpoint overruns it") }
            checkpoint = UnsafeRawBufferPointer(start: body.start + offset, count: Int(length))
            offset += Int(length)
        }
        let duration = item.integer(at: 12, as: UInt32.self)
        guard
            duration == 0
                || duration >= Limits.leaseMillisecondsMin
                    && duration <= Limits.leaseMillisecondsMax
        else { throw RecordFault("a duration out of bounds") }
        return HeartbeatChange(
            lsn: item.integer(at: 0, as: UInt64.self),
            version: item.integer(at: 8, as: UInt32.self),
            durationMilliseconds: duration, checkpoint: checkpoint)
    }

    /// To be called after the last item.
    func end() throws(RecordFault) {
        guard offset == body.count else { throw RecordFault("bytes after its items") }
    }

    static func append(
        _ changes: UnsafeBufferPointer<HeartbeatChange>, to batch: RecordBatch
    ) -> LSN {
        var byteCount = fixedByteCount + changes.count * itemByteCount
        for change in changes { byteCount += change.checkpoint?.count ?? 0 }
        return batch.append(bodyByteCount: byteCount, isIndexed: false) { body in
            let start = body.baseAddress.unsafelyUnwrapped
            start.put(RecordType.heartbeat.byte, at: 0)
            start.put(UInt8(0), at: 1)
            start.put(UInt16(changes.count), at: 2)
            var offset = fixedByteCount
            for change in changes {
                start.put(change.lsn, at: offset)
                start.put(change.version, at: offset + 8)
                start.put(change.durationMilliseconds, at: offset + 12)
                start.put(
                    change.checkpoint.map { UInt16($0.count) } ?? noCheckpoint, at: offset + 16)
                offset += itemByteCount
                if let checkpoint = change.checkpoint {
                    start.put(checkpoint, at: offset)
                    offset += checkpoint.count
                }
            }
        }
    }
}
