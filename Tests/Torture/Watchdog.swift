internal import Foundation
internal import Synchronization

/// Ends what a round waits for when it takes too long: first the block devices, whose file systems then
/// answer with errors, and a minute later the whole run, which takes all its processes and mounts along.
final class Watchdog: Sendable {
    private enum State {
        case watching
        case barked
        case ended
    }

    private let condition = NSCondition()
    /// Under `condition`.
    nonisolated(unsafe) private var state = State.watching

    init(seconds: Int, _ message: String) {
        Thread.detachNewThread { [self] in
            guard wait(seconds) else { return }
            say(message)
            condition.withLock { state = .barked }
            BlockDevice.abortAll()
            guard wait(60) else { return }
            say("\(message), and does not come back: the run ends")
            _exit(1)
        }
    }

    /// - Returns: whether the time was over and the round was not.
    private func wait(_ seconds: Int) -> Bool {
        let limit = Date(timeIntervalSinceNow: Double(seconds))
        return condition.withLock {
            while state != .ended {
                if !condition.wait(until: limit) { return state != .ended }
            }
            return false
        }
    }

    /// - Returns: whether it had to bark.
    func end() -> Bool {
        condition.withLock {
            defer {
                state = .ended
                condition.broadcast()
            }
            return state == .barked
        }
    }
}
