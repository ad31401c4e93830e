internal import Histogram

/// The latencies of enqueues over some snapshots and the times in between.
struct SnapshotWindow {
    struct Latencies {
        private var nanoseconds = Histogram<UInt64>(
            lowestDiscernibleValue: 1_000, highestTrackableValue: 600_000_000_000,
            numberOfSignificantValueDigits: .three)

        var count: Int { Int(nanoseconds.totalCount) }
        /// In nanoseconds.
        var p50: UInt64 { nanoseconds.valueAtPercentile(50) }
        var p99: UInt64 { nanoseconds.valueAtPercentile(99) }

        mutating func add(_ nanoseconds: UInt64) { _ = self.nanoseconds.record(nanoseconds) }
    }

    private(set) var with = Latencies()
    private(set) var without = Latencies()

    mutating func add(nanoseconds: UInt64, isWithSnapshot: Bool) {
        if isWithSnapshot { with.add(nanoseconds) } else { without.add(nanoseconds) }
    }

    var ratioOfP50: Double { Double(with.p50) / Double(without.p50) }
    var ratioOfP99: Double { Double(with.p99) / Double(without.p99) }
}
