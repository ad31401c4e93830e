internal import HoldfastHistory

extension LivenessBounds {
    /// What torture holds a broker to: L1 to L5, with more time than is promised. It runs beside builds and
    /// other loads on few cores and one disk, where a client, a sync or a whole broker may have to wait for
    /// some seconds, and that is not the broker's to answer for. What is looked for here is a job that nobody
    /// is given any more, a start that does not get on, a volume that does not recover; tests that have the
    /// machine to themselves hold it to the promises as they are (`KillTests`).
    static var besideOtherWork: LivenessBounds {
        var bounds = LivenessBounds()
        bounds.readyMilliseconds = 15_000
        bounds.expiryMilliseconds = 10_000
        bounds.dueMilliseconds = 10_000
        bounds.restartMilliseconds = 15_000
        bounds.spaceMilliseconds = 15_000
        return bounds
    }
}

extension HistoryChecker {
    /// S1 to S8 and L1 to L5.
    ///
    /// - Parameter isDrained: whether everything was consumed and what is left was looked at.
    static func ofTorture(isDrained: Bool) -> HistoryChecker {
        HistoryChecker(isDrained: isDrained, liveness: .besideOtherWork)
    }

    /// The verdict where it is a bad one.
    func complaints(_ events: [HistoryEvent]) -> [String] {
        let verdict = judge(events)
        return verdict.violations.isEmpty ? [] : ["\(verdict)"]
    }
}
