internal import HoldfastRecords

/// A segment that will never be written again, as its successor's START describes it.
struct SealedSegment: Equatable, Sendable {
    let header: SegmentHeader
    let firstLSN: LSN
    /// The LSN behind its last record.
    let nextLSN: LSN
    /// Its cut: where its frames end.
    let end: Int

    var number: UInt64 { header.number }

    var summary: SegmentSummary {
        SegmentSummary(
            number: number, salt: header.salt, firstLSN: firstLSN, nextLSN: nextLSN, end: end,
            byteCount: header.byteCount)
    }
}

extension SealedSegment {
    /// As a snapshot says.
    init(_ header: SegmentHeader, _ summary: SegmentSummary) {
        self.init(
            header: header, firstLSN: summary.firstLSN, nextLSN: summary.nextLSN, end: summary.end)
    }
}
