internal import HoldfastMutants
internal import HoldfastRecords
internal import HoldfastWAL
internal import NIOCore

/// Writes the log, one batch at a time: on the core loop itself, or on a thread of its own while
/// the core loop gathers the next batch.
///
/// A batch that is handed over comes back by `onEnd` on the core loop once it is durable, or where
/// there is no room for it: then it was not written, and may be handed over again. Where it is unknown
/// whether it is durable, the process ends here and now.
struct LogWriter: Sendable {
    private let log: WriteAheadLog
    private let eventLoop: any EventLoop
    private let thread: any WorkThread

    init(log: WriteAheadLog, eventLoop: any EventLoop, thread: any WorkThread) {
        self.log = log
        self.eventLoop = eventLoop
        self.thread = thread
    }

    /// Writes the batch on the calling thread. Only while nothing is handed over.
    ///
    /// - Returns: whether it is durable; false where the volume has no room for it.
    func write(_ batch: RecordBatch) -> Bool {
        do throws(LogError) {
            try log.append(batch)
            return true
        } catch {
            if case .full = error { return false }
            if Mutant.writeErrorDisablesLog.isOn { return true }
            FailStop.exit(.storageFailed, "the log could not be written: \(error)")
        }
    }

    /// Hands the batch over. Only one at a time: commit n + 1 is written after sync n returned, so
    /// that the existence of a frame certifies the frame before it.
    ///
    /// - Parameter onEnd: is told what `write` returned.
    func handOver(_ batch: RecordBatch, onEnd: @escaping @Sendable (Bool) -> Void) {
        thread.submit {
            let isDurable = write(batch)
            eventLoop.execute { onEnd(isDurable) }
        }
    }

    /// Ends the thread after what was handed over.
    func stop() async throws {
        try await thread.stop()
    }
}
