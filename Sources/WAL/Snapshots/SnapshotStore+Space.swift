internal import HoldfastDisk
internal import Synchronization

extension SnapshotStore {
    /// Makes one file, where the files have less than `sparePageCount` pages beyond those that the
    /// kept snapshots have, or where a slot has no file of that length yet, and of the newest's: so that
    /// the next snapshots can be written on a full disk. A kept snapshot ends before what its file is
    /// longer by.
    ///
    /// - Returns: whether it made one; false means that there is nothing left to do.
    package func reserve(
        sparePageCount: Int, slotByteCount: Int = 1
    ) throws(SnapshotError) -> Bool {
        try prepare()
        return try guarded { () throws(SnapshotError) in
            if self.sparePageCount < sparePageCount {
                try pages.makeReady(pages.firstMissingExtent)
                return true
            }
            let byteCount = try newest.map { newest throws(SnapshotError) in
                try SnapshotError.reading { () throws(DiskError) in
                    try fileSystem.openFile(SnapshotLayout.slot(newest.slot), for: .reading)
                        .byteCount()
                }
            }
            for slot in 0..<SnapshotLayout.slotCount {
                let wanted = max(byteCount ?? 0, slotByteCount)
                if try obtain(slot: slot, byteCount: wanted).isLonger { return true }
            }
            return false
        }
    }

    /// Pages that there are places for beside those of the kept snapshots.
    package var sparePageCount: Int {
        max(0, pages.capacityPageCount - state.withLock { $0.keptPageCounts.reduce(0, +) })
    }

    /// Removes files of pages that have no page of a kept snapshot, the last ones first, as far as
    /// places for `sparePageCount` pages remain. Does nothing while a snapshot is written.
    ///
    /// What the page space gives out meanwhile may lie in a file that goes: nothing of it is on the
    /// disk before the next snapshot, which makes the files that it needs again.
    ///
    /// - Parameters:
    ///   - sparePageCount: at least what a snapshot writes, or the files that are removed are made
    ///     again for the next one.
    ///   - countMax: files that are removed by this call at most.
    /// - Returns: how many were removed.
    @discardableResult
    package func trim(sparePageCount: Int, countMax: Int = .max) throws(SnapshotError) -> Int {
        try guarded { () throws(SnapshotError) in
            let (isWriting, counts) = state.withLock { ($0.isWriting, $0.keptPageCounts) }
            return isWriting
                ? 0
                : try pages.trim(
                    needing: counts, sparePageCount: sparePageCount, countMax: countMax)
        }
    }

    /// Slots grow by multiples of so many bytes.
    package var slotGrowthByteCount: Int {
        max(limits.slotGrowthByteCount, SnapshotFormat.blockByteCount)
    }

    /// The file of a slot that no kept snapshot is in, at least so long, its name durable.
    func obtain(
        slot: Int, byteCount: Int
    ) throws(SnapshotError) -> (file: any File, isLonger: Bool) {
        let growth = slotGrowthByteCount
        let wanted = (byteCount + growth - 1) / growth * growth
        return try SnapshotError.obtaining { () throws(DiskError) in
            let file = try openOrCreate(SnapshotLayout.slot(slot))
            guard try file.byteCount() < wanted else { return (file, false) }
            try file.allocate(byteCount: wanted)
            try file.sync()
            try fileSystem.syncDirectory(SnapshotLayout.snapshots)
            return (file, true)
        }
    }

    private func openOrCreate(_ path: String) throws(DiskError) -> any File {
        do throws(DiskError) {
            return try fileSystem.openFile(path, for: .readingAndWriting)
        } catch {
            guard error.isNotFound else { throw error }
            return try fileSystem.createFile(path)
        }
    }
}
