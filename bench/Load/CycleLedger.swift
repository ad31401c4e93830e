internal import Histogram

/// The accounts of one measurement: what was sent, delivered and acknowledged, and how long it took.
///
/// Lives on the one event loop of the measurement and is touched nowhere else until that has ended;
/// that is what makes it safe without a lock.
final class CycleLedger: @unchecked Sendable {
    private(set) var sentCount: UInt64 = 0
    private(set) var enqueuedCount: UInt64 = 0
    private(set) var acknowledgedCount: UInt64 = 0
    /// Deliveries of a job that had been delivered before.
    private(set) var repeatedCount: UInt64 = 0
    /// Acknowledgements inside the measured time.
    private(set) var measuredCount: UInt64 = 0
    private(set) var enqueueNanoseconds = CycleLedger.histogram()
    private(set) var cycleNanoseconds = CycleLedger.histogram()
    private(set) var fault: BenchFault?

    private var isMeasuring = false
    /// One bit for each job sent: whether it was delivered.
    private var delivered: [UInt64] = []

    private static func histogram() -> Histogram<UInt64> {
        Histogram<UInt64>(
            lowestDiscernibleValue: 1_000, highestTrackableValue: 600_000_000_000,
            numberOfSignificantValueDigits: .three)
    }

    var unfinishedCount: Int { Int(sentCount - acknowledgedCount) }

    /// Takes the numbers of the next `count` jobs.
    func send(_ count: Int) -> UInt64 {
        let first = sentCount
        sentCount += UInt64(count)
        let wordCount = Int((sentCount + 63) / 64)
        while delivered.count < wordCount { delivered.append(0) }
        return first
    }

    func enqueued(_ count: Int, afterNanoseconds nanoseconds: UInt64) {
        enqueuedCount += UInt64(count)
        if isMeasuring { _ = enqueueNanoseconds.record(nanoseconds) }
    }

    func delivered(_ number: UInt64) {
        guard number < sentCount else {
            fail("a job was delivered that this run did not send")
            return
        }
        let bit: UInt64 = 1 << (number % 64)
        if delivered[Int(number / 64)] & bit != 0 { repeatedCount += 1 }
        delivered[Int(number / 64)] |= bit
    }

    func acknowledged(afterNanoseconds nanoseconds: UInt64) {
        acknowledgedCount += 1
        if isMeasuring {
            measuredCount += 1
            _ = cycleNanoseconds.record(nanoseconds)
        }
    }

    func beginMeasuring() { isMeasuring = true }
    func endMeasuring() { isMeasuring = false }

    /// Keeps the first fault: what follows follows from it.
    func fail(_ description: String) {
        if fault == nil { fault = BenchFault(description) }
    }

    /// What the accounts say when everything should be done; nil where they are in order.
    var discrepancy: String? {
        let deliveredCount = delivered.reduce(UInt64(0)) { $0 + UInt64($1.nonzeroBitCount) }
        if enqueuedCount == sentCount, acknowledgedCount == sentCount, deliveredCount == sentCount,
            repeatedCount == 0
        {
            return nil
        }
        return "sent \(sentCount), enqueued \(enqueuedCount), delivered \(deliveredCount) "
            + "and \(repeatedCount) of them again, acknowledged \(acknowledgedCount)"
    }
}
