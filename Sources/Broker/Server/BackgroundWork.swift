internal import HoldfastWAL
internal import NIOCore
internal import NIOPosix

/// What is done beside serving, on a thread of its own: segments are zero-filled ahead of need,
/// since blocks that were written once sync several times faster than new ones.
///
/// Belongs to the core loop, all but the work itself.
final class BackgroundWork: @unchecked Sendable {
    /// Between two pieces while nothing is committed, and while commits go on: filling may slow
    /// them by a few percent, and never stops for good under a load that never pauses.
    private static let idlePause = TimeAmount.milliseconds(2)
    private static let busyPause = TimeAmount.milliseconds(50)

    private let log: WriteAheadLog
    private let eventLoop: any EventLoop
    private let isBusy: () -> Bool
    private let thread = NIOThreadPool(numberOfThreads: 1)
    private var isRunning = false
    private var isStopping = false

    /// - Parameter isBusy: whether a commit is in hand, or was a moment ago.
    init(log: WriteAheadLog, eventLoop: any EventLoop, isBusy: @escaping () -> Bool) {
        self.log = log
        self.eventLoop = eventLoop
        self.isBusy = isBusy
        thread.start()
    }

    /// Something may have to be done: a segment was taken from the spare ones.
    func wake() {
        guard !isRunning, !isStopping else { return }
        isRunning = true
        step()
    }

    private func step() {
        thread.submit { [log] _ in
            let hasMore: Bool
            do throws(LogError) {
                hasMore = try log.prepareSpareSegments()
            } catch {
                if case .failed = error {
                    FailStop.exit(.storageFailed, "the log could not be prepared: \(error)")
                }
                // Space for a spare segment may be lacking; the log goes on without.
                hasMore = false
            }
            self.eventLoop.execute { self.ended(hasMore: hasMore) }
        }
    }

    private func ended(hasMore: Bool) {
        guard hasMore, !isStopping else {
            isRunning = false
            return
        }
        eventLoop.scheduleTask(in: isBusy() ? Self.busyPause : Self.idlePause) { self.step() }
    }

    func stop() async throws {
        eventLoop.execute { self.isStopping = true }
        try await thread.shutdownGracefully()
    }
}
