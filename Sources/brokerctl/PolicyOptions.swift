internal import ArgumentParser
internal import HoldfastModel

/// A queue's policy, or the part of it that is named.
struct PolicyOptions: ParsableArguments {
    static let names = "--visibility-timeout, --attempts, --interruptions, --backoff, --backoff-max"

    @Option(
        help: "How long a lease lasts where nothing else is said, 1s to 12h (default: 30s).",
        transform: TimeSpan.parse)
    var visibilityTimeout: TimeSpan?
    @Option(
        help: ArgumentHelp(
            "Attempts after which a failing job is dead (default: 16).", valueName: "n"))
    var attempts: UInt32?
    @Option(
        help: ArgumentHelp(
            "Lost connections of its workers after which a job is dead (default: 64).",
            valueName: "n"))
    var interruptions: UInt32?
    @Option(
        help: "The wait before the second attempt, doubled for each further one (default: 1s).",
        transform: TimeSpan.parse)
    var backoff: TimeSpan?
    @Option(help: "Where the doubling ends (default: 1h).", transform: TimeSpan.parse)
    var backoffMax: TimeSpan?

    var isEmpty: Bool {
        visibilityTimeout == nil && attempts == nil && interruptions == nil && backoff == nil
            && backoffMax == nil
    }

    /// - Returns: `policy` with what is named here in its place.
    func applied(to policy: QueuePolicy) throws(Failure) -> QueuePolicy {
        var policy = policy
        if let visibilityTimeout {
            // What does not fit is out of bounds all the same.
            policy.visibilityTimeoutMilliseconds = UInt32(clamping: visibilityTimeout.milliseconds)
        }
        if let attempts { policy.attemptCountMax = attempts }
        if let interruptions { policy.interruptionCountMax = interruptions }
        if let backoff { policy.backoffMilliseconds = UInt64(backoff.milliseconds) }
        if let backoffMax { policy.backoffMillisecondsMax = UInt64(backoffMax.milliseconds) }
        if let fault = policy.fault { throw Failure(.usage, "\(fault) (\(Self.names))") }
        return policy
    }
}
