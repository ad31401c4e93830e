internal import HoldfastRecords
internal import HoldfastWAL

/// Which segments are worth being compacted: written into one together with their neighbours, as far
/// as their jobs live. A job that is never done then keeps itself and not its segment.
///
/// What is found when one snapshot is committed is asked of the engine when the next one is taken,
/// and done when that one is committed: a job that is dead in a committed snapshot is dead for good.
struct Compaction {
    /// A segment in use, and what lives of it.
    struct Candidate {
        let segment: SegmentSummary
        let liveCount: Int
        /// Jobs that were born in it.
        let birthCount: Int
        /// Whether nothing in it was found that cannot be read; else it stays as it is.
        let isReadable: Bool

        /// What of it lives, if its jobs are of one size.
        var liveByteCount: Int { birthCount > 0 ? segment.end / birthCount * liveCount : 0 }
        var isSparse: Bool { liveCount * 2 < birthCount }
    }

    /// Small compacted segments that lie side by side are worth being one at this number.
    static let compactedCountMin = 8

    /// What a group may span: offsets and distances within a compacted segment take 32 bits.
    private static let extentMax = 1 << 31

    /// Groups of neighbours, each of which becomes one segment not longer than the others.
    ///
    /// - Parameters:
    ///   - candidates: all segments in use, in their order, the dense ones too.
    ///   - survivorCountMax: jobs that one round moves; more only where one segment has them.
    static func groups(
        of candidates: [Candidate], segmentByteCount: Int, survivorCountMax: Int
    ) -> [[SegmentSummary]] {
        var groups: [[SegmentSummary]] = []
        var run: [Candidate] = []
        var survivorCount = 0
        var byteCount = 0
        var fileByteCount = 0
        func isWorthIt(_ run: [Candidate]) -> Bool {
            run.contains { !$0.segment.isCompacted || $0.isSparse }
                || run.count >= compactedCountMin
        }
        func hasRoom(for candidate: Candidate) -> Bool {
            survivorCount == 0 || survivorCount + candidate.liveCount <= survivorCountMax
        }
        for candidate in candidates {
            let isSmall =
                candidate.segment.isCompacted && candidate.segment.byteCount < segmentByteCount / 8
            let joins = candidate.isReadable && (candidate.isSparse || isSmall)
            let isFull =
                byteCount + candidate.liveByteCount > segmentByteCount / 2
                || !hasRoom(for: candidate)
                || fileByteCount + candidate.segment.byteCount > extentMax
                || candidate.segment.nextLSN - (run.first ?? candidate).segment.firstLSN
                    > UInt64(extentMax)
                || run.last.map { $0.segment.isCompacted != candidate.segment.isCompacted } ?? false
            if !joins || isFull {
                if isWorthIt(run) { groups.append(run.map(\.segment)) }
                run = []
                byteCount = 0
                fileByteCount = 0
            }
            guard joins,
                candidate.segment.nextLSN - candidate.segment.firstLSN <= UInt64(extentMax),
                hasRoom(for: candidate)
            else { continue }
            run.append(candidate)
            survivorCount += candidate.liveCount
            byteCount += candidate.liveByteCount
            fileByteCount += candidate.segment.byteCount
        }
        if isWorthIt(run) { groups.append(run.map(\.segment)) }
        return groups
    }
}
