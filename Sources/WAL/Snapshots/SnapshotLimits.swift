/// The sizes of the snapshots' parts. Tests use tiny ones, so that every border is crossed soon.
package struct SnapshotLimits: Sendable, Equatable {
    /// Pages of one file of pages, for a store that has no snapshot yet; the newest snapshot says
    /// it for every other.
    package var extentPageCount = 4_096
    /// Bytes of one write of neighbouring pages; at least one page.
    package var writeByteCountMax = 256 << 10
    /// Bytes after which a sync follows, so that none is so large that it holds up the log's own: pages lie
    /// apart from each other, and with 1 MiB of them in a sync the p99 of commits was above twice what it
    /// is without a snapshot (`bench snapshots`).
    package var pieceByteCountMax = 256 << 10
    /// Slots grow by multiples of this many bytes, so that a snapshot that is a little larger than
    /// the last one needs no new space.
    package var slotGrowthByteCount = 256 << 10
    /// Files of pages that stay open for reading.
    package var openExtentCountMax = 64
    /// Snapshots put aside that are kept.
    package var quarantinedCountMax = 4

    package init() {}
}
