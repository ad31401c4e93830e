internal import HoldfastRecords

/// A segment that will never be written again, as its successor's START describes it, or a snapshot.
struct SealedSegment: Equatable, Sendable {
    /// Of a compacted one, what a segment's header would say.
    let header: SegmentHeader
    let firstLSN: LSN
    /// The LSN behind its last record.
    let nextLSN: LSN
    /// Its cut: where its frames end. Of a compacted one, where its records do.
    let end: Int
    let isCompacted: Bool

    init(
        header: SegmentHeader, firstLSN: LSN, nextLSN: LSN, end: Int, isCompacted: Bool = false
    ) {
        self.header = header
        self.firstLSN = firstLSN
        self.nextLSN = nextLSN
        self.end = end
        self.isCompacted = isCompacted
    }

    /// As a snapshot says.
    init(_ header: SegmentHeader, _ summary: SegmentSummary) {
        self.init(
            header: header, firstLSN: summary.firstLSN, nextLSN: summary.nextLSN, end: summary.end,
            isCompacted: summary.isCompacted)
    }

    var number: UInt64 { header.number }
    var key: SegmentKey {
        SegmentKey(number: number, salt: header.salt, isCompacted: isCompacted)
    }

    /// Sealed segments lie by number, a compacted one behind the plain one of its number.
    func isOrdered(notBehind key: SegmentKey) -> Bool {
        if self.key == key { return true }
        return (number, isCompacted ? 1 : 0, header.salt)
            < (key.number, key.isCompacted ? 1 : 0, key.salt)
    }

    var summary: SegmentSummary {
        SegmentSummary(
            number: number, salt: header.salt, firstLSN: firstLSN, nextLSN: nextLSN, end: end,
            byteCount: header.byteCount, isCompacted: isCompacted)
    }
}
