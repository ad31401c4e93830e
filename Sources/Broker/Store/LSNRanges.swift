internal import HoldfastRecords

enum LSNRanges {
    /// The same numbers in as few ranges as can be, rising.
    static func merged(_ ranges: [ClosedRange<LSN>]) -> [ClosedRange<LSN>] {
        var merged: [ClosedRange<LSN>] = []
        for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if let last = merged.last, range.lowerBound - 1 <= last.upperBound {
                merged[merged.count - 1] =
                    last.lowerBound...max(last.upperBound, range.upperBound)
            } else {
                merged.append(range)
            }
        }
        return merged
    }
}
