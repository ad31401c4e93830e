/// When a snapshot is due: often enough that a restart replays little and space comes back soon,
/// seldom enough that snapshots add little to what is written.
package struct SnapshotPolicy: Sendable {
    /// Bytes of log since the last snapshot.
    package var logByteCountMin = 64 << 20
    /// Or so many times what the last snapshot wrote, whichever is more: snapshots then never write
    /// more than a fifth of what the log does.
    package var sizeFactor = 5
    /// Records since the last snapshot, which is what a restart replays.
    package var recordCountMax = 2_000_000
    /// Pages changed since the last snapshot: they cannot leave memory before the next one.
    package var dirtyPageCountMax = 8_192
    /// Without a commit for so long a snapshot is taken where a segment would become free.
    package var idleMilliseconds: Int64 = 5_000

    package init() {}
}

/// What has happened since the last snapshot, counted by the owner of the engine.
package struct SnapshotPace: Sendable {
    private let policy: SnapshotPolicy
    private var logByteCount = 0
    private var recordCount = 0
    private var lastByteCount = 0

    package init(_ policy: SnapshotPolicy) {
        self.policy = policy
    }

    /// A batch goes into the log.
    package mutating func add(recordCount: Int, byteCount: Int) {
        self.recordCount += recordCount
        logByteCount += byteCount
    }

    /// A snapshot of so many bytes is being taken.
    package mutating func began(byteCount: Int) {
        self = SnapshotPace(policy)
        lastByteCount = byteCount
    }

    /// - Parameter logByteCountMax: of log since the last snapshot where space is scarce; nil where it is
    ///   not.
    package func isDue(dirtyPageCount: Int, logByteCountMax: Int? = nil) -> Bool {
        if recordCount > 0, let logByteCountMax, logByteCount >= logByteCountMax { return true }
        // Changed pages count by themselves: after a snapshot that came to nothing they are still there.
        return dirtyPageCount >= policy.dirtyPageCountMax || recordCount >= policy.recordCountMax
            || recordCount > 0
                && logByteCount >= max(policy.logByteCountMin, policy.sizeFactor * lastByteCount)
    }
}
