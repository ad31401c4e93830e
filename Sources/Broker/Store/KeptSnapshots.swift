internal import HoldfastRecords
internal import HoldfastSnapshots
internal import HoldfastWAL

/// What the two snapshots that are kept need of the log.
///
/// A segment is free when neither lists it, because no job that was born in it is alive, and both
/// are past it, so that neither has to replay it (I4, I5).
struct KeptSnapshots {
    private struct Kept {
        let lastLSN: LSN
        let segments: Set<UInt64>
    }

    /// The older one first, two at most. One alone frees nothing: what the other one was is unknown.
    private var kept: [Kept] = []

    init(newest: SnapshotStore.Loaded?) {
        if let newest { add(lastLSN: newest.lastLSN, segments: newest.segments) }
    }

    mutating func add(lastLSN: LSN, segments: [SnapshotSegment]) {
        kept.append(Kept(lastLSN: lastLSN, segments: Set(segments.map(\.number))))
        if kept.count > 2 { kept.removeFirst() }
    }

    /// The numbers of the segments that may go.
    func free(of sealed: [SegmentSummary]) -> [UInt64] {
        guard kept.count == 2, let oldest = kept.map(\.lastLSN).min() else { return [] }
        return sealed.filter { segment in
            segment.nextLSN <= oldest + 1 && !kept.contains { $0.segments.contains(segment.number) }
        }.map(\.number)
    }
}

extension SnapshotSegment {
    init(_ segment: SegmentSummary, liveCount: UInt64) {
        self.init(
            number: segment.number, salt: segment.salt, firstLSN: segment.firstLSN,
            nextLSN: segment.nextLSN, end: segment.end, byteCount: segment.byteCount,
            liveCount: liveCount, kind: segment.isCompacted ? .compacted : .plain)
    }
}

extension SegmentSummary {
    init(_ segment: SnapshotSegment) {
        self.init(
            number: segment.number, salt: segment.salt, firstLSN: segment.firstLSN,
            nextLSN: segment.nextLSN, end: segment.end, byteCount: segment.byteCount,
            isCompacted: segment.kind == .compacted)
    }

    /// nil where it holds no record.
    var lsns: ClosedRange<LSN>? { firstLSN < nextLSN ? firstLSN...(nextLSN - 1) : nil }
}
