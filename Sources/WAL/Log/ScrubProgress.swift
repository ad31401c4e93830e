/// How far the reading of the sealed segments has come since the log was opened.
package struct ScrubProgress: Sendable, Equatable {
    /// Bytes that were compared with their checksums.
    package var byteCount = 0
    /// How often all that was sealed has been read.
    package var roundCount = 0
    /// The segment that is being read, or was read last; nil before the first.
    package var segmentNumber: UInt64?

    package init() {}
}
