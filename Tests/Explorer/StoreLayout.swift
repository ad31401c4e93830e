import HoldfastEngine
import HoldfastModel
import HoldfastSimulation

/// The sizes of a store under test: so small that every border is crossed within a hundred
/// operations, and different from seed to seed.
package struct StoreLayout: Sendable {
    package var segmentByteCount: Int
    package var leaseCountMax: Int
    package var dueCountMax: Int
    package var recentAckCount: Int
    package var queueCountMax: Int

    package init(seed: UInt64) {
        var random = SeededRandom(seed: ContentHash.mix(seed, 0x1A70))
        segmentByteCount = random.pick([16, 32, 32, 64]) << 10
        leaseCountMax = random.pick([4, 16, 1_000])
        dueCountMax = random.pick([1, 3, 4_096])
        recentAckCount = random.pick([1, 8, 64])
        queueCountMax = 2 + random.below(3)
    }

    func engineConfiguration(_ key: StoreKey) -> EngineConfiguration {
        EngineConfiguration(
            key: key, leaseCountMax: leaseCountMax, queueCountMax: queueCountMax,
            producerCountMax: 4, recentAckCount: recentAckCount, dueCountMax: dueCountMax)
    }
}
