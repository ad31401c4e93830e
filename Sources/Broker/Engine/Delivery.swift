/// One lease as it is handed to a worker; the content is read from the job's birth record.
package struct Delivery: Hashable, Sendable {
    /// The job: the LSN of its birth record.
    package let lsn: UInt64
    package let version: UInt32
    /// The number of this attempt, counted from 1.
    package let attempt: UInt32
    package let interruptions: UInt32
    package let timeouts: UInt32
    package let releases: UInt32
    package let priority: UInt8
    package let durationMilliseconds: UInt32
    /// Whether `JobEngine.checkpoint(of:)` has what an earlier attempt saved.
    package let hasCheckpoint: Bool

    package init(
        lsn: UInt64, version: UInt32, attempt: UInt32, interruptions: UInt32, timeouts: UInt32,
        releases: UInt32, priority: UInt8, durationMilliseconds: UInt32, hasCheckpoint: Bool
    ) {
        self.lsn = lsn
        self.version = version
        self.attempt = attempt
        self.interruptions = interruptions
        self.timeouts = timeouts
        self.releases = releases
        self.priority = priority
        self.durationMilliseconds = durationMilliseconds
        self.hasCheckpoint = hasCheckpoint
    }
}
