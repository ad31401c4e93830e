internal import HoldfastRecords

/// Goes through the records of a frame whose payload is known to be whole.
struct RecordCursor {
    struct Record {
        let lsn: LSN
        /// Where it starts in the payload, head included.
        let offset: Int
        let isIndexed: Bool
        let body: UnsafeRawBufferPointer
    }

    private let payload: UnsafeRawBufferPointer
    private let endLSN: LSN
    private var lsn: LSN
    private var offset = 0

    init(_ header: FrameHeader, payload: UnsafeRawBufferPointer) {
        self.payload = payload
        lsn = header.firstLSN
        endLSN = header.nextLSN
    }

    /// The next record; nil at the end, and where no record can be read.
    mutating func next() -> Record? {
        guard lsn < endLSN, payload.count - offset >= RecordFormat.plainHeadByteCount,
            let head = RecordFormat.Head(payload.integer(UInt32.self, at: offset)),
            payload.count - offset - head.headByteCount >= head.bodyByteCount
        else { return nil }
        // The frame's checksum has spoken for the bytes; this one says that it is the right place.
        if head.isIndexed,
            payload.integer(UInt32.self, at: offset + 4) != UInt32(truncatingIfNeeded: lsn)
        {
            return nil
        }
        let record = Record(
            lsn: lsn, offset: offset, isIndexed: head.isIndexed,
            body: payload.part(at: offset + head.headByteCount, count: head.bodyByteCount))
        offset += head.headByteCount + head.bodyByteCount
        lsn += 1
        return record
    }

    /// Whether all that the header announced was read, and nothing was left over.
    var isAtEnd: Bool { lsn == endLSN && offset == payload.count }

    /// Whether there is a record behind `known` that can be read, whatever the header announced.
    func hasRecord(behind known: LSN) -> Bool {
        guard endLSN > known + 1 else { return false }
        var cursor = self
        while let record = cursor.next() { if record.lsn > known { return true } }
        return false
    }

    /// Whether it comes to that from here.
    func reachesEnd() -> Bool {
        var cursor = self
        while cursor.next() != nil {}
        return cursor.isAtEnd
    }
}
