internal import HoldfastModel

/// How long a failed job waits: the queue's backoff, doubled with each attempt up to its maximum,
/// and ±20 % by job and attempt, so that jobs that failed together do not come back together. Pure:
/// the same job waits the same time wherever this is computed.
enum RetrySchedule {
    /// - Parameter attempt: the number of the attempt that failed, counted from 1.
    static func delayMilliseconds(
        attempt: UInt32, lsn: UInt64, policy: QueuePolicy
    ) -> UInt64 {
        let backoff = policy.backoffMilliseconds
        let doublings = min(attempt == 0 ? 0 : attempt - 1, 63)
        let doubled =
            backoff.leadingZeroBitCount > Int(doublings) ? backoff << UInt64(doublings) : .max
        let base = min(doubled, policy.backoffMillisecondsMax)
        // 0…400: 80.0 % to 120.0 % in steps of 0.1 %.
        let perMille = 800 + mix(lsn, attempt) % 401
        let delay = base / 1_000 * perMille + base % 1_000 * perMille / 1_000
        return min(delay, Limits.delayMillisecondsMax)
    }

    /// The finalizer of SplitMix64 (Steele, Lea, Flood 2014).
    private static func mix(_ lsn: UInt64, _ attempt: UInt32) -> UInt64 {
        var state = lsn &+ UInt64(attempt) &* 0x9E37_79B9_7F4A_7C15
        state = (state ^ state >> 30) &* 0xBF58_476D_1CE4_E5B9
        state = (state ^ state >> 27) &* 0x94D0_49BB_1331_11EB
        return state ^ state >> 31
    }
}
