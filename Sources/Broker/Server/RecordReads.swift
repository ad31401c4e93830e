internal import HoldfastWAL
internal import NIOCore
internal import NIOPosix

/// Reads records that are no longer in memory, on a thread of its own: the core loop never waits
/// for the disk on behalf of one client.
///
/// `inFlightCount` belongs to the core loop, all else may be used from anywhere.
final class RecordReads: @unchecked Sendable {
    private let log: WriteAheadLog
    private let thread: NIOThreadPool
    private(set) var inFlightCount = 0

    init(log: WriteAheadLog) {
        self.log = log
        thread = NIOThreadPool(numberOfThreads: 1)
        thread.start()
    }

    /// Runs `work` with the log on the reading thread and `then` with its result on the core loop.
    func read<Result: Sendable>(
        on eventLoop: any EventLoop, _ work: @escaping @Sendable (WriteAheadLog) -> Result,
        then: @escaping @Sendable (Result) -> Void
    ) {
        inFlightCount += 1
        thread.submit { [log] _ in
            let result = work(log)
            eventLoop.execute {
                self.inFlightCount -= 1
                then(result)
            }
        }
    }

    func stop() async throws {
        try await thread.shutdownGracefully()
    }
}
