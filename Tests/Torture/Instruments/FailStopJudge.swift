internal import HoldfastHistory

/// What a broker does after something that it may not survive: it ends within a second, and says ok to
/// nothing that it was asked later (L8).
struct FailStopJudge {
    /// What failed, for messages.
    let what: String
    /// When it failed, in ns as histories have it.
    let failed: UInt64
    /// When the broker ended.
    let ended: UInt64
    /// Whether nothing could be answered but by the call that failed. Where it was the call of another
    /// thread, the log may well be written, and that answered, until this thread gets to end the process:
    /// some time slices on a machine that is busy.
    let isSoleWay: Bool

    private static let millisecondsMax = 1_000
    /// A broker that goes on is not noticed by so little, and one that is held up for a moment is not blamed.
    private static let sliceNanoseconds: UInt64 = 20_000_000

    var milliseconds: Int { Int((ended - min(failed, ended)) / 1_000_000) }

    /// What the machine took from everybody meanwhile.
    private var lateNanoseconds: UInt64 {
        Lateness.shared.nanoseconds(from: failed, to: ended)
    }

    func complaints(_ events: [HistoryEvent]) -> [String] {
        var complaints: [String] = []
        let lateMilliseconds = Int(lateNanoseconds / 1_000_000)
        if milliseconds - lateMilliseconds > Self.millisecondsMax {
            complaints.append(
                "the broker ended \(milliseconds) ms after \(what), of which the machine took "
                    + "\(lateMilliseconds) ms from everybody")
        }
        let last = isSoleWay ? failed : failed + Self.sliceNanoseconds + lateNanoseconds
        if let event = events.first(where: {
            $0.outcome == .ok && $0.invoked > last && $0.invoked < ended
        }) {
            complaints.append("asked after \(what), the broker answered ok: \(event)")
        }
        return complaints
    }
}
