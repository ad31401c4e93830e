import HoldfastDisk
import HoldfastRecords
import HoldfastSimulation

/// What was written into a log, in its order: who looks at the log can know no more.
struct LogEvidence: Sendable {
    private var calls: [SimulatedCall] = []
    /// The last LSN of each commit, and which of the calls wrote it.
    private var commits: [(lsn: LSN, call: Int)] = []

    /// The last that was acknowledged.
    var lastCommitted: LSN { commits.last?.lsn ?? 0 }

    /// The calls that wrote the commits.
    var frames: [SimulatedCall] {
        commits.compactMap { calls.indices.contains($0.call) ? calls[$0.call] : nil }
    }

    /// - Parameters:
    ///   - call: the last one that was made.
    ///   - made: in this life, of which nothing was added so far.
    mutating func note(committed lsn: LSN, call: Int, of made: [SimulatedCall]) {
        guard lsn > lastCommitted,
            let own = made[...call].lastIndex(where: { $0.call == .writeDurably })
        else { return }
        commits.append((lsn, calls.count + own))
    }

    /// - Parameter made: all calls of this life.
    func adding(_ made: some Sequence<SimulatedCall>) -> LogEvidence {
        var result = self
        result.calls += made
        return result
    }

    /// Whether nothing on the disk can tell that the log went on behind `lsn`.
    ///
    /// A frame is certified by what comes after it and by nothing else (`docs/log-format.md`, Where
    /// the log ends). So the commits behind `lsn` may go without a word only where the lie has
    /// touched each of them and all that was written into the log since the first of them: frames,
    /// START and END. A segment that got its name since, by an opening or a roll, speaks for all
    /// before it; but for one at whose START, the first that a roll writes under the name, the process ended.
    func isWithout(_ lsn: LSN, through acknowledged: LSN, _ hits: [SimulatedHit]) -> Bool {
        let lost = commits.filter { $0.lsn > lsn && $0.lsn <= acknowledged }
        guard let first = lost.map(\.call).min() else { return false }
        let since = calls[min(first, calls.count)...]
        return zip(since.indices, since).allSatisfy { index, call in
            guard call.code == nil, call.path.hasPrefix("log/"), call.path.hasSuffix(".seg") else {
                return true
            }
            switch call.call {
            case .rename:
                let start = since[index...].first {
                    $0.path == call.path && $0.call == .writeDurably
                }
                return start.map { $0.code != nil } ?? false
            case .writeDurably: return hits.contains { $0.hasTouched(call) }
            default: return true
            }
        }
    }
}
