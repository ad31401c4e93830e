internal import HoldfastDisk
internal import HoldfastRecords

/// The first block of a compacted segment.
///
/// ```
///  0 u64 magic "HFCMPACT"      56 u64 LSN behind the last one
///  8 u32 format version        64 u64 length of the file in bytes
/// 12 u32 zero                  72 u32 where the records end, e
/// 16 16 B store uuid           76 u32 number of records, n
/// 32 u64 number                80 u32 CRC32C of the index
/// 40 u64 salt                  84 u64 zero
/// 48 u64 first LSN             92 u32 CRC32C of bytes 0…91
/// ```
/// Zeros up to 4,096; records; at e the index, n × (u32 LSN less the first, u32 offset); zeros.
struct CompactedHeader: Equatable, Sendable {
    static let byteCount = 96
    /// Where the records begin, and what the file's length is a multiple of.
    static let blockByteCount = 4096

    var uuid: UniqueID
    var number: UInt64
    var salt: UInt64
    var firstLSN: LSN
    var nextLSN: LSN
    /// Of the file.
    var fileByteCount: Int
    /// Where the records end and the index begins.
    var end: Int
    var recordCount: Int
    var indexChecksum: UInt32

    /// One block.
    func encoded() -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Self.blockByteCount)
        bytes.withUnsafeMutableBytes { bytes in
            bytes.set(LogFormat.compactedMagic, at: 0)
            bytes.set(LogFormat.version, at: 8)
            bytes.set(uuid.high.bigEndian, at: 16)
            bytes.set(uuid.low.bigEndian, at: 24)
            bytes.set(number, at: 32)
            bytes.set(salt, at: 40)
            bytes.set(firstLSN, at: 48)
            bytes.set(nextLSN, at: 56)
            bytes.set(UInt64(fileByteCount), at: 64)
            bytes.set(UInt32(end), at: 72)
            bytes.set(UInt32(recordCount), at: 76)
            bytes.set(indexChecksum, at: 80)
            bytes.set(Checksum.crc32c(UnsafeRawBufferPointer(bytes).part(at: 0, count: 92)), at: 92)
        }
        return bytes
    }

    /// nil where the bytes are not a whole and possible header.
    init?(decoding bytes: UnsafeRawBufferPointer) {
        guard bytes.count >= Self.byteCount,
            bytes.integer(UInt64.self, at: 0) == LogFormat.compactedMagic,
            bytes.integer(UInt32.self, at: 8) == LogFormat.version,
            bytes.integer(UInt32.self, at: 12) == 0, bytes.integer(UInt64.self, at: 84) == 0,
            Checksum.crc32c(bytes.part(at: 0, count: 92)) == bytes.integer(UInt32.self, at: 92),
            let fileByteCount = Int(exactly: bytes.integer(UInt64.self, at: 64)),
            fileByteCount <= Self.fileByteCountMax
        else { return nil }
        uuid = UniqueID(
            high: bytes.integer(UInt64.self, at: 16).bigEndian,
            low: bytes.integer(UInt64.self, at: 24).bigEndian)
        number = bytes.integer(UInt64.self, at: 32)
        salt = bytes.integer(UInt64.self, at: 40)
        firstLSN = bytes.integer(UInt64.self, at: 48)
        nextLSN = bytes.integer(UInt64.self, at: 56)
        self.fileByteCount = fileByteCount
        end = Int(bytes.integer(UInt32.self, at: 72))
        recordCount = Int(bytes.integer(UInt32.self, at: 76))
        indexChecksum = bytes.integer(UInt32.self, at: 80)
        guard firstLSN > 0, firstLSN <= nextLSN, nextLSN <= RecordFormat.lsnMax + 1,
            number <= LogFormat.segmentNumberMax, end >= Self.blockByteCount,
            fileByteCount == Self.fileByteCount(end: end, recordCount: recordCount)
        else { return nil }
    }

    init(
        uuid: UniqueID, number: UInt64, salt: UInt64, firstLSN: LSN, nextLSN: LSN, end: Int,
        recordCount: Int, indexChecksum: UInt32
    ) {
        self.uuid = uuid
        self.number = number
        self.salt = salt
        self.firstLSN = firstLSN
        self.nextLSN = nextLSN
        self.end = end
        self.recordCount = recordCount
        self.indexChecksum = indexChecksum
        fileByteCount = Self.fileByteCount(end: end, recordCount: recordCount)
    }

    /// Records are found by 32-bit offsets, and an index takes less than they do.
    static let fileByteCountMax = 2 * Int(UInt32.max)

    static func fileByteCount(end: Int, recordCount: Int) -> Int {
        LogFormat.padded(end + recordCount * 8, to: blockByteCount)
    }

    var segment: SealedSegment {
        SealedSegment(
            header: SegmentHeader(
                uuid: uuid, number: number, salt: salt, byteCount: fileByteCount,
                alignment: Self.blockByteCount),
            firstLSN: firstLSN, nextLSN: nextLSN, end: end, isCompacted: true)
    }

    func describes(_ summary: SegmentSummary) -> Bool { segment.summary == summary }
}
