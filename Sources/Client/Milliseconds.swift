internal import NIOCore

extension Duration {
    /// Whole milliseconds, rounded up, within 0 and 2^63 - 1.
    var milliseconds: Int64 {
        let (seconds, attoseconds) = components
        let fraction = (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000)
        if overflow { return seconds < 0 ? 0 : .max }
        let (sum, overflowed) = product.addingReportingOverflow(fraction)
        return overflowed ? .max : max(0, sum)
    }

    var timeAmount: TimeAmount {
        let milliseconds = min(milliseconds, Int64.max / 1_000_000)
        return .milliseconds(milliseconds)
    }
}
