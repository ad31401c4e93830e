/// The pauses between attempts: doubling from the first to the longest, each drawn from its upper
/// half so that many clients do not come back in the same instant ("equal jitter", M. Brooker,
/// Exponential Backoff And Jitter, AWS Architecture Blog, 2015).
package struct ReconnectBackoff: Sendable {
    package let first: Duration
    package let longest: Duration

    package init(first: Duration, longest: Duration) {
        self.first = first
        self.longest = longest
    }

    /// - Parameters:
    ///   - failureCount: failures so far in a row, from 1.
    ///   - random: 0..<1.
    package func delay(failureCount: Int, random: Double) -> Duration {
        let doublings = min(max(failureCount - 1, 0), 30)
        let whole = min(first * (1 << doublings), longest)
        return whole / 2 + (whole / 2) * random
    }
}
