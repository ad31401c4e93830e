package import HoldfastDisk
package import HoldfastRecords

/// The records of one segment, plain or compacted, that are found by their LSN, for tools. Changes
/// nothing on disk.
package struct IndexedRecords {
    private let file: any File
    private let index: SegmentIndex
    private let end: Int
    /// As a snapshot would list the segment.
    package let summary: SegmentSummary
    /// Whether a compacted segment's own index can be read; the others' is made from their frames.
    package let isWhole: Bool

    /// Takes the sidecar where there is one and reads the segment where there is none.
    ///
    /// - Returns: nil where it holds no record, or cannot be read as a segment.
    package init?(
        of segment: LogInspection.Segment, in fileSystem: any FileSystem
    ) throws(LogError) {
        guard let summary = try SegmentSummary(segment, in: fileSystem) else { return nil }
        self.summary = summary
        end = summary.end
        let file = try LogError.reading { () throws(DiskError) in
            try fileSystem.openFile(segment.path, for: .reading)
        }
        self.file = file
        let found = try LogError.reading { () throws(DiskError) -> (SegmentIndex, Bool)? in
            if summary.isCompacted {
                let compacted = CompactedFile(
                    file: file, segment: CompactedFile.segment(summary, nil))
                return try compacted.index()
            }
            guard let header = try SegmentHeader.read(from: file)?.header else { return nil }
            let sealed = SealedSegment(header, summary)
            if let index = SidecarFile.load(sealed, in: fileSystem) { return (index, true) }
            let reader = SegmentReader(file: file, header: header)
            let scanned = try SegmentIndex.scanning(
                reader, firstLSN: summary.firstLSN, end: summary.end, nextLSN: summary.nextLSN)
            return (scanned.index, true)
        }
        guard let found else { return nil }
        (index, isWhole) = found
    }

    package var count: Int { index.count }

    /// What those take in bytes, heads included, that are wanted.
    ///
    /// - Parameter isWanted: asked in rising order.
    package func byteCount(where isWanted: (LSN) -> Bool) throws(LogError) -> Int {
        let header = SegmentHeader(
            uuid: UniqueID(high: 0, low: 0), number: summary.number, salt: summary.salt,
            byteCount: summary.byteCount, alignment: CompactedHeader.blockByteCount)
        let reader = SegmentReader(file: file, header: header)
        var sum = 0
        for entry in 0..<index.count {
            let place = index.place(at: entry, end: end)
            guard isWanted(place.lsn), place.offset + 4 <= summary.byteCount else { continue }
            let word = try LogError.reading { () throws(DiskError) in
                try reader.bytes(at: place.offset, count: 4).integer(UInt32.self, at: 0)
            }
            // One that is damaged is of use to nobody.
            guard let head = RecordFormat.Head(word), head.isIndexed else { continue }
            sum += head.headByteCount + head.bodyByteCount
        }
        return sum
    }

    /// Shows the records in rising order; the bodies are valid during the call.
    ///
    /// - Parameter show: gets nil for one that is not whole.
    package func forEach(
        _ show: (_ lsn: LSN, _ offset: Int, UnsafeRawBufferPointer?) -> Void
    ) throws(LogError) {
        try LogError.reading { () throws(DiskError) in
            for entry in 0..<index.count {
                let place = index.place(at: entry, end: end)
                try RecordReading(file: file).read([place]) { lsn, body in
                    show(lsn, place.offset, body)
                }
            }
        }
    }
}

extension SegmentSummary {
    /// What a snapshot would list of this segment.
    ///
    /// - Returns: nil where it holds no record, or cannot be read.
    package init?(
        _ segment: LogInspection.Segment, in fileSystem: any FileSystem
    ) throws(LogError) {
        guard let lsns = segment.lsns else { return nil }
        let name = segment.path.split(separator: "/").last.map(String.init) ?? ""
        // Longer than any that can be listed.
        guard segment.byteCount <= Int(UInt32.max) else { return nil }
        if let key = DirectoryLayout.compactedKey(ofName: name) {
            self.init(
                number: key.number, salt: key.salt, firstLSN: lsns.lowerBound,
                nextLSN: lsns.upperBound + 1, end: segment.usedByteCount,
                byteCount: segment.byteCount, isCompacted: true)
            return
        }
        let header = try LogError.reading { () throws(DiskError) in
            try SegmentHeader.read(from: fileSystem.openFile(segment.path, for: .reading))?.header
        }
        guard let header, header.number == segment.number else { return nil }
        self.init(
            number: segment.number, salt: header.salt, firstLSN: lsns.lowerBound,
            nextLSN: lsns.upperBound + 1, end: segment.usedByteCount, byteCount: header.byteCount)
    }
}

extension LogInspection.Segment {
    /// Whether it holds what was left of others, whether a snapshot lists it or not.
    package var isCompacted: Bool { path.hasSuffix(".cmp") }
}
