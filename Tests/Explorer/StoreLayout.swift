import HoldfastEngine
import HoldfastModel
import HoldfastPages
import HoldfastSimulation
import HoldfastSnapshots
package import HoldfastStore

/// The sizes of a store under test: so small that every border is crossed within a hundred
/// operations, and different from seed to seed.
package struct StoreLayout: Sendable {
    package var configuration = StoreConfiguration()
    /// A snapshot is due after so many commits.
    package var snapshotCommitCount: Int
    /// Whether its file system zeroes files without writing them.
    package var notesZeros: Bool

    package init(seed: UInt64) {
        var random = SeededRandom(seed: ContentHash.mix(seed, 0x1A70))
        configuration.segmentByteCount = random.pick([16, 32, 32, 64]) << 10
        configuration.leaseCountMax = random.pick([4, 16, 1_000])
        configuration.dueCountMax = random.pick([1, 3, 4_096])
        configuration.recentAckCount = random.pick([1, 8, 64])
        configuration.producerCountMax = 4
        configuration.pages.nodeEntryCountMax = random.pick([3, 4, 8])
        configuration.pages.chainEntryCountMax = random.pick([1, 2, 4])
        configuration.pages.bitmapBitCount = random.pick([64, 128])
        configuration.pages.arrayElementCountMax = random.pick([2, 8])
        configuration.pages.cachedPageCountMax = random.pick([2, 8, 64])
        configuration.pages.readAheadPageCount = random.pick([1, 4])
        configuration.snapshotFiles.extentPageCount = random.pick([4, 16])
        configuration.snapshotFiles.writeByteCountMax = random.pick([4_096, 16_384])
        configuration.snapshotFiles.pieceByteCountMax = random.pick([8_192, 32_768])
        configuration.snapshotFiles.slotGrowthByteCount = 4_096
        configuration.snapshotFiles.openExtentCountMax = random.pick([1, 8])
        configuration.snapshotFiles.quarantinedCountMax = random.pick([1, 4])
        snapshotCommitCount = random.pick([3, 6, 12])
        notesZeros = random.pick([true, true, false])
    }

    /// The state of a store without a record.
    var emptyStateHash: UInt64 {
        let pages = PageSpace(
            limits: configuration.pages, storeUUID: (0, 0), used: PageSet(), retained: PageSet(),
            snapshotNumber: 1, source: { _, _, _ in false })
        pages.beginStamps(epoch: 1)
        let engine = JobEngine(
            configuration: EngineConfiguration(
                key: StoreKey(low: 0, high: 0), leaseCountMax: configuration.leaseCountMax,
                producerCountMax: configuration.producerCountMax,
                recentAckCount: configuration.recentAckCount,
                dueCountMax: configuration.dueCountMax),
            pages: pages)
        return ContentHash.of(engine.canonicalDump())
    }
}
