internal import NIOPosix

/// Where work goes that the core loop must not wait for. A test gives one of its own, which does a
/// piece when the test says so.
package protocol WorkThread: Sendable {
    /// Has the work done, in the order of submission where there is one thread; from any thread.
    func submit(_ work: @escaping @Sendable () -> Void)

    /// Ends after what was submitted.
    func stop() async throws
}

/// The threads of one broker.
package struct WorkThreads: Sendable {
    let writer: any WorkThread
    let readers: any WorkThread
    let background: any WorkThread

    package init(
        writer: any WorkThread, readers: any WorkThread, background: any WorkThread
    ) {
        self.writer = writer
        self.readers = readers
        self.background = background
    }

    /// Real ones.
    package init(readThreadCount: Int) {
        self.init(
            writer: PoolThread(count: 1), readers: PoolThread(count: readThreadCount),
            background: PoolThread(count: 1))
    }
}

/// Threads of NIO's pool.
private struct PoolThread: WorkThread {
    private let pool: NIOThreadPool

    init(count: Int) {
        pool = NIOThreadPool(numberOfThreads: count)
        pool.start()
    }

    func submit(_ work: @escaping @Sendable () -> Void) {
        pool.submit { state in
            // What comes after the end is not done: nobody waits for it any more.
            if state == .active { work() }
        }
    }

    func stop() async throws {
        try await pool.shutdownGracefully()
    }
}
