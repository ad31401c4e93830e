/// The files with which a log can go on where its volume has no room.
package struct LogReserve: Sendable, Equatable {
    /// With the segment that is written and the files of an empty state, eight segments' lengths.
    package static let fileCountDefault = 6
    /// So many more are kept of what comes back, until the log is quiet: to remove a segment's file and
    /// to make another one costs the disk more than all else that is done beside serving.
    package static let surplusCountMax = 2

    /// Whole segments' lengths.
    package var fileCount: Int
    /// Those of them that can be taken without being filled first.
    package var usableCount: Int
    /// So many there should be.
    package var fileCountTarget: Int
    /// Whether there are fewer because the volume, or this user's share of it, is full.
    package var isRefused: Bool

    package init(fileCount: Int, usableCount: Int, fileCountTarget: Int, isRefused: Bool) {
        self.fileCount = fileCount
        self.usableCount = usableCount
        self.fileCountTarget = fileCountTarget
        self.isRefused = isRefused
    }

    package var hasSurplus: Bool { fileCount > fileCountTarget }

    package var isWhole: Bool { fileCount >= fileCountTarget }
}
