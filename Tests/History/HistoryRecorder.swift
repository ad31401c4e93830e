internal import Glibc
internal import Synchronization

/// Gathers the events of many clients, in memory or, however many they are, in a file. Any thread may
/// record.
package final class HistoryRecorder: Sendable {
    private struct State: ~Copyable {
        var events: [HistoryEvent] = []
        var writer: HistoryWriter?
        var fault: HistoryFileFault?

        mutating func record(_ event: HistoryEvent) {
            guard writer != nil else { return events.append(event) }
            guard fault == nil else { return }
            do throws(HistoryFileFault) { try writer?.append(event) } catch { fault = error }
        }
    }

    private let state: Mutex<State>
    /// The file that is written; nil where events stay in memory.
    package let path: String?

    package init() {
        state = Mutex(State())
        path = nil
    }

    /// Writes to a new file of that name; memory stays bounded.
    package init(path: String) throws(HistoryFileFault) {
        let writer = try HistoryWriter(path: path)
        state = Mutex(State(writer: writer))
        self.path = path
    }

    /// Now, in ns of the clock that all events are timed by: it cannot be set, and goes on while
    /// the machine sleeps.
    package static func now() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_BOOTTIME, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    package func record(_ event: HistoryEvent) {
        state.withLock { $0.record(event) }
    }

    package func record(contentsOf events: some Collection<HistoryEvent> & Sendable) {
        state.withLock { state in
            for event in events { state.record(event) }
        }
    }

    /// Writes down a fault that is over.
    package func recordFault(_ fault: HistoryFault, from begun: UInt64, to ended: UInt64? = nil) {
        record(
            HistoryEvent(
                client: 0, invoked: begun, responded: ended, outcome: .ok, operation: .fault(fault))
        )
    }

    /// Has everything so far in the file.
    ///
    /// - Throws: what any write failed with since the beginning: the file is then not whole.
    package func flush() throws(HistoryFileFault) {
        let fault = state.withLock { state -> HistoryFileFault? in
            guard state.fault == nil else { return state.fault }
            do throws(HistoryFileFault) { try state.writer?.flush() } catch { state.fault = error }
            return state.fault
        }
        if let fault { throw fault }
    }

    /// All events so far that are in memory, in no particular order.
    package var events: [HistoryEvent] { state.withLock { $0.events } }
}

/// A hash of a job's bytes, for events: FNV-1a of 64 bits (Fowler, Noll, Vo). Good against mistakes
/// and mix-ups, which is all that a broker on the same side of the fence could do.
package func contentHash(_ bytes: some Sequence<UInt8>) -> UInt64 {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    return hash
}
