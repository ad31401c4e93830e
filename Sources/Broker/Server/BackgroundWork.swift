internal import HoldfastStore
internal import NIOCore

/// Does the upkeep of the store on a thread of its own, beside serving, in pieces with pauses.
///
/// Belongs to the core loop, all but the work itself.
final class BackgroundWork: @unchecked Sendable {
    /// Between two pieces while nothing is committed, and while commits go on: filling spare segments
    /// may slow them by a few percent, and never stops for good under a load that never pauses.
    private static let idlePause = TimeAmount.milliseconds(2)
    private static let busyPause = TimeAmount.milliseconds(50)
    /// Between two pieces of a snapshot, which holds memory as long as it is not written.
    private static let snapshotPause = TimeAmount.milliseconds(4)
    /// The same where space is scarce.
    private static let scarcePause = TimeAmount.milliseconds(1)

    private let upkeep: Upkeep
    private let eventLoop: any EventLoop
    private let isBusy: () -> Bool
    private let onStep: () -> Void
    private let thread: any WorkThread
    private var isRunning = false
    private var isWoken = false
    private var isHastened = false
    /// The pause that is on, by its number; nil where there is none.
    private var pause: Int?
    private var pauseCount = 0
    private var isStopping = false

    /// - Parameters:
    ///   - isBusy: whether a commit is in hand, or was a moment ago.
    ///   - onStep: called on the core loop after each piece.
    init(
        upkeep: Upkeep, eventLoop: any EventLoop, thread: any WorkThread,
        isBusy: @escaping () -> Bool, onStep: @escaping () -> Void
    ) {
        self.upkeep = upkeep
        self.eventLoop = eventLoop
        self.thread = thread
        self.isBusy = isBusy
        self.onStep = onStep
    }

    /// Something may have to be done: a segment was taken from the spare ones, a snapshot was taken.
    func wake() {
        isWoken = true
        guard !isRunning, !isStopping else { return }
        isRunning = true
        step()
    }

    /// Serving waits for what the next piece does: there is no pause before it.
    func hasten() {
        isHastened = true
        wake()
        if let pause { end(pause) }
    }

    /// A timer may have been taken from the loop's queue already when its pause was ended by something else.
    private func end(_ number: Int) {
        guard pause == number, !isStopping else { return }
        pause = nil
        step()
    }

    private func step() {
        isWoken = false
        isHastened = false
        thread.submit { [upkeep] in
            let progress: Upkeep.Progress
            do throws(StoreFault) {
                progress = try upkeep.step()
            } catch {
                FailStop.exit(.storageFailed, "the store's upkeep failed: \(error)")
            }
            self.eventLoop.execute { self.ended(progress) }
        }
    }

    private func ended(_ progress: Upkeep.Progress) {
        onStep()
        guard !isStopping else { return }
        // Where space is scarce, serving may have to wait for what is given back.
        let isScarce = upkeep.storageState != .normal
        let length: TimeAmount
        switch progress {
        case _ where isHastened:
            length = .zero
        case .more(isUrgent: true), .waitingForLog:
            length = isScarce ? Self.scarcePause : Self.snapshotPause
        case .more(isUrgent: false):
            length = isBusy() && !isScarce ? Self.busyPause : Self.idlePause
        case .idle:
            guard isWoken else {
                isRunning = false
                return
            }
            length = Self.idlePause
        }
        pauseCount += 1
        let number = pauseCount
        self.pause = number
        eventLoop.scheduleTask(in: length) { self.end(number) }
    }

    func stop() async throws {
        try await eventLoop.submit { self.isStopping = true }.get()
        try await thread.stop()
    }
}
