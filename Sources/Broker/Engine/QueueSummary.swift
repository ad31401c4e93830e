package import HoldfastModel

/// A queue's policy and counts.
package struct QueueSummary: Hashable, Sendable {
    package var id: QueueID
    package var name: String
    package var policy: QueuePolicy
    package var ready: Int
    package var delayed: Int
    package var leased: Int
    package var dead: Int
    /// Since the queue was created.
    package var totals: QueueTotals
    /// When the oldest of the jobs that are next in their lanes was enqueued, in whole seconds of
    /// broker time; nil where nothing is ready.
    package var oldestReadyMilliseconds: Int64?
}

package struct QueueTotals: Hashable, Sendable {
    package var enqueued: UInt64 = 0
    package var leased: UInt64 = 0
    package var acked: UInt64 = 0
    /// Nacks, releases, expired and undelivered leases.
    package var returned: UInt64 = 0
    package var died: UInt64 = 0
    package var redriven: UInt64 = 0
    package var cancelled: UInt64 = 0
}
