package import HoldfastDisk
package import HoldfastRecords

/// What opening a log found and did.
package struct LogRecoveryReport: Sendable, Equatable {
    /// Segments that hold the log up to now, the new one not counted.
    package let segmentCount: Int
    /// Frames that were read, and how many records of them were replayed: with a snapshot, those
    /// behind it.
    package let frameCount: Int
    package let recordCount: Int
    /// What was read, in bytes.
    package let byteCount: Int
    /// 0 where the log is empty.
    package let lastLSN: LSN
    /// Broker time of the last frame in milliseconds; of this opening where there is none.
    package let lastFrameTime: Int64
    /// Bytes of a commit that a crash had torn: nobody had been told of it, and it is not replayed.
    package let cutByteCount: Int
    /// Records of the last commit, when nothing said that it was durable. They are replayed, and
    /// were made durable before `open` returned.
    package let inDoubtRecordCount: Int
    /// Segment headers that are damaged in one of their two copies.
    package let damagedHeaderCount: Int
    /// Whether the log had been closed in order; true for an empty one.
    package let wasClosed: Bool
    /// Number of this opening, from 1.
    package let epoch: UInt32
    /// The broker's time in milliseconds at `LogStart`'s `bootMilliseconds`: its clock goes on from
    /// here with the boot clock.
    package let timeBaseMilliseconds: Int64
    /// The START of the opening before this one; nil in a new store.
    package let previous: Previous?
    /// Records behind the snapshot that are gone, rising, where damage was passed: all LSNs that were
    /// neither replayed nor will be given out.
    package let missing: [ClosedRange<LSN>]
    /// The first damages that were passed, and how many there are.
    package let damages: [LogDamage]
    package let damageCount: Int
    /// Damaged bytes of which no copy could be kept in quarantine.
    package let uncopiedByteCount: Int
    /// What lies in quarantine since this opening.
    package let quarantine: QuarantineUse

    package struct Previous: Sendable, Equatable {
        package let bootID: UniqueID
        package let wallMilliseconds: Int64
        package let bootMilliseconds: Int64
        package let timeBaseMilliseconds: Int64
        package let softwareVersion: String

        init(_ start: StartMark) {
            bootID = start.bootID
            wallMilliseconds = start.wallMilliseconds
            bootMilliseconds = start.bootMilliseconds
            timeBaseMilliseconds = start.timeBaseMilliseconds
            softwareVersion = start.softwareVersion
        }
    }
}

/// A log at this moment.
package struct LogStatus: Sendable, Equatable {
    package let epoch: UInt32
    /// The last LSN that is on the disk; 0 in an empty log.
    package let durableLSN: LSN
    /// Segments of the log, and their length in bytes.
    package let segmentCount: Int
    package let byteCount: Int
    /// The segment that is written to, and how far.
    package let activeNumber: UInt64
    package let activeByteCount: Int
    /// Files that wait to become segments, and how many of them are filled with zeros.
    package let poolFileCount: Int
    package let spareCount: Int
    /// What the indexes of sealed segments take in memory, in bytes.
    package let indexByteCount: Int
    /// Bytes of frames written since the log was opened, and of zeros that spare segments were
    /// filled with.
    package let writtenByteCount: Int
    package let zeroFilledByteCount: Int
    package let segmentByteCount: Int
}

extension LogRecoveryReport {
    /// How many records are gone.
    package var missingRecordCount: UInt64 {
        missing.reduce(0) { $0 + ($1.upperBound - $1.lowerBound + 1) }
    }
}
