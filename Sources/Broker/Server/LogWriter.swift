internal import HoldfastRecords
internal import HoldfastWAL
internal import NIOCore
internal import NIOPosix

/// Writes the log, one batch at a time: on the core loop itself, or on a thread of its own while
/// the core loop gathers the next batch.
///
/// A batch that is handed over comes back by `onCommit` on the core loop once it is durable. If it
/// cannot be made durable the process ends here and now.
final class LogWriter: Sendable {
    private let log: WriteAheadLog
    private let eventLoop: any EventLoop
    private let thread: NIOThreadPool

    init(log: WriteAheadLog, eventLoop: any EventLoop) {
        self.log = log
        self.eventLoop = eventLoop
        thread = NIOThreadPool(numberOfThreads: 1)
        thread.start()
    }

    /// Writes the batch on the calling thread. Only while nothing is handed over.
    func writeInline(_ batch: RecordBatch) {
        Self.write(batch, to: log)
    }

    /// Hands the batch over. Only one at a time: commit n + 1 is written after sync n returned, so
    /// that the existence of a frame certifies the frame before it (§7 of the log's format).
    func handOver(_ batch: RecordBatch, onCommit: @escaping @Sendable () -> Void) {
        thread.submit { [log, eventLoop] _ in
            Self.write(batch, to: log)
            eventLoop.execute(onCommit)
        }
    }

    /// Ends the thread after what was handed over.
    func stop() async throws {
        try await thread.shutdownGracefully()
    }

    private static func write(_ batch: RecordBatch, to log: WriteAheadLog) {
        do {
            try log.append(batch)
        } catch {
            FailStop.exit(.storageFailed, "the log could not be written: \(error)")
        }
    }
}
