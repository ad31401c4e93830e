internal import HoldfastDisk
internal import HoldfastRecords

/// A compacted segment as it lies on the disk, to be read and to be checked.
struct CompactedFile {
    let file: any File
    let segment: SealedSegment

    /// As a snapshot says.
    static func segment(_ summary: SegmentSummary, _ uuid: UniqueID?) -> SealedSegment {
        SealedSegment(
            SegmentHeader(
                uuid: uuid ?? UniqueID(high: 0, low: 0), number: summary.number, salt: summary.salt,
                byteCount: summary.byteCount, alignment: CompactedHeader.blockByteCount), summary)
    }

    /// What its first block says; nil where that is damaged.
    static func header(of file: any File) throws(DiskError) -> CompactedHeader? {
        try file.read(byteCount: CompactedHeader.byteCount, at: 0)
            .withUnsafeBytes { CompactedHeader(decoding: $0) }
    }

    /// Its index; by going through the records where that is damaged, so that nothing is lost.
    func index() throws(DiskError) -> (index: SegmentIndex, isWhole: Bool) {
        if let header = try Self.header(of: file), header.describes(segment.summary),
            let index = try storedIndex(header)
        {
            return (index, true)
        }
        return (try scannedIndex(), false)
    }

    private func storedIndex(_ header: CompactedHeader) throws(DiskError) -> SegmentIndex? {
        guard header.end + header.recordCount * 8 <= (try file.byteCount()) else { return nil }
        let bytes = try file.read(byteCount: header.recordCount * 8, at: header.end)
        guard bytes.count == header.recordCount * 8,
            Checksum.crc32c(bytes) == header.indexChecksum
        else { return nil }
        return bytes.withUnsafeBytes { bytes in
            SegmentIndex(
                of: segment,
                deltas: (0..<header.recordCount).map { bytes.integer(UInt32.self, at: $0 * 8) },
                offsets: (0..<header.recordCount).map {
                    bytes.integer(UInt32.self, at: $0 * 8 + 4)
                })
        }
    }

    /// A head says how long its record is and, with the segment's range, which LSN it has.
    private func scannedIndex() throws(DiskError) -> SegmentIndex {
        let reader = SegmentReader(file: file, header: segment.header)
        var index = SegmentIndex(firstLSN: segment.firstLSN)
        var offset = CompactedHeader.blockByteCount
        let headByteCount = 12
        // A listing may say that it is shorter than what was written to it.
        let limit = min(segment.end, segment.header.byteCount)
        while offset + headByteCount <= limit {
            let bytes = try reader.bytes(at: offset, count: headByteCount)
            guard let head = RecordFormat.Head(bytes.integer(UInt32.self, at: 0)), head.isIndexed,
                offset + headByteCount + head.bodyByteCount <= limit
            else { break }
            let low = bytes.integer(UInt32.self, at: 4)
            let delta = low &- UInt32(truncatingIfNeeded: segment.firstLSN)
            guard segment.firstLSN + LSN(delta) < segment.nextLSN,
                index.deltas.last.map({ $0 < delta }) ?? true
            else { break }
            index.append(segment.firstLSN + LSN(delta), offset: offset)
            offset += headByteCount + head.bodyByteCount
        }
        return index
    }

    // MARK: Checking

    /// Checks all but the records: first block, index, and the zeros behind it. Returns the index.
    func checkFrame(_ found: (LogDamage) -> Void) throws(DiskError) -> SegmentIndex {
        let byteCount = segment.header.byteCount
        let actual = try file.byteCount()
        if actual != byteCount {
            found(
                damage(.wrongByteCount, min(actual, byteCount), max(abs(actual - byteCount), 1)))
        }
        let block = CompactedHeader.blockByteCount
        let first = try file.read(byteCount: block, at: 0)
        let header = first.withUnsafeBytes { CompactedHeader(decoding: $0) }
        if header?.describes(segment.summary) != true || header?.encoded() != first {
            found(damage(.compactedHeader, 0, block))
        }
        let (index, isWhole) = try index()
        guard isWhole else {
            // Without a first block nothing says what the index was.
            if header != nil {
                found(damage(.compactedIndex, segment.end, max(byteCount - segment.end, 1)))
            }
            return index
        }
        let indexEnd = segment.end + index.count * 8
        let rest = try file.read(byteCount: max(byteCount - indexEnd, 0), at: indexEnd)
        if let last = rest.withUnsafeBytes({ $0.lastNonZeroOffset }) {
            found(damage(.padding, indexEnd, last + 1))
        }
        return index
    }

    /// Checks some of the records, and that they lie one behind the other.
    func checkRecords(
        _ range: Range<Int>, of index: SegmentIndex, _ found: (LogDamage) -> Void
    ) throws(DiskError) {
        let block = CompactedHeader.blockByteCount
        let first = index.offsets.first.map(Int.init) ?? segment.end
        if range.lowerBound == 0, first != block {
            found(damage(.compactedRecord, block, max(segment.end - block, 1), allLSNs))
            return
        }
        // Neighbours in one read: there may be thousands in a piece.
        let reader = SegmentReader(file: file, header: segment.header)
        let bound = min(segment.end, try file.byteCount())
        for entry in range {
            let place = index.place(at: entry, end: segment.end)
            guard place.offset < place.limit, place.limit <= bound else {
                found(damage(.compactedRecord, place.offset, 1, place.lsn...place.lsn))
                continue
            }
            let bytes = try reader.bytes(at: place.offset, count: place.limit - place.offset)
            if !Self.isWhole(bytes, place.lsn) {
                found(
                    damage(
                        .compactedRecord, place.offset, place.limit - place.offset,
                        place.lsn...place.lsn))
            }
        }
        // Only where the index is not the one that was written, and the records broke off.
        if range.upperBound == index.count {
            let end = try index.count == 0 ? first : self.end(of: index)
            if end < segment.end {
                found(damage(.compactedRecord, end, segment.end - end, allLSNs))
            }
        }
    }

    private static func isWhole(_ record: UnsafeRawBufferPointer, _ lsn: LSN) -> Bool {
        guard record.count >= 12, let head = RecordFormat.Head(record.integer(UInt32.self, at: 0)),
            head.isIndexed, head.headByteCount + head.bodyByteCount == record.count
        else { return false }
        return RecordFormat.body(in: record, at: 0, lsn: lsn) != nil
    }

    /// Where the last record of an index ends, as its head says.
    private func end(of index: SegmentIndex) throws(DiskError) -> Int {
        let place = index.place(at: index.count - 1, end: segment.end)
        let bytes = try file.read(byteCount: 4, at: place.offset)
        guard bytes.count == 4,
            let head = bytes.withUnsafeBytes({
                RecordFormat.Head($0.integer(UInt32.self, at: 0))
            })
        else { return segment.end }
        return place.offset + head.headByteCount + head.bodyByteCount
    }

    private var allLSNs: ClosedRange<LSN>? {
        segment.firstLSN < segment.nextLSN ? segment.firstLSN...(segment.nextLSN - 1) : nil
    }

    private func damage(
        _ kind: LogDamage.Kind, _ offset: Int, _ byteCount: Int, _ lsns: ClosedRange<LSN>? = nil
    ) -> LogDamage {
        LogDamage(
            kind, segment: segment.number, offset: offset, byteCount: byteCount, lsns: lsns,
            compactedSalt: segment.header.salt)
    }
}
