internal import HoldfastMutants
package import HoldfastRecords
internal import HoldfastSnapshots
package import HoldfastWAL

extension SnapshotStore {
    /// The segments that may go.
    ///
    /// A segment is free when neither of the two kept snapshots lists it, because no job that was
    /// born in it is alive, and both are past it, so that neither has to replay it (I4, I5). With one
    /// snapshot alone nothing is: should that one be lost, only the whole log could take its place.
    /// A segment that ends with a snapshot's last record may have been sealed after the snapshot had
    /// listed its segments: only what has a record behind it, which both know, had been sealed by then.
    func freeSegments(of sealed: [SegmentSummary]) -> [SegmentSummary] {
        let needs = Mutant.segmentsDeletedByNewerSnapshot.isOn ? Array(needs.prefix(1)) : needs
        guard needs.count == 2 || Mutant.segmentsDeletedByNewerSnapshot.isOn,
            let oldest = needs.map(\.lastLSN).min()
        else { return [] }
        let listed = Set(needs.flatMap { $0.segments.map(\.salt) })
        return sealed.filter { $0.nextLSN <= oldest && !listed.contains($0.salt) }
    }
}

extension LogOrigin {
    /// What the snapshots say about the log; nil where there is none.
    init?(_ snapshots: SnapshotStore) {
        guard let newest = snapshots.newest else { return nil }
        let needs = snapshots.needs
        let older = needs.count == 2 ? needs[1] : (lastLSN: 0, segments: [])
        self.init(
            lastLSN: newest.lastLSN, frameTime: newest.frameTime,
            segments: newest.segments.map(SegmentSummary.init), olderLastLSN: older.lastLSN,
            olderSegments: older.segments.map(SegmentSummary.init))
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
    package var lsns: ClosedRange<LSN>? { firstLSN < nextLSN ? firstLSN...(nextLSN - 1) : nil }
}
