internal import HoldfastModel

/// Where the engine remembers a producer's last requests.
package struct ProducerSlot: Hashable, Sendable {
    package let rawValue: UInt32

    package init(rawValue: UInt32) {
        self.rawValue = rawValue
    }
}

/// What is known of an enqueue that may be a repeat.
package enum ProducerResult: Hashable, Sendable {
    /// It was never done.
    case fresh
    /// It was done: its jobs are `count` consecutive ones from `firstLSN` on.
    case known(firstLSN: UInt64, count: UInt32)
    /// It is older than what is remembered of the producer, so nobody can say.
    case expired
}

/// What the first birth of a request carries, so that a repeat of the request is recognised.
package struct ProducerMark: Hashable, Sendable {
    package var slot: ProducerSlot
    /// Counted by the producer from 1.
    package var sequence: UInt64
    /// How many births the request has, this one included.
    package var count: UInt32

    package init(slot: ProducerSlot, sequence: UInt64, count: UInt32) {
        self.slot = slot
        self.sequence = sequence
        self.count = count
    }

    /// Whether a request can have as many births.
    var hasPossibleCount: Bool { count > 0 && count <= UInt32(Limits.itemCountMax) }
}
