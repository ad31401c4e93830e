package import HoldfastDisk
internal import HoldfastEngine
internal import HoldfastPages
internal import HoldfastRecords
internal import HoldfastSnapshots
internal import HoldfastWAL

/// Puts a state that was made from the log alone in the place of snapshots and pages that cannot be
/// used. The log stays as it is.
///
/// What was there before is put aside: first the snapshots, then their pages. Wherever that is
/// interrupted, a start refuses the store as before, and the rebuilding can be done again.
package enum StoreRebuilding {
    /// - Throws: `notNeeded`, `logAlone` and `obstacle` before the first change.
    package static func run(
        _ fileSystem: any FileSystem, _ configuration: StoreConfiguration = StoreConfiguration()
    ) throws(RebuildFault) -> RebuildReport {
        let inspection: StoreInspection
        let directory: DataDirectory
        do throws(StoreError) {
            // Without a store there is nothing to rebuild, and none must be made.
            _ = try DataDirectory.identity(in: fileSystem)
            directory = try DataDirectory.open(fileSystem)
            inspection = try StoreInspection(fileSystem, configuration)
        } catch {
            throw .store(.directory(error))
        }
        defer { withExtendedLifetime(directory) {} }
        var state = try inspection.rebuiltState()
        if let obstacle = state.report.obstacle { throw .obstacle(obstacle) }
        do throws(SnapshotError) {
            let quarantined = try putAside(fileSystem)
            try syncLog(fileSystem, state.lastNumber)
            try write(&state, fileSystem, inspection)
            state.report.quarantined = quarantined
        } catch {
            throw .store(.snapshots(error))
        }
        return state.report
    }

    /// Moves all snapshots and then all pages to `quarantine`, as far as there is room for them, where
    /// nothing removes them.
    private static func putAside(
        _ fileSystem: any FileSystem
    ) throws(SnapshotError) -> [String] {
        do throws(DiskError) {
            let names = try fileSystem.list("")
            let layout = [SnapshotLayout.snapshots, SnapshotLayout.pages].filter(names.contains)
            if !names.contains(SnapshotLayout.quarantine) {
                try fileSystem.makeDirectory(SnapshotLayout.quarantine)
                try fileSystem.syncDirectory("")
            }
            let sequence = try nextSequence(fileSystem)
            var use = try QuarantineUse(in: fileSystem)
            var moved: [String] = []
            for directory in layout {
                for name in try fileSystem.list(directory) {
                    let byteCount = try fileSystem.openFile("\(directory)/\(name)", for: .reading)
                        .byteCount()
                    guard use.hasRoom(for: byteCount) else {
                        try fileSystem.remove("\(directory)/\(name)")
                        continue
                    }
                    use.add(byteCount)
                    let path =
                        "\(SnapshotLayout.quarantine)/\(prefix)\(sequence)-\(directory)-\(name)"
                    try fileSystem.rename("\(directory)/\(name)", to: path)
                    moved.append(path)
                }
                // The new names first: until then the old ones may come back, and no harm is done.
                try fileSystem.syncDirectory(SnapshotLayout.quarantine)
                try fileSystem.syncDirectory(directory)
            }
            return moved
        } catch {
            throw .failed(error)
        }
    }

    private static let prefix = "rebuild-"

    /// Of the files that are put aside together.
    private static func nextSequence(_ fileSystem: any FileSystem) throws(DiskError) -> Int {
        let used = try fileSystem.list(SnapshotLayout.quarantine).compactMap { name -> Int? in
            guard name.hasPrefix(prefix) else { return nil }
            return Int32(name.dropFirst(prefix.count).prefix { $0.isNumber }).map(Int.init)
        }
        return (used.max() ?? 0) + 1
    }

    /// The snapshot must not be newer than the log, whatever happens: a broker that was killed may
    /// have left the last commit in memory only.
    private static func syncLog(
        _ fileSystem: any FileSystem, _ lastNumber: UInt64?
    ) throws(SnapshotError) {
        guard let lastNumber else { return }
        do throws(DiskError) {
            try fileSystem.openFile(
                DirectoryLayout.segment(lastNumber), for: .readingAndWriting
            ).sync()
            try fileSystem.syncDirectory(DirectoryLayout.log)
        } catch {
            throw .failed(error)
        }
    }

    private static func write(
        _ state: inout RebuiltState, _ fileSystem: any FileSystem, _ inspection: StoreInspection
    ) throws(SnapshotError) {
        let snapshots = try SnapshotStore.open(
            fileSystem, identity: inspection.identity,
            limits: inspection.configuration.snapshotFiles)
        // Those without a record were left out.
        let ranges = state.sealed.compactMap(\.lsns)
        let image = state.engine.freeze(liveCountsIn: ranges)
        let segments = zip(state.sealed, image.liveCounts).compactMap { segment, liveCount in
            liveCount > 0 ? SnapshotSegment(segment, liveCount: UInt64(liveCount)) : nil
        }
        let writing = try snapshots.begin(
            number: UInt64(image.pages.snapshotNumber), lastLSN: image.lastLSN,
            frameTime: image.frameTime, root: image.root, segments: segments,
            frozen: image.pages)
        var progress = SnapshotWriting.Progress.more
        while progress != .committed {
            progress = try writing.step(durableLSN: image.lastLSN)
        }
    }
}
