internal import HoldfastPages

/// What has to lie ready on the disk so that the jobs which are there can all be brought to their end
/// on a full volume.
package struct SpaceNeeds: Sendable, Equatable {
    /// What one live job's way to its end takes of pages at most, in bytes, wherever it leads: its entry
    /// in a lane, its state, its place among the delayed or the dead, and its ack.
    package static let byteCountPerJob = 192

    package var liveJobCount: Int
    package var usedPageCount: Int
    /// The highest number of a page in use.
    package var pageNumberMax: UInt32
    /// What the root may take at most with what there is now, in bytes.
    package var rootByteCountMax: Int
    /// Changed pages above which a snapshot is taken.
    package var dirtyPageCountMax: Int

    package init(
        liveJobCount: Int, usedPageCount: Int, pageNumberMax: UInt32, rootByteCountMax: Int,
        dirtyPageCountMax: Int
    ) {
        self.liveJobCount = liveJobCount
        self.usedPageCount = usedPageCount
        self.pageNumberMax = pageNumberMax
        self.rootByteCountMax = rootByteCountMax
        self.dirtyPageCountMax = dirtyPageCountMax
    }

    /// Places for pages beside those that the kept snapshots have: what the state may still grow by,
    /// and three times what a snapshot writes, for the one that is written and the two that are kept.
    package var sparePageCount: Int {
        let limit = liveJobCount * Self.byteCountPerJob / PageFormat.byteCount
        // Of the pages in use only what live jobs have at least is theirs for certain.
        let taken = min(
            usedPageCount, liveJobCount * Self.laneEntryByteCount / PageFormat.byteCount)
        let growth = limit - taken
        let changed = min(Self.changedPageCountMax(dirtyPageCountMax), usedPageCount + growth)
        return growth + 3 * changed + Self.constantPageCount
    }

    /// How many more jobs so many places are enough for: what each grows the state by, and three times that
    /// for the snapshots.
    package static func jobCount(paidBy pageCount: Int) -> Int {
        max(0, pageCount) * PageFormat.byteCount / (4 * byteCountPerJob)
    }

    /// Changed pages that one snapshot may come to have: those that it is taken for, and those that
    /// come while the one before is written.
    package static func changedPageCountMax(_ dirtyPageCountMax: Int) -> Int {
        dirtyPageCountMax + dirtyPageCountMax / 2
    }

    private static let laneEntryByteCount = 24

    /// For what an empty state comes to have with its first jobs.
    private static let constantPageCount = 16
}
