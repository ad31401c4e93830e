import HoldfastPages
import HoldfastSnapshots
import HoldfastStore

/// How a store is made whose bits are flipped: its sizes, and how its last process ended. Small
/// enough for every bit of it to have its turn, and with files and pages of every kind.
package enum FlipLayout: Int, Sendable, CaseIterable {
    /// Killed after a commit of which nothing says that it was durable.
    case killed = 1
    /// Closed in order: whatever changes then is damage and nothing else.
    case closed
    /// Killed, opened, and killed again: its last segment begins with copied frames.
    case reopened

    var storeLayout: StoreLayout {
        // Every size that matters here is set below; the seed gives the rest.
        var layout = StoreLayout(seed: UInt64(rawValue))
        layout.configuration.leaseCountMax = 16
        layout.configuration.dueCountMax = 4
        layout.configuration.recentAckCount = 8
        layout.configuration.pages.readAheadPageCount = 1
        layout.configuration.snapshotFiles.quarantinedCountMax = 2
        let pages: (entries: Int, chain: Int, bits: Int, elements: Int, cached: Int)
        switch self {
        case .killed:
            layout.configuration.segmentByteCount = 16 << 10
            pages = (8, 2, 128, 16, 64)
            layout.configuration.snapshotFiles.extentPageCount = 4
            layout.snapshotCommitCount = 6
        case .closed:
            layout.configuration.segmentByteCount = 16 << 10
            pages = (6, 1, 256, 64, 8)
            layout.configuration.snapshotFiles.extentPageCount = 2
            layout.snapshotCommitCount = 4
        case .reopened:
            layout.configuration.segmentByteCount = 32 << 10
            pages = (10, 4, 64, 8, 2)
            layout.configuration.snapshotFiles.extentPageCount = 4
            layout.snapshotCommitCount = 8
        }
        layout.configuration.pages.nodeEntryCountMax = pages.entries
        layout.configuration.pages.chainEntryCountMax = pages.chain
        layout.configuration.pages.bitmapBitCount = pages.bits
        layout.configuration.pages.arrayElementCountMax = pages.elements
        layout.configuration.pages.cachedPageCountMax = pages.cached
        return layout
    }
}
