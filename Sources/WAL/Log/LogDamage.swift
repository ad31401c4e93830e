package import HoldfastRecords

/// Bytes of the log that are not what was written: which, and which records they concern.
package struct LogDamage: Error, Sendable, Hashable, CustomStringConvertible {
    package enum Kind: String, Sendable, CaseIterable {
        /// A segment that another one names is not there.
        case missingSegment = "the segment is missing"
        /// A segment that no other one names, with records in it.
        case strayedSegment = "the segment does not belong into the sequence"
        /// A segment of that number is there, with another salt, length or first LSN.
        case otherSegment = "the segment is not the one that the snapshot lists"
        case segmentHeader = "both segment headers are unreadable"
        case firstHeader = "the segment header at the beginning is damaged"
        case lastHeader = "the segment header at the end is damaged"
        case wrongNumber = "the segment was renamed: its header has another number"
        case wrongByteCount = "the file has another length than its header says"
        case start = "the START frame is damaged"
        case frame = "no frame where one was"
        case payload = "the records of a frame are damaged"
        case padding = "the zeros behind a frame are damaged"
        /// Checksums hold, but it cannot follow what is before it.
        case sequence = "a frame is out of sequence"
        /// Behind the frames of the last segment.
        case remainder = "bytes that no write explains behind the last frame"
        /// Behind the cut of an earlier segment.
        case tail = "bytes behind the cut have changed since the segment was sealed"
        /// The last frame is not whole. That is what a crash leaves of a commit that nobody was
        /// told of; whether it was that, or damage to the very last commit, cannot be known.
        case unfinished = "the last commit is not whole (torn by a crash, or damaged)"
        case compactedHeader = "the first block of the compacted segment is damaged"
        case compactedIndex = "the index of the compacted segment is damaged"
        case compactedRecord = "records of the compacted segment are damaged"
        case unreadable = "the disk does not give these bytes back"
        case sidecar = "the sidecar is damaged (it is rebuilt when it is needed)"
    }

    package let kind: Kind
    package let segmentNumber: UInt64
    /// In the segment's file, in bytes.
    package let offset: Int
    package let byteCount: Int
    /// The records that lie in there, as far as that is known; nil where no record is concerned.
    package let lsns: ClosedRange<LSN>?
    /// Where it is in a compacted segment: the salt, which is part of its name.
    private let compactedSalt: UInt64?

    init(
        _ kind: Kind, segment number: UInt64, offset: Int, byteCount: Int,
        lsns: ClosedRange<LSN>? = nil, compactedSalt: UInt64? = nil
    ) {
        self.compactedSalt = compactedSalt
        self.kind = kind
        self.segmentNumber = number
        self.offset = offset
        self.byteCount = byteCount
        self.lsns = lsns
    }

    /// Of a whole segment that a snapshot lists.
    init(_ kind: Kind, _ summary: SegmentSummary) {
        self.init(
            kind, segment: summary.number, offset: 0, byteCount: summary.byteCount,
            lsns: summary.firstLSN < summary.nextLSN
                ? summary.firstLSN...(summary.nextLSN - 1) : nil,
            compactedSalt: summary.isCompacted ? summary.salt : nil)
    }

    package var path: String {
        if let compactedSalt {
            return DirectoryLayout.compacted(segmentNumber, salt: compactedSalt)
        }
        return kind == .sidecar
            ? DirectoryLayout.sidecar(segmentNumber) : DirectoryLayout.segment(segmentNumber)
    }

    package var description: String {
        let records =
            switch lsns {
            case nil: "no records concerned"
            case let lsns? where lsns.count == 1: "LSN \(lsns.lowerBound)"
            case let lsns?: "LSN \(lsns.lowerBound) to \(lsns.upperBound)"
            }
        return "\(path), offset \(offset), \(byteCount) bytes, \(records): \(kind.rawValue)"
    }
}
