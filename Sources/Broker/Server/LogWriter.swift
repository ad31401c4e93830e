internal import HoldfastRecords
internal import HoldfastWAL
internal import NIOCore

/// Writes the log, one batch at a time: on the core loop itself, or on a thread of its own while
/// the core loop gathers the next batch.
///
/// A batch that is handed over comes back by `onCommit` on the core loop once it is durable. If it
/// cannot be made durable the process ends here and now.
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
    func write(_ batch: RecordBatch) {
        do {
            try log.append(batch)
        } catch {
            FailStop.exit(.storageFailed, "the log could not be written: \(error)")
        }
    }

    /// Hands the batch over. Only one at a time: commit n + 1 is written after sync n returned, so
    /// that the existence of a frame certifies the frame before it.
    func handOver(_ batch: RecordBatch, onCommit: @escaping @Sendable () -> Void) {
        thread.submit {
            write(batch)
            eventLoop.execute(onCommit)
        }
    }

    /// Ends the thread after what was handed over.
    func stop() async throws {
        try await thread.stop()
    }
}
