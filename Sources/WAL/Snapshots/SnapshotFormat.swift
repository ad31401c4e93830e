/// The constants of a snapshot file. `docs/snapshots.md` says all of it in words and in hex.
///
/// A change of any byte: first the document, then a fixture beside `Tests/SnapshotsTests/Fixtures`
/// (the old ones stay for ever), then `version`, then the code, which reads every version it ever
/// wrote.
package enum SnapshotFormat {
    package static let version: UInt32 = 1
    /// "HFSNAPSH" as it lies in a file.
    static let magic: UInt64 = 0x4853_5041_4E53_4648
    /// The header and what a body is padded to.
    package static let blockByteCount = 4_096
    /// The part of the header that its checksum covers; the checksum follows.
    static let checkedByteCount = 92
    /// A longer body is not written and not believed.
    package static let bodyByteCountMax = 1 << 30
    /// What an extent may be told to hold.
    package static let extentPageCounts = 1...(1 << 20)

    /// What a snapshot takes beside its root at most, in bytes, rounding included.
    ///
    /// - Parameter pageNumberMax: the highest number of a page in use.
    package static func byteCountBesideRoot(segmentCount: Int, pageNumberMax: Int) -> Int {
        2 * blockByteCount + segmentCount * SnapshotSegment.encodedByteCount + pageNumberMax / 8 + 8
    }

    /// `byteCount` rounded up to whole blocks.
    static func padded(_ byteCount: Int) -> Int {
        (byteCount + blockByteCount - 1) / blockByteCount * blockByteCount
    }
}
