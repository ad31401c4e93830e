package import HoldfastStore

/// Every setting of a broker, with its default and its reason.
package struct BrokerConfiguration: Sendable {
    /// Where everything the broker knows is kept.
    package var dataDirectory: String
    package var host = "127.0.0.1"
    /// 0 takes any free port, which is said in the ready line.
    package var port = 7433
    /// What the broker's own caches and tables may take together, in bytes, whatever the backlog.
    package var memory = MemoryBudget()
    /// A batch up to this size is written on the core loop itself while the log writer is idle:
    /// cheaper than two changes of thread, as long as the loop has little else to do.
    package var inlineCommitByteCountMax = 64 << 10
    /// Threads that read what is no longer in memory.
    package var readThreadCount = 1
    /// Open connections; one more is closed at once.
    package var connectionCountMax = 10_000
    /// A connection that has not greeted by then is closed.
    package var greetingMillisecondsMax: Int64 = 10_000
    /// Gathered records above which no more requests are read, in bytes: while the disk is slow,
    /// clients wait in their sockets and not in the broker's memory.
    package var gatheredByteCountMax = 8 << 20
    /// Replies held for a connection until a commit ends, above which its requests are refused, in
    /// bytes.
    package var heldByteCountMax = 16 << 20
    /// Replies a client has not read above which the connection is closed, in bytes.
    package var unreadByteCountMax = 64 << 20
    /// Segment size for a new store in bytes, a power of two; nil chooses by the volume's size.
    package var segmentByteCount: Int?
    package var leaseCountMax = 262_144
    /// What a start does where bytes of the store are not what was written.
    package var onDamage = DamageResponse.refuse
    /// When snapshots are taken.
    package var snapshots = SnapshotPolicy()
    /// Of the log, read beside all else and compared with its checksums; 0 for none. By default a
    /// segment of 64 MiB a minute.
    package var scrubByteCountPerSecond = (64 << 20) / 60

    package init(dataDirectory: String) {
        self.dataDirectory = dataDirectory
    }
}
