package import HoldfastPages
package import HoldfastSnapshots
internal import HoldfastWAL

/// The sizes of a store. All of them are parameters, so that tests cross every border within a
/// hundred operations.
package struct StoreConfiguration: Sendable {
    /// Of a store that is made, in bytes, a power of two; nil chooses by the volume's size.
    package var segmentByteCount: Int?
    /// Leases at one time over all queues.
    package var leaseCountMax = 262_144
    /// Of a store that is made: acks that are remembered, a power of two, at most 2^22.
    package var recentAckCount = 1 << 20
    package var producerCountMax = 1_024
    /// Delayed jobs that become ready with one commit.
    package var dueCountMax = 4_096
    /// What the state's pages take in memory, and how they are filled.
    package var pages = PageLimits()
    /// How pages and snapshots lie in files.
    package var snapshotFiles = SnapshotLimits()
    /// Files that are kept beside the log's segments, for a volume that is full.
    package var spareSegmentCount = LogReserve.fileCountDefault
    /// Of sealed segments, read at most to compare them with their checksums; 0 for none.
    package var scrubByteCountPerSecond = (64 << 20) / 60

    /// Jobs that one round of compaction moves, so that asking the engine for them holds nobody up;
    /// more only where one segment has them.
    package var compactedJobCountMax = 32_768
    package var onDamage = DamageResponse.refuse

    package init() {}

    /// As they fit a store with segments of that length: on a small volume its page files and
    /// its slots are small, too.
    func snapshotFiles(ofSegments segmentByteCount: Int) -> SnapshotLimits {
        var limits = snapshotFiles
        if segmentByteCount >= Self.sharedByteCountMin {
            limits.extentPageCount = min(
                limits.extentPageCount, segmentByteCount / 4 / PageFormat.byteCount)
            limits.slotGrowthByteCount = min(limits.slotGrowthByteCount, segmentByteCount / 64)
        }
        return limits
    }

    /// Below this segments are a test's, and so are the sizes of all else.
    private static let sharedByteCountMin = 1 << 20
}
