internal import HoldfastRecords

/// PRODUCER: a slot belongs to this producer from now on; what it remembered is forgotten.
///
/// ```
/// 0 u8  0x8B           4 u32 slot
/// 1 u8  flags, 0       8 u64 low, u64 high half of the producer's id
/// 2 u16 0
/// ```
struct ProducerRecord {
    static let byteCount = 24

    let slot: ProducerSlot
    let id: ProducerID

    init(_ body: UnsafeRawBufferPointer) throws(RecordFault) {
        guard body.count == Self.byteCount else { throw RecordFault("not 24 bytes long") }
        let start = body.start
        guard body[1] == 0, start.integer(at: 2, as: UInt16.self) == 0 else {
            throw RecordFault("flags that this version does not know")
        }
        slot = ProducerSlot(rawValue: start.integer(at: 4, as: UInt32.self))
        id = ProducerID(
            low: start.integer(at: 8, as: UInt64.self),
            high: start.integer(at: 16, as: UInt64.self))
    }

    static func append(slot: ProducerSlot, id: ProducerID, to batch: RecordBatch) -> LSN {
        batch.append(bodyByteCount: byteCount, isIndexed: false) { body in
            let start = body.baseAddress.unsafelyUnwrapped
            start.put(UInt32(RecordType.producer.byte), at: 0)
            start.put(slot.rawValue, at: 4)
            start.put(id.low, at: 8)
            start.put(id.high, at: 16)
        }
    }
}
