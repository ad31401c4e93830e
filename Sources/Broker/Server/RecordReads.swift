internal import HoldfastWAL
internal import NIOCore
internal import NIOPosix

/// Reads records that are no longer in memory, on threads of its own: the core loop never waits
/// for the disk on behalf of one client.
///
/// `inFlightCount` belongs to the core loop, all else may be used from anywhere.
final class RecordReads: @unchecked Sendable {
    private let log: WriteAheadLog
    private let threads: NIOThreadPool?
    private(set) var inFlightCount = 0

    /// - Parameter threadCount: 0 reads where the read arises, for tests that run on one thread.
    init(log: WriteAheadLog, threadCount: Int) {
        self.log = log
        threads = threadCount > 0 ? NIOThreadPool(numberOfThreads: threadCount) : nil
        threads?.start()
    }

    /// Runs `work` with the log on a reading thread and `then` with its result on the core loop.
    func read<Result: Sendable>(
        on eventLoop: any EventLoop, _ work: @escaping @Sendable (WriteAheadLog) -> Result,
        then: @escaping @Sendable (Result) -> Void
    ) {
        guard let threads else {
            then(work(log))
            return
        }
        inFlightCount += 1
        threads.submit { [log] _ in
            let result = work(log)
            eventLoop.execute {
                self.inFlightCount -= 1
                then(result)
            }
        }
    }

    func stop() async throws {
        try await threads?.shutdownGracefully()
    }
}
