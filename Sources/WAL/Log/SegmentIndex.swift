internal import HoldfastDisk
internal import HoldfastRecords

/// Where the indexed records of one segment lie, by LSN: eight bytes for each.
struct SegmentIndex: Equatable, Sendable {
    struct Place: Equatable {
        let lsn: LSN
        /// Of the record's head, in the segment's file.
        let offset: Int
        /// Where the record ends at the latest: the next indexed one, or the end of the frames.
        let limit: Int
    }

    let firstLSN: LSN
    /// Less `firstLSN`, rising.
    private(set) var deltas: [UInt32] = []
    private(set) var offsets: [UInt32] = []

    init(firstLSN: LSN) {
        self.firstLSN = firstLSN
    }

    init(firstLSN: LSN, deltas: [UInt32], offsets: [UInt32]) {
        self.firstLSN = firstLSN
        self.deltas = deltas
        self.offsets = offsets
    }

    /// An index as a file has it: nil where it cannot be one of the segment. A checksum proves that it
    /// was written, not that it makes sense; whoever reads by it relies on its order.
    init?(of segment: SealedSegment, deltas: [UInt32], offsets: [UInt32]) {
        guard segment.firstLSN <= segment.nextLSN, deltas.count == offsets.count,
            zip(deltas, deltas.dropFirst()).allSatisfy({ $0 < $1 }),
            zip(offsets, offsets.dropFirst()).allSatisfy({ $0 < $1 }),
            deltas.last.map({ LSN($0) < segment.nextLSN - segment.firstLSN }) ?? true,
            offsets.last.map({ Int($0) < segment.end }) ?? true
        else { return nil }
        self.init(firstLSN: segment.firstLSN, deltas: deltas, offsets: offsets)
    }

    var count: Int { deltas.count }
    var footprintByteCount: Int { (deltas.capacity + offsets.capacity) * 4 }

    mutating func append(_ lsn: LSN, offset: Int) {
        deltas.append(UInt32(lsn - firstLSN))
        offsets.append(UInt32(offset))
    }

    /// Adds the indexed records of a frame that lies at `offset`; none where its numbers cannot be of
    /// this segment, which only somebody who goes on past damage can meet.
    mutating func append(_ header: FrameHeader, payload: UnsafeRawBufferPointer, at offset: Int) {
        guard canHold(header.firstLSN..<header.nextLSN) else { return }
        var cursor = RecordCursor(header, payload: payload)
        while let record = cursor.next() {
            guard record.isIndexed else { continue }
            append(record.lsn, offset: offset + LogFormat.frameHeaderByteCount + record.offset)
        }
    }

    /// Whether records of these numbers can be of this segment: a damaged header may say any.
    func canHold(_ lsns: Range<LSN>) -> Bool {
        lsns.lowerBound >= firstLSN && lsns.upperBound - firstLSN <= LSN(UInt32.max)
    }

    mutating func append(_ batch: RecordBatch, at offset: Int) {
        for lsn in batch.firstLSN..<batch.nextLSN {
            let location = batch.location(of: lsn)
            guard location.isIndexed else { continue }
            append(lsn, offset: offset + LogFormat.frameHeaderByteCount + location.offset)
        }
    }

    /// Without the records from `lsn` on.
    func before(_ lsn: LSN) -> SegmentIndex {
        let count = deltas.prefix { firstLSN + LSN($0) < lsn }.count
        return SegmentIndex(
            firstLSN: firstLSN, deltas: Array(deltas[..<count]), offsets: Array(offsets[..<count]))
    }

    /// - Parameter end: where the frames of the segment end.
    func place(of lsn: LSN, end: Int) -> Place? {
        guard lsn >= firstLSN, let delta = UInt32(exactly: lsn - firstLSN) else { return nil }
        var low = 0
        var high = deltas.count
        while low < high {
            let middle = (low + high) / 2
            if deltas[middle] < delta { low = middle + 1 } else { high = middle }
        }
        guard low < deltas.count, deltas[low] == delta else { return nil }
        return place(at: low, end: end)
    }

    /// - Parameter entry: from 0, below `count`.
    func place(at entry: Int, end: Int) -> Place {
        let offset = Int(offsets[entry])
        // Where the frames end may be said by another file, and lie before the record.
        return Place(
            lsn: firstLSN + LSN(deltas[entry]), offset: offset,
            limit: entry + 1 < offsets.count ? Int(offsets[entry + 1]) : max(offset, end))
    }
}
