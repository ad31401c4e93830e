internal import HoldfastDisk
internal import HoldfastRecords

/// The first block of a snapshot file.
///
/// ```
///  0 u64 magic "HFSNAPSH"      56 u64 length of the root in bytes
///  8 u32 format version        64 u32 number of segments
/// 12 u32 flags, zero           68 u32 pages of one file of pages
/// 16 16 B store uuid           72 u64 length of the set of used pages in bytes
/// 32 u64 number of snapshot    80 u64 number of used pages
/// 40 u64 last LSN              88 u32 CRC32C of the body with its padding
/// 48 i64 frame time of it, ms  92 u32 CRC32C of bytes 0…91
/// 96 zeros up to 4,096
/// ```
struct SnapshotHeader: Equatable {
    var uuid: UniqueID
    var number: UInt64
    var lastLSN: LSN
    var frameTime: Int64
    var rootByteCount: Int
    var segmentCount: Int
    var extentPageCount: Int
    var usedByteCount: Int
    var usedPageCount: Int
    var bodyChecksum: UInt32

    /// Without the padding.
    var bodyByteCount: Int {
        rootByteCount + segmentCount * SnapshotSegment.encodedByteCount + usedByteCount
    }

    /// Of the whole snapshot: header, body, padding.
    var byteCount: Int {
        SnapshotFormat.blockByteCount + SnapshotFormat.padded(bodyByteCount)
    }

    func encode(to block: UnsafeMutableRawBufferPointer) {
        block.set(SnapshotFormat.magic, at: 0)
        block.set(SnapshotFormat.version, at: 8)
        block.set(UInt32(0), at: 12)
        block.set(uuid.high.bigEndian, at: 16)
        block.set(uuid.low.bigEndian, at: 24)
        block.set(number, at: 32)
        block.set(lastLSN, at: 40)
        block.set(frameTime, at: 48)
        block.set(UInt64(rootByteCount), at: 56)
        block.set(UInt32(segmentCount), at: 64)
        block.set(UInt32(extentPageCount), at: 68)
        block.set(UInt64(usedByteCount), at: 72)
        block.set(UInt64(usedPageCount), at: 80)
        block.set(bodyChecksum, at: 88)
        let checked = UnsafeRawBufferPointer(block).part(
            at: 0, count: SnapshotFormat.checkedByteCount)
        block.set(Checksum.crc32c(checked), at: SnapshotFormat.checkedByteCount)
    }

    enum Decoding: Equatable {
        case header(SnapshotHeader)
        /// Whole, and of a format that is not known here.
        case otherVersion(UInt32)
        case notWhole(String)
    }

    static func decode(_ block: UnsafeRawBufferPointer) -> Decoding {
        let checkedByteCount = SnapshotFormat.checkedByteCount
        guard block.count == SnapshotFormat.blockByteCount else {
            return .notWhole("it is shorter than a header")
        }
        guard block.integer(UInt64.self, at: 0) == SnapshotFormat.magic,
            Checksum.crc32c(block.part(at: 0, count: checkedByteCount))
                == block.integer(UInt32.self, at: checkedByteCount)
        else { return .notWhole("its header does not match its checksum") }
        let version = block.integer(UInt32.self, at: 8)
        guard version == SnapshotFormat.version else { return .otherVersion(version) }
        let rest = checkedByteCount + 4
        guard block.integer(UInt32.self, at: 12) == 0,
            block.part(at: rest, count: block.count - rest).isZero,
            let rootByteCount = length(block.integer(UInt64.self, at: 56)),
            let usedByteCount = length(block.integer(UInt64.self, at: 72)),
            let usedPageCount = Int(exactly: block.integer(UInt64.self, at: 80))
        else { return .notWhole("its header is impossible") }
        let header = SnapshotHeader(
            uuid: UniqueID(
                high: block.integer(UInt64.self, at: 16).bigEndian,
                low: block.integer(UInt64.self, at: 24).bigEndian),
            number: block.integer(UInt64.self, at: 32),
            lastLSN: block.integer(UInt64.self, at: 40),
            frameTime: block.integer(Int64.self, at: 48), rootByteCount: rootByteCount,
            segmentCount: Int(block.integer(UInt32.self, at: 64)),
            extentPageCount: Int(block.integer(UInt32.self, at: 68)),
            usedByteCount: usedByteCount, usedPageCount: usedPageCount,
            bodyChecksum: block.integer(UInt32.self, at: 88))
        // Pages carry the number in 32 bits.
        guard (1..<UInt64(UInt32.max)).contains(header.number),
            header.lastLSN <= RecordFormat.lsnMax, header.frameTime <= .max / 2,
            header.bodyByteCount <= SnapshotFormat.bodyByteCountMax,
            SnapshotFormat.extentPageCounts.contains(header.extentPageCount)
        else { return .notWhole("its header is impossible") }
        return .header(header)
    }

    /// The length of a part, as far as it can be one.
    private static func length(_ value: UInt64) -> Int? {
        value <= UInt64(SnapshotFormat.bodyByteCountMax) ? Int(value) : nil
    }
}
