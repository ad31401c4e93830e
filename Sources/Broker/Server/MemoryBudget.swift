internal import HoldfastPages

/// One budget for all that would otherwise grow with the backlog, in fixed shares. Beside it the
/// process takes up to 64 MiB: its code, its connections, and what is in flight.
package struct MemoryBudget: Sendable {
    /// For the batches written last: a job consumed while its batch is still in here costs no read,
    /// and the log is written past the kernel's cache, so this is its only cache.
    package var recentByteCountMax: Int
    /// For the pages of the state: the changed ones, which cannot leave before a snapshot, and those
    /// kept for reading.
    package var cachedPageCountMax: Int

    /// Pages changed since the last snapshot above which one is taken.
    var dirtyPageCountMax: Int { cachedPageCountMax / 2 }

    /// - Parameter byteCount: what `--memory-mib` says, in bytes. An eighth of it is for the tables
    ///   that find leases, acks and producers.
    package init(byteCount: Int = 192 << 20) {
        recentByteCountMax = byteCount / 2
        cachedPageCountMax = byteCount / 8 * 3 / PageFormat.byteCount
    }
}
