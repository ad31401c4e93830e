package import HoldfastDisk
package import HoldfastRecords

/// What the next opening of a log would find, without opening it: no lock, no change on disk. The
/// rules are those of the opening itself.
package struct LogReplay {
    package let recordCount: Int
    package let lastLSN: LSN
    /// The broker's time of the last frame, in milliseconds.
    package let frameTime: Int64
    /// Whether the log was closed in order.
    package let wasClosed: Bool
    /// What would be cut off as torn, in bytes.
    package let cutByteCount: Int
    /// Records that are gone, where damage is passed.
    package let missing: [ClosedRange<LSN>]

    /// Replays the log.
    ///
    /// - Parameters:
    ///   - origin: what a snapshot says; nil where the log has to begin with its first record.
    ///   - passing: is told of each damage, which is passed then; nil where damage is refused.
    ///   - begin: is told the number of the opening that would come next, before the first record.
    ///   - replay: gets every record behind the origin in order, less those that are missing. The body is valid during the call.
    ///     What it throws ends the replay.
    /// - Throws: what an opening would throw before its first change on disk.
    package init(
        _ fileSystem: any FileSystem, from origin: LogOrigin?,
        passing: ((LogDamage) -> Void)? = nil,
        begin: (_ epoch: UInt32) -> Void = { _ in },
        replay: (_ lsn: LSN, _ frameTime: Int64, _ body: UnsafeRawBufferPointer) throws -> Void
    ) throws(LogError) {
        var recovery = try LogRecovery(fileSystem, from: origin, passing: passing)
        begin(recovery.epoch)
        try recovery.run(replay)
        recordCount = recovery.recordCount
        lastLSN = recovery.sequence.nextLSN - 1
        frameTime = max(recovery.sequence.lastFrameTime, 0)
        wasClosed = recovery.wasClosed
        cutByteCount = recovery.cutByteCount
        missing = recovery.passage?.missing ?? []
    }
}
