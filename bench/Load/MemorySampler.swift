internal import Synchronization

/// Looks every 100 ms at how much memory a process has, and keeps the most of each phase.
final class MemorySampler: Sendable {
    struct Phase: Sendable {
        let name: String
        /// In bytes: the most, and the last that was seen.
        var residentMax: UInt64 = 0
        var residentLast: UInt64 = 0
        var sampleCount = 0
    }

    private let phases: Mutex<[Phase]>
    private let process: Int32
    private let thread: Mutex<RepeatingThread?>

    init(of process: Int32, phase: String) {
        self.process = process
        phases = Mutex([Phase(name: phase)])
        thread = Mutex(nil)
        let started = RepeatingThread { [self] in
            var pace = Pace(perSecond: 10)
            return { [self] in
                _ = pace.next()
                try sample()
            }
        }
        thread.withLock { $0 = started }
    }

    /// What is seen from now on belongs to another phase.
    func begin(_ name: String) throws {
        try sample()
        phases.withLock { $0.append(Phase(name: name)) }
    }

    func end() throws -> [Phase] {
        try sample()
        let thread = thread.withLock { $0 }
        thread?.stop()
        try thread?.check()
        return phases.withLock { $0 }
    }

    private func sample() throws {
        let resident = try ProcessFigures.memory(of: process).resident
        phases.withLock { phases in
            let last = phases.count - 1
            phases[last].residentMax = max(phases[last].residentMax, resident)
            phases[last].residentLast = resident
            phases[last].sampleCount += 1
        }
    }
}
