internal import HoldfastDisk
internal import HoldfastRecords

/// What an opening that passes damage remembers of it.
struct LogPassage {
    /// A file of the log that cannot be used.
    struct Unusable {
        /// By its name.
        let number: UInt64
        /// What its header says, where that can be read.
        let writtenNumber: UInt64
        let damage: LogDamage
        /// How many records it can hold at most.
        let recordCountMax: Int
    }

    /// How many damages the report names.
    static let damageCountMax = 100
    /// What is copied of damaged segments that stay, in bytes.
    static let copiedByteCountMax = 64 << 20

    private let hear: (LogDamage) -> Void
    private(set) var damages: [LogDamage] = []
    private(set) var damageCount = 0
    private(set) var missing: [ClosedRange<LSN>] = []
    /// Damaged bytes of segments that stay, to be copied, and how many there are beyond those.
    private(set) var extents: [(number: UInt64, range: Range<Int>)] = []
    private(set) var excessByteCount = 0
    private var extentByteCount = 0

    var unusable: [Unusable] = []
    /// Segments that another one names and that are not there.
    var missingSegments: [LogDamage] = []
    /// Files to be moved to quarantine, and the numbers by which they are kept there.
    private(set) var asides: [(path: String, number: UInt64)] = []
    /// Segments whose START is to be written again.
    var rebuilt: [SegmentChain.Link] = []
    /// The highest number that a segment has or had.
    var numberMax: UInt64 = 0
    /// The highest LSN that a frame or mark speaks of.
    private(set) var knownLSN: LSN = 0
    /// Up to here records were handed on, or are missing, or are known to the snapshot.
    private(set) var handledLSN: LSN = 0

    /// - Parameter hear: is told of each damage.
    init(_ hear: @escaping (LogDamage) -> Void) {
        self.hear = hear
    }

    /// - Parameter isCopied: whether it lies in a segment that stays.
    mutating func tell(_ damage: LogDamage, isCopied: Bool = false) {
        hear(damage)
        damageCount += 1
        if damages.count < Self.damageCountMax { damages.append(damage) }
        guard isCopied else { return }
        let kept = min(damage.byteCount, Self.copiedByteCountMax - extentByteCount)
        excessByteCount += damage.byteCount - kept
        guard kept > 0 else { return }
        extentByteCount += kept
        extents.append((damage.segmentNumber, damage.offset..<damage.offset + kept))
    }

    mutating func putAside(_ path: String, as number: UInt64) {
        asides.append((path, number))
    }

    /// What a readable header says was given out.
    mutating func note(_ frame: FrameHeader) {
        note(frame.lastLSN)
        note(frame.durableLSN)
    }

    mutating func note(_ lsn: LSN) {
        // Beyond that no LSN is ever given out.
        if lsn <= RecordFormat.lsnMax { knownLSN = max(knownLSN, lsn) }
    }

    /// Whether a record is the next one to be handed on: those before it are missing.
    mutating func takes(_ lsn: LSN) -> Bool {
        guard lsn > handledLSN else { return false }
        miss(before: lsn)
        handledLSN = lsn
        return true
    }

    mutating func begin(behind origin: LSN) {
        handledLSN = origin
    }

    /// Whatever was not handed on before `next` is missing.
    mutating func miss(before next: LSN) {
        let first = handledLSN + 1
        guard first < next else { return }
        handledLSN = next - 1
        if let last = missing.last, last.upperBound + 1 == first {
            missing[missing.count - 1] = last.lowerBound...handledLSN
        } else {
            missing.append(first...handledLSN)
        }
    }
}
