internal import HoldfastWAL
internal import NIOCore

/// Reads records that are no longer in memory, on threads of its own: the core loop never waits
/// for a record on behalf of one client. (For a page of the state that is not in memory it does.)
///
/// `inFlightCount` belongs to the core loop, all else may be used from anywhere.
final class RecordReads: @unchecked Sendable {
    private let log: WriteAheadLog
    private let threads: any WorkThread
    private(set) var inFlightCount = 0

    init(log: WriteAheadLog, threads: any WorkThread) {
        self.log = log
        self.threads = threads
    }

    /// Runs `work` with the log on a reading thread and `then` with its result on the core loop.
    func read<Result: Sendable>(
        on eventLoop: any EventLoop, _ work: @escaping @Sendable (WriteAheadLog) -> Result,
        then: @escaping @Sendable (Result) -> Void
    ) {
        inFlightCount += 1
        threads.submit { [log] in
            let result = work(log)
            eventLoop.execute {
                self.inFlightCount -= 1
                then(result)
            }
        }
    }

    func stop() async throws {
        try await threads.stop()
    }
}
