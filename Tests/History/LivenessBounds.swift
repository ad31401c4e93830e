/// How late what must happen may happen, in ms: the promises L1 to L5 of the reliability.
package struct LivenessBounds: Hashable, Sendable {
    /// L1: a ready job is given to a consumer that asks.
    package var readyMilliseconds: UInt64 = 5_000
    /// L2: a lease that nobody ends is over, and its job ready.
    package var expiryMilliseconds: UInt64 = 1_500
    /// L3: a delayed job is ready when it is due.
    package var dueMilliseconds: UInt64 = 1_500
    /// L4: a process that starts serves.
    package var restartMilliseconds: UInt64 = 5_000
    /// L5: an enqueue is accepted when there is space again; an ack is answered without space.
    package var spaceMilliseconds: UInt64 = 5_000

    package init() {}
}
