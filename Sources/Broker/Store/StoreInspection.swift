package import HoldfastDisk
internal import HoldfastPages
package import HoldfastSnapshots
package import HoldfastWAL

/// A data directory as tools look at it: without the lock, without a change on disk, and past all
/// damage. What it says comes from the code that a broker starts with.
///
/// While a broker is running on the directory only what is said of single records is to be trusted.
package struct StoreInspection {
    package let identity: StoreIdentity
    package let log: LogInspection
    package let snapshots: SnapshotInspection
    package let fileSystem: any FileSystem
    let configuration: StoreConfiguration

    /// Reads STORE and the slots for snapshots.
    ///
    /// - Throws: where it cannot be said which store this is.
    package init(
        _ fileSystem: any FileSystem, _ configuration: StoreConfiguration = StoreConfiguration()
    ) throws(StoreError) {
        self.fileSystem = fileSystem
        self.configuration = configuration
        identity = try DataDirectory.identity(in: fileSystem)
        snapshots = SnapshotInspection(fileSystem, identity: identity)
        log = LogInspection(fileSystem, from: LogOrigin(snapshots))
    }

    /// The store in the directory at `path`, which is not made if it is missing.
    package static func open(path: String) throws(StoreError) -> StoreInspection {
        let fileSystem: PosixFileSystem
        do throws(DiskError) {
            fileSystem = try PosixFileSystem(root: path)
        } catch {
            throw .disk(error)
        }
        return try StoreInspection(fileSystem)
    }
}

extension SnapshotInspection {
    /// The newest whole snapshot: the one that a start begins with.
    package var newest: Summary? { newestSlot.flatMap { summary(ofSlot: $0) } }

    /// The one before it, which is kept in case the newest is damaged.
    package var previous: Summary? { previousSlot.flatMap { summary(ofSlot: $0) } }

    private func summary(ofSlot slot: Int) -> Summary? {
        if case .whole(let summary) = slots[slot] { summary } else { nil }
    }
}

extension LogOrigin {
    /// What the snapshots say about the log; nil where there is none.
    init?(_ snapshots: SnapshotInspection) {
        guard let newest = snapshots.newest else { return nil }
        self.init(
            lastLSN: newest.lastLSN, frameTime: newest.frameTime,
            segments: newest.segments.map(SegmentSummary.init),
            olderLastLSN: snapshots.previous?.lastLSN ?? 0,
            olderSegments: (snapshots.previous?.segments ?? []).map(SegmentSummary.init))
    }
}
