internal import HoldfastRecords

/// What the frames of a log have to agree on, one after the other: dense LSNs, time that never goes
/// back, certified LSNs that only grow, and the epoch of their segment.
struct FrameSequence: Equatable {
    /// The LSN of the next record.
    var nextLSN: LSN = 1
    var lastFrameTime: Int64 = .min
    /// The highest LSN of which a frame says that it was durable.
    var certifiedLSN: LSN = 0
    private var epoch: UInt32 = 0
    private var copiesToCome = 0
    private var copiesEnd: LSN = 0

    /// Takes the START of the next segment; false where it cannot follow.
    mutating func begin(_ header: FrameHeader, _ mark: StartMark) -> Bool {
        guard header.firstLSN == nextLSN, header.epoch >= epoch, header.durableLSN < nextLSN,
            header.frameTime >= lastFrameTime
        else { return false }
        epoch = header.epoch
        copiesToCome = mark.copiedFrameCount
        copiesEnd = mark.copiedLastLSN
        // A segment gets its name only when START and the copies behind it are on the disk.
        certifiedLSN = max(certifiedLSN, header.durableLSN, mark.copiedLastLSN)
        // Copies keep the time at which they were first written, which is before this START's.
        if copiesToCome == 0 { lastFrameTime = header.frameTime }
        return true
    }

    /// Takes the next frame; false where it cannot follow, and then nothing has changed.
    mutating func follow(_ header: FrameHeader) -> Bool {
        guard header.firstLSN == nextLSN, header.durableLSN < nextLSN,
            header.frameTime >= lastFrameTime,
            copiesToCome > 0 ? header.epoch < epoch : header.epoch == epoch
        else { return false }
        if copiesToCome > 0 {
            copiesToCome -= 1
            guard copiesToCome > 0 || header.lastLSN == copiesEnd else { return false }
        }
        nextLSN = header.nextLSN
        lastFrameTime = header.frameTime
        certifiedLSN = max(certifiedLSN, header.durableLSN)
        return true
    }

    /// Whether the next frame is a copy of one of the segment before.
    var expectsCopy: Bool { copiesToCome > 0 }
}
