package import HoldfastRecords

/// A segment that will never be written again, as a snapshot lists it: enough to tell whether a
/// file is the one that was meant.
package struct SegmentSummary: Sendable, Equatable {
    package let number: UInt64
    /// Of this life of the file.
    package let salt: UInt64
    package let firstLSN: LSN
    /// The LSN behind its last record.
    package let nextLSN: LSN
    /// Its cut: where its frames end, in bytes.
    package let end: Int
    /// The length of its file in bytes.
    package let byteCount: Int
    /// Whether it holds what was left of other segments, and only the records that are found by
    /// LSN. It takes part in reading, never in replaying.
    package let isCompacted: Bool

    package init(
        number: UInt64, salt: UInt64, firstLSN: LSN, nextLSN: LSN, end: Int, byteCount: Int,
        isCompacted: Bool = false
    ) {
        self.number = number
        self.salt = salt
        self.firstLSN = firstLSN
        self.nextLSN = nextLSN
        self.end = end
        self.byteCount = byteCount
        self.isCompacted = isCompacted
    }
}

/// What a snapshot says about the log: from where on its records are needed to know the state, and
/// which segments before that hold records that are still read.
package struct LogOrigin: Sendable, Equatable {
    /// The state is known up to this record; 0 where it is that of an empty store. All up to here
    /// had been durable.
    package var lastLSN: LSN
    /// The broker's time of the frame that ends with it, in milliseconds.
    package var frameTime: Int64
    /// Taken from `WriteAheadLog.sealedSegments` when `lastLSN` was durable, less those that were
    /// not needed. Whatever is sealed later lies behind `lastLSN`, or ends with it.
    package var segments: [SegmentSummary]
    /// The same of the older snapshot that is kept, which may be the only one that can be read next
    /// time: what it needs is not put away, though nothing says that it must be there. 0 where the
    /// older state is that of an empty store.
    package var olderLastLSN: LSN
    package var olderSegments: [SegmentSummary]

    /// - Parameter olderLastLSN: nil where there is no older state to go back to.
    package init(
        lastLSN: LSN, frameTime: Int64, segments: [SegmentSummary], olderLastLSN: LSN? = nil,
        olderSegments: [SegmentSummary] = []
    ) {
        self.lastLSN = lastLSN
        self.frameTime = frameTime
        self.segments = segments
        self.olderLastLSN = olderLastLSN ?? lastLSN
        self.olderSegments = olderSegments
    }
}
