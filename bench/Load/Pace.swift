internal import Glibc

/// Moments at equal distances.
struct Pace {
    private let periodNanoseconds: UInt64
    private var due = MonotonicTime.nanoseconds

    init(perSecond: Double) {
        periodNanoseconds = max(1, UInt64(1e9 / perSecond))
    }

    /// Waits for the next moment.
    ///
    /// - Returns: now; or where the moment has passed already, that moment: what was held up by
    ///   something slow has waited since then, and must be counted so.
    mutating func next() -> UInt64 {
        due += periodNanoseconds
        guard MonotonicTime.nanoseconds < due else { return due }
        var time = timespec(
            tv_sec: Int(due / 1_000_000_000), tv_nsec: Int(due % 1_000_000_000))
        while clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, nil) == EINTR {}
        return MonotonicTime.nanoseconds
    }
}
