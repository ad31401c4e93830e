internal import HoldfastEngine
internal import HoldfastPages
internal import HoldfastRecords
internal import HoldfastSnapshots
package import HoldfastWAL

/// A segment and what of it is still of use.
package struct SegmentUse: Sendable, Equatable {
    package let segment: LogInspection.Segment
    /// Whether its place in the log is known: not where it is named by no other one, and only a
    /// snapshot that cannot be read could say whether it is needed.
    package let isPlaceKnown: Bool
    /// Jobs that were born in it; nil where it cannot be read.
    package let birthCount: Int?
    /// Those of them that are not done; nil where that is not known.
    package let liveCount: Int?
    /// What their birth records take in bytes, heads included; nil where that is not known.
    package let liveByteCount: Int?

    package var doneCount: Int? {
        guard let birthCount, let liveCount else { return nil }
        return max(0, birthCount - liveCount)
    }

    /// All of the used bytes that are no birth of a job that lives.
    package var deadByteCount: Int? {
        liveByteCount.map { max(0, segment.usedByteCount - $0) }
    }
}

package struct SegmentUses: Sendable, Equatable {
    package let segments: [SegmentUse]
    /// Why it is not known which jobs live; nil where it is.
    package let unknown: String?
}

extension StoreInspection {
    /// Every segment in the order of its records, compacted ones among the plain ones.
    package func orderedSegments() throws(LogError) -> [LogInspection.Segment] {
        let segments = try log.segments()
        var ordered = segments.filter { !$0.isCompacted }
        let compacted = segments.filter(\.isCompacted)
            .sorted { ($0.lsns?.lowerBound ?? 0) < ($1.lsns?.lowerBound ?? 0) }
        for segment in compacted {
            let place = ordered.firstIndex { other in
                guard let first = other.lsns?.lowerBound, !other.isCompacted else { return false }
                return first > segment.lsns?.lowerBound ?? 0
            }
            ordered.insert(segment, at: place ?? ordered.endIndex)
        }
        return ordered
    }

    /// Every segment in that order, and how much of it is alive. Reads the segments that jobs live in;
    /// of the others their sidecars, where they have any.
    package func segmentUses() throws(LogError) -> SegmentUses {
        let segments = try orderedSegments()
        do throws(StoreFault) {
            let store = try restore()
            return SegmentUses(
                segments: try uses(of: segments, in: store.engine), unknown: nil)
        } catch {
            var uses: [SegmentUse] = []
            for segment in segments {
                uses.append(
                    SegmentUse(
                        segment: segment,
                        isPlaceKnown: snapshots.newest != nil || segment.state != .superfluous,
                        birthCount: try births(of: segment), liveCount: nil, liveByteCount: nil))
            }
            return SegmentUses(segments: uses, unknown: "\(error)")
        }
    }

    private func uses(
        of segments: [LogInspection.Segment], in engine: borrowing JobEngine
    ) throws(StoreFault) -> [SegmentUse] {
        var uses: [SegmentUse] = []
        for segment in segments {
            do throws(LogError) {
                let records = try IndexedRecords(of: segment, in: fileSystem)
                let lives = records.map { isRead($0.summary, segment) } ?? false
                let liveCount = lives ? segment.lsns.map { engine.liveCount(in: $0) } ?? 0 : 0
                var liveByteCount = 0
                if liveCount > 0 {
                    liveByteCount =
                        try records?.byteCount { lsn in
                            defer { engine.pages.trim() }
                            return engine.liveCount(in: lsn...lsn) == 1
                        } ?? 0
                }
                uses.append(
                    SegmentUse(
                        segment: segment, isPlaceKnown: true,
                        birthCount: records?.count ?? (segment.lsns == nil ? 0 : nil),
                        liveCount: liveCount, liveByteCount: liveByteCount))
            } catch {
                throw .log(error)
            }
        }
        // Looking jobs up reads pages.
        if let failure = engine.pages.failure { throw .page(failure) }
        return uses
    }

    /// Whether it is this segment that its jobs are read from. What lies in one that is put away lies
    /// in another one too, or is done; and one that was compacted is kept for the older snapshot.
    private func isRead(
        _ summary: SegmentSummary, _ segment: LogInspection.Segment
    ) -> Bool {
        let compacted = (snapshots.newest?.segments ?? []).filter { $0.kind == .compacted }
            .map(SegmentSummary.init)
        if summary.isCompacted { return compacted.contains(summary) }
        guard segment.state == .sealed || segment.state == .last else { return false }
        return !compacted.contains {
            $0.firstLSN <= summary.firstLSN && summary.nextLSN <= $0.nextLSN
        }
    }

    private func births(of segment: LogInspection.Segment) throws(LogError) -> Int? {
        guard segment.lsns != nil else { return segment.state == .unreadable ? nil : 0 }
        return try IndexedRecords(of: segment, in: fileSystem)?.count
    }
}
