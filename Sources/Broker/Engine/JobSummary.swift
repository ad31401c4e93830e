package import HoldfastModel

/// Why a job is dead.
package enum DeathReason: UInt8, Hashable, Sendable, CaseIterable {
    /// It failed as often as it may.
    case attemptsUsedUp = 1
    /// Its worker was lost as often as the queue allows.
    case interruptionsUsedUp = 2
    /// A worker said that it must never be tried again.
    case rejected = 3
    /// It was delivered as often as a version can count (2^32).
    case deliveriesUsedUp = 4
    /// Its birth record is damaged: nobody can ever run it.
    case payloadCorrupt = 5

    /// The reason's name as it is written in tables and JSON.
    package var name: String {
        switch self {
        case .attemptsUsedUp: "attempts_used_up"
        case .interruptionsUsedUp: "interruptions_used_up"
        case .rejected: "rejected"
        case .deliveriesUsedUp: "deliveries_used_up"
        case .payloadCorrupt: "payload_corrupt"
        }
    }
}

/// What the engine knows of a job. Its kind, headers and payload lie in its birth record.
package struct JobSummary: Hashable, Sendable {
    package var lsn: UInt64
    /// With `.done` nothing else but `lsn` is known here.
    package var state: JobState
    package var queue: QueueID?
    package var priority: UInt8 = 0
    package var version: UInt32 = 0
    /// Deliveries less releases and undelivered ones, the present lease included.
    package var attempts: UInt32 = 0
    package var interruptions: UInt32 = 0
    package var timeouts: UInt32 = 0
    package var releases: UInt32 = 0
    /// The limit that holds for this job, its own or the queue's.
    package var attemptCountMax: UInt32 = 0
    /// Broker time, in whole seconds; to the millisecond it lies in the birth record.
    package var enqueuedMilliseconds: Int64 = 0
    /// Broker time; only where delayed.
    package var dueMilliseconds: Int64?
    /// Boot clock; only where leased and the lease's clock runs.
    package var leaseDeadlineMilliseconds: Int64?
    package var leaseDurationMilliseconds: UInt32?
    /// Broker time; only where dead.
    package var diedMilliseconds: Int64?
    package var deathReason: DeathReason?
    /// What came with the last nack or with the reject.
    package var lastError: [UInt8] = []
    package var hasCheckpoint = false
}
