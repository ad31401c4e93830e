internal import Glibc
internal import Synchronization

/// Gathers the events of many clients. Any thread may record.
package final class HistoryRecorder: Sendable {
    private let recorded = Mutex<[HistoryEvent]>([])

    package init() {}

    /// Now, in ns of the clock that all events are timed by: it cannot be set, and goes on while
    /// the machine sleeps.
    package static func now() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_BOOTTIME, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    package func record(_ event: HistoryEvent) {
        recorded.withLock { $0.append(event) }
    }

    package func record(contentsOf events: some Collection<HistoryEvent> & Sendable) {
        recorded.withLock { $0.append(contentsOf: events) }
    }

    /// All events so far, in no particular order.
    package var events: [HistoryEvent] { recorded.withLock { $0 } }
}

/// A hash of a job's bytes, for events: FNV-1a of 64 bits (Fowler, Noll, Vo). Good against mistakes
/// and mix-ups, which is all that a broker on the same side of the fence could do.
package func contentHash(_ bytes: some Sequence<UInt8>) -> UInt64 {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    return hash
}
