/// The files with which a log can go on where its volume has no room.
package struct LogReserve: Sendable, Equatable {
    /// With the segment that is written and the files of an empty state, eight segments' lengths.
    package static let fileCountDefault = 6
    /// So many more are kept of what comes back, until the log is quiet: to remove a segment's file and
    /// to make another one costs the disk more than all else that is done beside serving.
    package static let surplusCountMax = 2

    /// Kept names of the log's directory for each file: several go where one segment's name finds no room
    /// in its place of a large directory.
    static let nameCountPerFile = 4
    /// Of the pool's, which never has many files: enough that xfs does not hold it in an inode.
    static let poolNameCount = 3

    /// Whole segments' lengths.
    package var fileCount: Int
    /// Those of them that can be taken without being filled first.
    package var usableCount: Int
    /// So many there should be.
    package var fileCountTarget: Int
    /// Names that are kept in the directories, so that they have room for those of the files.
    package var nameCount: Int
    package var nameCountTarget: Int
    /// Whether there are fewer, of either, because the volume, or this user's share of it, is full.
    package var isRefused: Bool

    package var hasSurplus: Bool { fileCount > fileCountTarget }

    package var isWhole: Bool { fileCount >= fileCountTarget && nameCount >= nameCountTarget }
}
