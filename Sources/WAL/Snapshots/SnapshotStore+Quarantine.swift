internal import HoldfastDisk
internal import Synchronization

extension SnapshotStore {
    /// Moves the files that were passed over to `quarantine`, for whoever wants to know what
    /// happened to them, and makes that durable. It has to be done before any page or snapshot is
    /// written, and writing does it by itself; done once, it does nothing more.
    ///
    /// Were such a file left where it is, a disk that was wrong for a moment could show it again
    /// later, as the newest snapshot, when its pages have long been written over. On a volume without room
    /// for another such file, or for its name, it is not kept, but made an empty one where it is: the
    /// next snapshots need its space.
    package func quarantinePassedOver() throws(SnapshotError) {
        try guarded { () throws(SnapshotError) in
            let slots = state.withLock { $0.unsettledSlots }
            guard !slots.isEmpty else { return }
            for slot in slots {
                do throws(SnapshotError) {
                    if hasRoomForAnother(SnapshotLayout.slot(slot)) {
                        try putAside(slot)
                    } else {
                        try empty(slot)
                    }
                } catch {
                    guard case .full = error else { throw error }
                    try empty(slot)
                }
                state.withLock { state in state.unsettledSlots.removeAll { $0 == slot } }
            }
        }
    }

    private func putAside(_ slot: Int) throws(SnapshotError) {
        try makeDirectory(SnapshotLayout.quarantine)
        try SnapshotError.writing { () throws(DiskError) in
            try fileSystem.syncDirectory("")
        }
        let sequence = try makeRoom()
        try SnapshotError.obtaining { () throws(DiskError) in
            try fileSystem.rename(
                SnapshotLayout.slot(slot),
                to: SnapshotLayout.quarantined(slot: slot, sequence: sequence))
        }
        try SnapshotError.writing { () throws(DiskError) in
            try fileSystem.syncDirectory(SnapshotLayout.quarantine)
            try fileSystem.syncDirectory(SnapshotLayout.snapshots)
        }
    }

    /// Writes zeros over it, the header first, without which there is no snapshot.
    private func empty(_ slot: Int) throws(SnapshotError) {
        let file = try SnapshotError.obtaining { () throws(DiskError) in
            try fileSystem.openFile(SnapshotLayout.slot(slot), for: .readingAndWriting)
        }
        do throws(DiskError) {
            let byteCount = try file.byteCount()
            let pieceByteCount = 1 << 20
            for place in stride(from: 0, to: byteCount, by: pieceByteCount) {
                let count = min(pieceByteCount, byteCount - place)
                try file.write([UInt8](repeating: 0, count: count), at: place)
            }
        } catch {
            // Where nothing is overwritten in place. It is still what it was.
            throw error.isNoSpace ? .full(error) : .failed(error)
        }
        try SnapshotError.writing { () throws(DiskError) in try file.sync() }
    }

    /// Whether the volume has some times the file's length free, as far as it says so.
    private func hasRoomForAnother(_ path: String) -> Bool {
        do throws(DiskError) {
            let byteCount = try fileSystem.openFile(path, for: .reading).byteCount()
            return try fileSystem.space().freeByteCount >= 4 * byteCount
        } catch {
            return true
        }
    }

    /// Removes the oldest of what was put aside until there is room for one more.
    ///
    /// - Returns: a sequence that has not been given away.
    private func makeRoom() throws(SnapshotError) -> UInt64 {
        let names = try SnapshotError.reading { () throws(DiskError) in
            try fileSystem.list(SnapshotLayout.quarantine)
        }
        var kept = names.compactMap { name in
            SnapshotLayout.quarantineSequence(ofName: name).map { (sequence: $0, name: name) }
        }
        kept.sort { $0.sequence < $1.sequence }
        while kept.count >= max(1, limits.quarantinedCountMax) {
            let oldest = kept.removeFirst()
            try SnapshotError.obtaining { () throws(DiskError) in
                try fileSystem.remove("\(SnapshotLayout.quarantine)/\(oldest.name)")
            }
        }
        return (kept.last?.sequence ?? 0) &+ 1
    }

    /// What has to be on the disk before this process writes its first page: the directories, that
    /// passed-over files are gone, and the two kept snapshots themselves, which a process that was
    /// killed may have left in the page cache.
    func prepare() throws(SnapshotError) {
        try guarded { () throws(SnapshotError) in
            guard !(state.withLock { $0.isPrepared }) else { return }
            try makeDirectory(SnapshotLayout.pages)
            try makeDirectory(SnapshotLayout.snapshots)
            try SnapshotError.writing { () throws(DiskError) in
                try fileSystem.syncDirectory("")
            }
            try quarantinePassedOver()
            for kept in state.withLock({ $0.kept }) {
                let file = try SnapshotError.obtaining { () throws(DiskError) in
                    try fileSystem.openFile(
                        SnapshotLayout.slot(kept.slot), for: .readingAndWriting)
                }
                try SnapshotError.writing { () throws(DiskError) in try file.sync() }
            }
            try SnapshotError.writing { () throws(DiskError) in
                try fileSystem.syncDirectory(SnapshotLayout.snapshots)
                try fileSystem.syncDirectory(SnapshotLayout.pages)
            }
            state.withLock { $0.isPrepared = true }
        }
    }

    /// Does `body`; a fatal error of it is the store's.
    func guarded<Value>(
        _ body: () throws(SnapshotError) -> Value
    ) throws(SnapshotError) -> Value {
        if let failure { throw failure }
        do throws(SnapshotError) {
            return try body()
        } catch {
            if error.isFatal { state.withLock { $0.failure = $0.failure ?? error } }
            throw error
        }
    }

    private func makeDirectory(_ path: String) throws(SnapshotError) {
        try SnapshotError.obtaining { () throws(DiskError) in
            do throws(DiskError) {
                try fileSystem.makeDirectory(path)
            } catch {
                guard error.isAlreadyThere else { throw error }
            }
        }
    }
}
