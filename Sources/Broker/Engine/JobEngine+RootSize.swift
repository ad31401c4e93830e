internal import HoldfastModel
internal import HoldfastPages

/// What a root may take at most, so that the file it goes to is long enough before it is needed.
package struct RootSizes: Sendable {
    /// What is there whatever the state: the head, leases and recent acks.
    private let constantByteCount: Int
    private let producerByteCount: Int

    /// - Parameters:
    ///   - leaseCountMax: the most that there may be, or have been.
    ///   - recentAckCount: that are remembered.
    init(leaseCountMax: Int, recentAckCount: Int, _ limits: PageLimits) {
        func references<Element: BitwiseCopyable>(_ type: Element.Type, _ elementCount: Int) -> Int
        {
            let pageCount = elementCount / PagedArray<Element>.elementsPerPage(limits) + 1
            return 4 + pageCount * PageReference.byteCount
        }
        constantByteCount =
            Self.headByteCount + references(Lease.self, leaseCountMax)
            + references(RecentAcks.Entry.self, recentAckCount)
        producerByteCount =
            Self.producerHeadByteCount
            + references(ProducerTable.Result.self, Limits.producerResultCount)
    }

    /// Every lane that may have a job has a part of its own, and the ends of its two chains.
    ///
    /// - Parameter staleEntryCount: entries of lanes beside those of jobs.
    func byteCountMax(
        producerCount: Int, queueCount: Int, jobCount: Int, staleEntryCount: Int
    ) -> Int {
        let laneCount = min(queueCount * QueueState.laneCount, jobCount)
        let entryCount = min(
            jobCount + staleEntryCount, laneCount * 2 * Self.chainEndEntryCountMax)
        return constantByteCount + producerCount * producerByteCount
            + queueCount * Self.queueByteCountMax + laneCount * Self.laneByteCount
            + entryCount * MemoryLayout<LaneEntry>.stride
    }

    /// What one request adds at most: a producer, a queue with all its lanes, and their ends for its jobs.
    package static let requestByteCountMax =
        Limits.itemCountMax * MemoryLayout<LaneEntry>.stride + 4_096

    /// With the counts of all arrays, producers and queues.
    private static let headByteCount = 64
    private static let producerHeadByteCount = 32
    /// With the longest name.
    private static let queueByteCountMax = 117 + Limits.nameByteCountMax
    /// With the fixed parts of two chains.
    private static let laneByteCount = 17 + 2 * 32
    /// As many as a page of a chain holds.
    private static let chainEndEntryCountMax = PageLimits().chainEntryCountMax
}

extension JobEngine {
    /// What the root of a snapshot may take at most, in bytes, with the producers, queues and jobs that
    /// there are.
    package var rootByteCountMax: Int {
        rootSizes.byteCountMax(
            producerCount: producers.count, queueCount: queues.liveCount, jobCount: jobCount,
            staleEntryCount: staleEntryCount)
    }
}
