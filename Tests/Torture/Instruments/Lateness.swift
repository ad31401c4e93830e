internal import Foundation
internal import HoldfastHistory
internal import Synchronization

/// How long a thread of ours that wants to run every few milliseconds was kept from it. What a busy
/// machine, or one that stood still, takes from everybody is no fault of a broker's: its times are judged
/// without it. On a machine with nothing else to do it is next to nothing, and on one with ten processes for
/// each core most of the time.
final class Lateness: Sendable {
    /// From when it should have run to when it did.
    private typealias Span = (start: UInt64, end: UInt64)

    static let shared = Lateness()

    private static let stepMicroseconds: UInt32 = 10_000
    /// Less than this is what the kernel's timers take.
    private static let nanosecondsMin: UInt64 = 1_000_000
    /// Nobody asks for what is longer ago.
    private static let keptNanoseconds: UInt64 = 300_000_000_000

    private let state = Mutex<(spans: [Span], next: UInt64)>(([], .max))

    private init() {
        Thread.detachNewThread { [self] in
            while true {
                let wanted = HistoryRecorder.now() + UInt64(Self.stepMicroseconds) * 1_000
                state.withLock { $0.next = wanted }
                usleep(Self.stepMicroseconds)
                let now = HistoryRecorder.now()
                guard now > wanted + Self.nanosecondsMin else { continue }
                state.withLock { state in
                    state.spans.append((wanted, now))
                    if let first = state.spans.first, first.end + Self.keptNanoseconds < now {
                        state.spans.removeAll { $0.end + Self.keptNanoseconds < now }
                    }
                }
            }
        }
    }

    /// How much of that time it was late; 0 before it was first asked for.
    func nanoseconds(from start: UInt64, to end: UInt64) -> UInt64 {
        let (spans, next) = state.withLock { $0 }
        // It may be late just now.
        return (spans + [(next, HistoryRecorder.now())]).reduce(0) { sum, span in
            let (from, to) = (max(span.start, start), min(span.end, end))
            return from < to ? sum + to - from : sum
        }
    }
}
