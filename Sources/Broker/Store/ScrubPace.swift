/// How much of what nobody asked for may be read: so many bytes a second, over any time that is longer
/// than a few seconds. Time is handed in.
package struct ScrubPace: Sendable {
    private let byteCountPerSecond: Int
    private let pieceByteCount: Int
    /// Less than 0 after a piece that was longer than most.
    private var allowedByteCount = 0
    private var bootMilliseconds: Int64?

    /// What was not used is not saved up for longer than this.
    private static let millisecondsMax: Int64 = 2_000

    /// - Parameters:
    ///   - byteCountPerSecond: 0 for never.
    ///   - pieceByteCount: what is read at a time, and the least that a piece counts for.
    package init(byteCountPerSecond: Int, pieceByteCount: Int) {
        self.byteCountPerSecond = byteCountPerSecond
        self.pieceByteCount = pieceByteCount
    }

    /// Whether a piece may be read now.
    package var isDue: Bool { byteCountPerSecond > 0 && allowedByteCount >= pieceByteCount }

    package mutating func advance(toBootMilliseconds now: Int64) {
        let passed = min(max(now - (bootMilliseconds ?? now), 0), Self.millisecondsMax)
        bootMilliseconds = now
        allowedByteCount = min(
            allowedByteCount + byteCountPerSecond * Int(passed) / 1_000,
            2 * max(byteCountPerSecond, pieceByteCount))
    }

    package mutating func spend(byteCount: Int) {
        allowedByteCount -= max(byteCount, pieceByteCount)
    }
}
