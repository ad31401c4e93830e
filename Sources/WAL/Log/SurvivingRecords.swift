internal import HoldfastDisk
internal import HoldfastRecords

/// What can still be read of the records of a damaged frame: all of them where only its padding is
/// damaged, and otherwise the indexed ones that prove by themselves that they are whole.
struct SurvivingRecords {
    /// nil where only the padding is damaged, or nothing: the frame's checksum speaks for them all.
    private let index: SegmentIndex?
    private let payload: UnsafeRawBufferPointer
    /// Of the payload, in the segment's file.
    private let start: Int
    private var cursor: RecordCursor
    private var entry = 0

    /// Of a frame whose payload is whole.
    ///
    /// - Parameter payload: valid as long as this is used.
    init(_ header: FrameHeader, payload: UnsafeRawBufferPointer) {
        self.init(header, payload: payload, index: nil, start: 0)
    }

    fileprivate init(
        _ header: FrameHeader, payload: UnsafeRawBufferPointer, index: SegmentIndex?, start: Int
    ) {
        self.index = index
        self.payload = payload
        self.start = start
        cursor = RecordCursor(header, payload: payload)
    }

    /// The next one; LSNs rise. Others may have been passed over.
    mutating func next() -> RecordCursor.Record? {
        guard let index else { return cursor.next() }
        while entry < index.count {
            let place = index.place(at: entry, end: start + payload.count)
            entry += 1
            let offset = place.offset - start
            guard let body = RecordFormat.body(in: payload, at: offset, lsn: place.lsn) else {
                continue
            }
            return RecordCursor.Record(
                lsn: place.lsn, offset: offset, isIndexed: true, body: body)
        }
        return nil
    }
}

extension SegmentReader {
    /// Of a frame that is not whole; valid until the next call.
    func survivingRecords(
        of frame: FrameHeader, _ kind: LogDamage.Kind, at offset: Int
    ) throws(DiskError) -> SurvivingRecords {
        var index: SegmentIndex?
        if kind != .padding {
            var survivors = SegmentIndex(firstLSN: frame.firstLSN)
            try survivors.appendSurvivors(of: frame, self, at: offset)
            index = survivors
        }
        let range = try payloadRange(of: frame, at: offset)
        let payload = try bytes(at: range.lowerBound, count: range.count)
        return SurvivingRecords(frame, payload: payload, index: index, start: range.lowerBound)
    }
}
