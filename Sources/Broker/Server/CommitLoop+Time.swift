internal import HoldfastEngine
internal import NIOCore

// What falls due: delayed jobs, leases, waits. All of it hangs on one timer.
extension CommitLoop {
    /// One timer for due jobs, leases and waits; moved only when something falls due earlier.
    func armTimer() {
        var next = Int64.max
        if let due = engine.nextDueMilliseconds {
            next = min(next, clock.bootMilliseconds(atBroker: due))
        }
        if let deadline = engine.nextLeaseDeadlineMilliseconds {
            next = min(next, max(deadline, expiryNotBeforeBootMilliseconds))
        }
        if let deadline = waits.nextDeadlineMilliseconds() { next = min(next, deadline) }
        // While a commit is slow nothing is proposed; its end begins a pass, which comes here.
        guard next < .max, !isCommitSlow else { return }
        // Not closer than this: what falls due together is decided together.
        next = max(next, passBootMilliseconds + Self.timerMillisecondsMin)
        guard next < timerBootMilliseconds else { return }
        timer?.cancel()
        timerBootMilliseconds = next
        let delay = max(next - clock.bootMilliseconds, 0)
        timer = eventLoop.scheduleTask(in: .milliseconds(delay)) { self.timerFired() }
    }

    private static let timerMillisecondsMin: Int64 = 5
    private static let slowCommitMilliseconds: Int64 = 1_000
    private static let stallGraceMilliseconds: Int64 = 1_000
    private static let expiryCountMax = 4_096

    /// Whether the disk is so far behind that heartbeats which came in time may wait for it.
    private var isCommitSlow: Bool {
        writing != nil
            && clock.bootMilliseconds - writingSinceBootMilliseconds
                > Self.slowCommitMilliseconds
    }

    /// The loop has stood still, with a disk, a suspend or a scheduler that was slow: heartbeats that
    /// came in time may be lying in sockets that one round does not empty, so leases get a while
    /// longer.
    func noteStall(since bootMilliseconds: Int64) {
        let now = clock.bootMilliseconds
        guard now - bootMilliseconds > Self.slowCommitMilliseconds else { return }
        expiryNotBeforeBootMilliseconds = now + Self.stallGraceMilliseconds
    }

    /// Runs after the sockets of this round were read: a heartbeat that is here already counts.
    private func timerFired() {
        noteStall(since: timerBootMilliseconds)
        timerBootMilliseconds = .max
        beginPass()
        passBootMilliseconds = clock.bootMilliseconds
        // Nor while heartbeats may be waiting in sockets that are not read.
        if !isCommitSlow, !isSaturated { expire() }
    }

    private func expire() {
        if let due = engine.nextDueMilliseconds,
            due <= clock.brokerMilliseconds(atBoot: passBootMilliseconds)
        {
            _ = openBatch()
        }
        if let deadline = engine.nextLeaseDeadlineMilliseconds, deadline <= passBootMilliseconds,
            passBootMilliseconds >= expiryNotBeforeBootMilliseconds
        {
            let count = engine.expireLeases(
                bootMilliseconds: passBootMilliseconds, limit: Self.expiryCountMax,
                isConnected: { self.connections[$0] != nil }, into: openBatch())
            counters.expiries += UInt64(count)
        }
        while let wait = waits.removeExpired(atBoot: passBootMilliseconds) {
            answerEmpty(wait)
        }
    }
}
