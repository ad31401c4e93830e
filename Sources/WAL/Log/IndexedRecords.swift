package import HoldfastDisk
package import HoldfastRecords

/// The records of one segment that are found by their LSN, for tools: how many there are, and what
/// some of them take.
package struct IndexedRecords: Sendable, Equatable {
    package private(set) var count = 0
    /// Of those that were wanted, in bytes, heads included.
    package private(set) var wantedByteCount = 0
    package private(set) var wantedCount = 0

    /// Takes the sidecar where there is one and reads the segment where there is none; changes
    /// nothing on disk.
    ///
    /// - Parameters:
    ///   - isWanted: whether the length of this record counts; asked in rising order.
    ///   - readsLengths: false where nothing is wanted: a sidecar alone is enough then.
    /// - Returns: nil where the segment cannot be read as one.
    package init?(
        of segment: LogInspection.Segment, in fileSystem: any FileSystem,
        readsLengths: Bool = true, isWanted: (LSN) -> Bool
    ) throws(LogError) {
        guard let lsns = segment.lsns else { return }
        let file = try LogError.reading { () throws(DiskError) in
            try fileSystem.openFile(segment.path, for: .reading)
        }
        let found = try LogError.reading { () throws(DiskError) in
            try SegmentHeader.read(from: file)?.header
        }
        guard let header = found, header.number == segment.number else { return nil }
        let reader = SegmentReader(file: file, header: header)
        let sealed = SealedSegment(
            header: header, firstLSN: lsns.lowerBound, nextLSN: lsns.upperBound + 1,
            end: segment.usedByteCount)
        let index = try LogError.reading { () throws(DiskError) in
            if let index = SidecarFile.load(sealed, in: fileSystem) { return index }
            return try SegmentIndex(scanning: reader, end: segment.usedByteCount)
        }
        count = index.count
        guard readsLengths else { return }
        for position in 0..<index.count {
            let lsn = index.firstLSN + LSN(index.deltas[position])
            guard isWanted(lsn) else { continue }
            let offset = Int(index.offsets[position])
            let word = try LogError.reading { () throws(DiskError) in
                try reader.bytes(at: offset, count: RecordFormat.plainHeadByteCount)
                    .integer(UInt32.self, at: 0)
            }
            // One that is damaged takes no space that is of use to anybody.
            guard let head = RecordFormat.Head(word), head.isIndexed else { continue }
            wantedCount += 1
            wantedByteCount += head.headByteCount + head.bodyByteCount
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
        let header = try LogError.reading { () throws(DiskError) in
            try SegmentHeader.read(from: fileSystem.openFile(segment.path, for: .reading))?.header
        }
        guard let header, header.number == segment.number else { return nil }
        self.init(
            number: segment.number, salt: header.salt, firstLSN: lsns.lowerBound,
            nextLSN: lsns.upperBound + 1, end: segment.usedByteCount, byteCount: header.byteCount)
    }
}
