package import HoldfastRecords
internal import HoldfastWAL

/// A sealed segment of the log as a snapshot lists it: one that holds a birth which lives, or that
/// this snapshot or the one before needs to be replayed from.
package struct SnapshotSegment: Sendable, Equatable {
    package enum Kind: UInt32, Sendable {
        case plain = 0
        /// Holds what was left of several segments, under the old LSNs.
        case compacted = 1
    }

    package var number: UInt64
    package var salt: UInt64
    package var firstLSN: LSN
    /// The LSN behind its last record.
    package var nextLSN: LSN
    /// Its cut: where its frames end, in bytes.
    package var end: Int
    /// Its length in bytes.
    package var byteCount: Int
    /// Births in it that live.
    package var liveCount: UInt64
    package var kind: Kind

    package init(
        number: UInt64, salt: UInt64, firstLSN: LSN, nextLSN: LSN, end: Int, byteCount: Int,
        liveCount: UInt64, kind: Kind = .plain
    ) {
        self.number = number
        self.salt = salt
        self.firstLSN = firstLSN
        self.nextLSN = nextLSN
        self.end = end
        self.byteCount = byteCount
        self.liveCount = liveCount
        self.kind = kind
    }

    /// ```
    ///  0 u64 number       32 u64 live births
    ///  8 u64 salt         40 u32 cut
    /// 16 u64 first LSN    44 u32 length
    /// 24 u64 next LSN     48 u32 kind    52 u32 zero
    /// ```
    static let encodedByteCount = 56

    func encode(to bytes: UnsafeMutableRawBufferPointer, at offset: Int) {
        bytes.set(number, at: offset)
        bytes.set(salt, at: offset + 8)
        bytes.set(firstLSN, at: offset + 16)
        bytes.set(nextLSN, at: offset + 24)
        bytes.set(liveCount, at: offset + 32)
        bytes.set(UInt32(end), at: offset + 40)
        bytes.set(UInt32(byteCount), at: offset + 44)
        bytes.set(kind.rawValue, at: offset + 48)
        bytes.set(UInt32(0), at: offset + 52)
    }

    /// nil where the bytes mean nothing, or what cannot be: no segment has more births that live than
    /// records.
    init?(decoding bytes: UnsafeRawBufferPointer, at offset: Int) {
        let firstLSN: LSN = bytes.integer(UInt64.self, at: offset + 16)
        let nextLSN: LSN = bytes.integer(UInt64.self, at: offset + 24)
        let liveCount = bytes.integer(UInt64.self, at: offset + 32)
        guard let kind = Kind(rawValue: bytes.integer(UInt32.self, at: offset + 48)),
            bytes.integer(UInt32.self, at: offset + 52) == 0,
            bytes.integer(UInt64.self, at: offset) <= LogFormat.segmentNumberMax,
            firstLSN > 0, firstLSN <= nextLSN, nextLSN <= RecordFormat.lsnMax + 1,
            liveCount <= nextLSN - firstLSN
        else { return nil }
        self.init(
            number: bytes.integer(UInt64.self, at: offset),
            salt: bytes.integer(UInt64.self, at: offset + 8),
            firstLSN: firstLSN, nextLSN: nextLSN,
            end: Int(bytes.integer(UInt32.self, at: offset + 40)),
            byteCount: Int(bytes.integer(UInt32.self, at: offset + 44)),
            liveCount: liveCount, kind: kind)
    }
}
