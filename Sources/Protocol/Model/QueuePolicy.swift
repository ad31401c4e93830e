/// What a queue asks of its jobs and leases. The first enqueue into a queue creates it with
/// `QueuePolicy.standard`.
public struct QueuePolicy: Hashable, Sendable {
    /// The duration of a lease where the request names none, in milliseconds; 1,000 to 43,200,000.
    public var visibilityTimeoutMilliseconds: UInt32
    /// Attempts after which a failing job goes to dead letter; 1 to 1,000,000.
    public var attemptCountMax: UInt32
    /// Interruptions (the worker was not connected when its lease ended) after which a job goes to
    /// dead letter; 1 to 1,000,000.
    public var interruptionCountMax: UInt32
    /// The delay before the second attempt, in milliseconds; doubled for every further one.
    public var backoffMilliseconds: UInt64
    /// Where the doubling stops, in milliseconds; at most 366 days.
    public var backoffMillisecondsMax: UInt64

    public init(
        visibilityTimeoutMilliseconds: UInt32 = 30_000,
        attemptCountMax: UInt32 = 16,
        interruptionCountMax: UInt32 = 64,
        backoffMilliseconds: UInt64 = 1_000,
        backoffMillisecondsMax: UInt64 = 3_600_000
    ) {
        self.visibilityTimeoutMilliseconds = visibilityTimeoutMilliseconds
        self.attemptCountMax = attemptCountMax
        self.interruptionCountMax = interruptionCountMax
        self.backoffMilliseconds = backoffMilliseconds
        self.backoffMillisecondsMax = backoffMillisecondsMax
    }

    /// The policy of a queue that nobody created by hand.
    public static let standard = QueuePolicy()

    /// What is wrong with the policy, as a sentence; nil where it can be used.
    package var fault: String? {
        if visibilityTimeoutMilliseconds < Limits.leaseMillisecondsMin
            || visibilityTimeoutMilliseconds > Limits.leaseMillisecondsMax
        {
            return "the visibility timeout must be 1 s to 12 h"
        }
        if attemptCountMax < 1 || attemptCountMax > Limits.attemptCountMax {
            return "the maximum of attempts must be 1 to 1,000,000"
        }
        if interruptionCountMax < 1 || interruptionCountMax > Limits.attemptCountMax {
            return "the maximum of interruptions must be 1 to 1,000,000"
        }
        if backoffMilliseconds > backoffMillisecondsMax {
            return "the backoff must not be greater than its maximum"
        }
        if backoffMillisecondsMax > Limits.delayMillisecondsMax {
            return "the maximum of the backoff must be at most 366 days"
        }
        return nil
    }
}
