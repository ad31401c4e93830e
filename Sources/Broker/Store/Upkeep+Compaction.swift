internal import HoldfastEngine
internal import HoldfastRecords
internal import HoldfastSnapshots
internal import HoldfastWAL
internal import Synchronization

// Which segments are sparse, and their compaction, on the background thread.
extension Upkeep {
    func committed(_ order: Order, _ work: inout Work) {
        // All that were there when the snapshot listed its segments: those it left out are dead.
        work.unlisted = []
        work.compacting += order.groups.map { ($0, order.survivors) }
        if storageState != .full { work.isCompactionRefused = false }
        guard !work.isCompactionRefused else { return }
        // One round after the other, however quickly snapshots follow.
        guard work.compacting.isEmpty, work.unexamined.isEmpty, wantedGroups.isEmpty else { return }
        work.unexamined = order.segments
        work.candidates = []
    }

    /// Segments whose index is read in one step of looking.
    private static let indexCountMax = 8

    /// Looks at one segment, and after the last one says what the next snapshot is asked for.
    ///
    /// - Returns: whether there is more to look at.
    func examine(_ work: inout Work) throws(LogError) -> Bool {
        var indexCount = 0
        while !work.unexamined.isEmpty, indexCount < Self.indexCountMax {
            if try examineNext(&work) { indexCount += 1 }
            guard work.unexamined.isEmpty else { continue }
            let groups = Compaction.groups(
                of: work.candidates.reversed(), segmentByteCount: log.identity.segmentByteCount,
                survivorCountMax: compactedJobCountMax)
            state.withLock { $0.groups = groups }
            work.candidates = []
        }
        return !work.unexamined.isEmpty
    }

    /// - Returns: whether its index had to be read.
    private func examineNext(_ work: inout Work) throws(LogError) -> Bool {
        let next = work.unexamined.removeLast()
        let segment = SegmentSummary(next)
        let recordCount = Int(segment.nextLSN - segment.firstLSN)
        let liveCount = Int(next.liveCount)
        // A dense one need not be read to know it: it has no more births than records.
        var birthCount = recordCount
        var hasRead = false
        if !work.unreadable.contains(segment.salt),
            liveCount * 2 < recordCount || segment.isCompacted
        {
            hasRead = true
            do throws(LogError) {
                birthCount = try log.indexedCount(of: segment)
            } catch {
                guard case .read = error else { throw error }
                work.unreadable.insert(segment.salt)
            }
        }
        work.candidates.append(
            Compaction.Candidate(
                segment: segment, liveCount: liveCount, birthCount: birthCount,
                isReadable: !work.unreadable.contains(segment.salt)))
        return hasRead
    }

    /// Compacts one group.
    ///
    /// - Returns: whether there was one.
    func compact(_ work: inout Work) throws(LogError) -> Bool {
        guard let (group, survivors) = work.compacting.popLast() else { return false }
        // What was released meanwhile had no live job any more, and what lies between has to go first.
        let salts = group.map(\.salt)
        let searched = log.searchedSegments.map(\.salt)
        guard let first = searched.firstIndex(where: salts.contains),
            Array(searched[first...].prefix(salts.count)) == salts,
            survivors.contains(where: { lsn in
                group.contains { $0.lsns?.contains(lsn) ?? false }
            })
        else { return true }
        // With what it leaves the log has enough for two more snapshots, which give all of it back.
        for isLast in [!log.hasSpareSegment(beyond: Self.keptSegmentCount), true] {
            do throws(LogError) {
                let compacted = try log.compact(group) { segment in
                    survivors.filter { segment.lsns?.contains($0) ?? false }
                }
                work.unlisted.insert(compacted.salt)
                return true
            } catch {
                switch error {
                case .read:
                    work.unreadable.formUnion(group.map(\.salt))
                    return true
                case .full:
                    if isLast { break }
                    try log.giveSpareSegmentBack()
                    continue
                default: throw error
                }
            }
        }
        // Asked for again, it would fail again: not before there is room.
        work.isCompactionRefused = true
        return true
    }

    /// Files of the reserve that a compaction on a full volume leaves.
    private static let keptSegmentCount = 4
}
