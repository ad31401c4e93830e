package import HoldfastRecords

/// Jobs by their births: how many, and which; of more than a million the first.
package struct NamedJobs: Sendable, Equatable {
    /// At 8 bytes each.
    static let namedCountMax = 1_000_000

    package internal(set) var count = 0
    /// Rising.
    package internal(set) var first: [LSN] = []

    init() {}

    init(_ jobs: [LSN]) {
        count = jobs.count
        first = Array(jobs.prefix(Self.namedCountMax))
    }
}

/// What a repair has done to a store, or would do: see `StoreRepair`.
package struct RepairReport: Sendable {
    /// A file that was put aside, or a copy of damaged bytes.
    package struct Quarantined: Sendable, Equatable {
        package let path: String
        package let byteCount: Int
    }

    /// What was not as it was written before anything was done, less what was known from before.
    package let damages: [StoreDamage]
    /// Why a start is refused as things are; nil where it is not.
    package let cause: String?
    /// Records that are gone, rising, and how many they are. Where the state was made anew, records of
    /// jobs that were done long ago, in segments that were given back, are among them.
    package internal(set) var missing: [ClosedRange<LSN>] = []
    package internal(set) var missingRecordCount: UInt64 = 0
    /// Jobs born by missing records that later records speak of, and that had not ended by then. There
    /// may be others that nothing speaks of: their ids are those of missing records.
    package internal(set) var lostJobs = NamedJobs()
    /// Jobs that live, and whose births cannot be read: they will be dead when they are delivered.
    package internal(set) var unreadableJobs = NamedJobs()
    /// Jobs whose leases are void, so that they are delivered again. Without names where the state was
    /// made anew.
    package internal(set) var voidedJobs = NamedJobs()
    /// Jobs that live as far as is known and may have been done by a record that is gone.
    package internal(set) var doubtfulJobCount = 0
    /// Jobs that are not done afterwards.
    package internal(set) var jobCount = 0
    /// Where the state had to be made anew from the log.
    package internal(set) var rebuilt: RebuildReport?
    package internal(set) var quarantined: [Quarantined] = []
    /// Damaged bytes of which no copy could be kept.
    package internal(set) var uncopiedByteCount = 0
    /// What is left in the log of segments that jobs still need: known from then on.
    package internal(set) var remaining: [StoreDamage] = []
    /// Why it cannot be repaired, or that it did not come out as it was planned; nil where all is well.
    package internal(set) var obstacle: String?
    /// Whether it was done.
    package internal(set) var isWritten = false

    /// Whether there is anything to do.
    package var isNeeded: Bool { cause != nil || !damages.isEmpty }

    init(damages: [StoreDamage], cause: String?) {
        self.damages = damages
        self.cause = cause
    }
}
