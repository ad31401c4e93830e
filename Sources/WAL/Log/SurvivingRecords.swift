internal import HoldfastDisk
internal import HoldfastRecords

/// What can still be read of the records of a damaged frame: all of them where only its padding is
/// damaged, and otherwise the indexed ones that prove by themselves that they are whole.
struct SurvivingRecords {
    private let payload: UnsafeRawBufferPointer
    private let endLSN: LSN
    /// Whether the frame's checksum speaks for the records.
    private let isWhole: Bool
    /// Behind the last record that was found.
    private var offset = 0
    private var lsn: LSN

    /// - Parameter payload: valid as long as this is used.
    init(_ header: FrameHeader, payload: UnsafeRawBufferPointer, isWhole: Bool) {
        self.payload = payload
        self.isWhole = isWhole
        lsn = header.firstLSN
        endLSN = header.nextLSN
    }

    /// The next one; LSNs rise. Others may have been passed over.
    mutating func next() -> RecordCursor.Record? {
        guard let record = isWhole ? plainRecord() : walk() ?? search() else { return nil }
        lsn = record.lsn + 1
        offset =
            record.offset + record.body.count
            + (record.isIndexed
                ? RecordFormat.indexedHeadByteCount : RecordFormat.plainHeadByteCount)
        return record
    }

    private func plainRecord() -> RecordCursor.Record? {
        guard lsn < endLSN, let head = head(at: offset),
            let body = RecordFormat.body(in: payload, at: offset, lsn: lsn)
        else { return nil }
        return RecordCursor.Record(
            lsn: lsn, offset: offset, isIndexed: head.isIndexed, body: body)
    }

    /// Goes from record to record as the heads say, which is right where only bodies are damaged.
    private func walk() -> RecordCursor.Record? {
        var place = offset
        var candidate = lsn
        while candidate < endLSN, let head = head(at: place) {
            if head.isIndexed,
                let body = RecordFormat.body(in: payload, at: place, lsn: candidate)
            {
                return RecordCursor.Record(
                    lsn: candidate, offset: place, isIndexed: true, body: body)
            }
            place += head.headByteCount + head.bodyByteCount
            candidate += 1
        }
        return nil
    }

    /// A head is damaged: looks at every place for a record that says which one of these it is.
    private func search() -> RecordCursor.Record? {
        var place = offset
        while payload.count - place >= RecordFormat.indexedHeadByteCount {
            let low = payload.integer(UInt32.self, at: place + 4)
            let delta = LSN(low &- UInt32(truncatingIfNeeded: lsn))
            if lsn + delta < endLSN, let head = head(at: place), head.isIndexed,
                let body = RecordFormat.body(in: payload, at: place, lsn: lsn + delta)
            {
                return RecordCursor.Record(
                    lsn: lsn + delta, offset: place, isIndexed: true, body: body)
            }
            place += 1
        }
        return nil
    }

    /// nil where no record of this frame can begin.
    private func head(at place: Int) -> RecordFormat.Head? {
        guard payload.count - place >= RecordFormat.plainHeadByteCount,
            let head = RecordFormat.Head(payload.integer(UInt32.self, at: place)),
            payload.count - place - head.headByteCount >= head.bodyByteCount
        else { return nil }
        return head
    }
}

extension SegmentReader {
    /// Of a frame that is not whole; valid until the next call.
    func survivingRecords(
        of frame: FrameHeader, _ kind: LogDamage.Kind, at offset: Int
    ) throws(DiskError) -> SurvivingRecords {
        let payload = try bytes(
            at: offset + LogFormat.frameHeaderByteCount, count: frame.payloadByteCount)
        return SurvivingRecords(frame, payload: payload, isWhole: kind == .padding)
    }
}
