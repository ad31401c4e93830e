package import HoldfastModel

/// The bounds of an engine. None of them changes what a record means: a store opens with any.
package struct EngineConfiguration: Sendable {
    package var key: StoreKey
    /// Leases at one time over all queues.
    package var leaseCountMax: Int
    package var queueCountMax: Int
    package var producerCountMax: Int
    /// Acks that are remembered, so that a repeated one is `ok`; a power of two, at most 2^22. A
    /// restored engine remembers as many as the one that was frozen.
    package var recentAckCount: Int
    /// Delayed jobs that one `advance` moves.
    package var dueCountMax: Int

    package init(
        key: StoreKey, leaseCountMax: Int = 262_144,
        queueCountMax: Int = Limits.queueCountMax,
        producerCountMax: Int = 1_024, recentAckCount: Int = 1 << 20, dueCountMax: Int = 4_096
    ) {
        self.key = key
        self.leaseCountMax = leaseCountMax
        self.queueCountMax = queueCountMax
        self.producerCountMax = producerCountMax
        self.recentAckCount = recentAckCount
        self.dueCountMax = dueCountMax
    }
}
