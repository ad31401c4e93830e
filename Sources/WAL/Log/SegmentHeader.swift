package import HoldfastDisk

/// The first block of a segment, and once more its last one.
///
/// ```
///  0 u64 magic "HFSEGMNT"      32 u64 segment number
///  8 u32 format version        40 u64 salt
/// 12 u32 flags, zero           48 u64 segment length in bytes
/// 16 16 B store uuid           56 u32 alignment A
///                              60 u32 CRC32C of bytes 0…59
/// 64 zeros up to A
/// ```
package struct SegmentHeader: Equatable, Sendable {
    package var uuid: UniqueID
    package var number: UInt64
    /// Drawn anew each time a file becomes a segment, and part of every checksum in it.
    package var salt: UInt64
    package var byteCount: Int
    package var alignment: Int

    /// Where frames may lie: all but the two headers.
    package var frames: Range<Int> { alignment..<byteCount - alignment }

    /// One block.
    package func encoded() -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: alignment)
        bytes.withUnsafeMutableBytes { bytes in
            bytes.set(LogFormat.segmentMagic, at: 0)
            bytes.set(LogFormat.version, at: 8)
            bytes.set(uuid.high.bigEndian, at: 16)
            bytes.set(uuid.low.bigEndian, at: 24)
            bytes.set(number, at: 32)
            bytes.set(salt, at: 40)
            bytes.set(UInt64(byteCount), at: 48)
            bytes.set(UInt32(alignment), at: 56)
            bytes.set(Checksum.crc32c(UnsafeRawBufferPointer(bytes).part(at: 0, count: 60)), at: 60)
        }
        return bytes
    }

    /// nil where the bytes are not a whole and possible header. The zeros behind it are not looked
    /// at here.
    package init?(decoding bytes: UnsafeRawBufferPointer) {
        guard bytes.count >= LogFormat.segmentHeaderByteCount,
            bytes.integer(UInt64.self, at: 0) == LogFormat.segmentMagic,
            bytes.integer(UInt32.self, at: 8) == LogFormat.version,
            bytes.integer(UInt32.self, at: 12) == 0,
            Checksum.crc32c(bytes.part(at: 0, count: 60)) == bytes.integer(UInt32.self, at: 60),
            bytes.integer(UInt64.self, at: 32) <= LogFormat.segmentNumberMax,
            let byteCount = Int(exactly: bytes.integer(UInt64.self, at: 48))
        else { return nil }
        let alignment = Int(bytes.integer(UInt32.self, at: 56))
        guard (4096...65536).contains(alignment), alignment & (alignment - 1) == 0,
            byteCount % alignment == 0, byteCount >= 4 * alignment,
            byteCount <= Int(UInt32.max)
        else { return nil }
        uuid = UniqueID(
            high: bytes.integer(UInt64.self, at: 16).bigEndian,
            low: bytes.integer(UInt64.self, at: 24).bigEndian)
        number = bytes.integer(UInt64.self, at: 32)
        salt = bytes.integer(UInt64.self, at: 40)
        self.byteCount = byteCount
        self.alignment = alignment
    }

    package init(uuid: UniqueID, number: UInt64, salt: UInt64, byteCount: Int, alignment: Int) {
        self.uuid = uuid
        self.number = number
        self.salt = salt
        self.byteCount = byteCount
        self.alignment = alignment
    }

    /// Whether `file` has this header's length and, in its first and its last block, its very bytes.
    struct Copies {
        var header: SegmentHeader
        var isFirstWhole: Bool
        var isLastWhole: Bool
        var fileByteCount: Int
    }

    /// The header of the segment in `file`, from whichever copy can be read; nil where none can.
    static func read(from file: any File) throws(DiskError) -> Copies? {
        // A copy that the disk does not give back is not whole; there are two.
        if let copies = try copies(in: PassingFile(file)) { return copies }
        // Neither is. Where the disk is why, that is said.
        return try copies(in: file)
    }

    private static func copies(in file: any File) throws(DiskError) -> Copies? {
        let fileByteCount = try file.byteCount()
        let first = try file.read(byteCount: 4096, at: 0)
        var header = first.withUnsafeBytes { SegmentHeader(decoding: $0) }
        var alignment = 4096
        while header == nil, alignment <= 65536, fileByteCount >= 4 * alignment {
            let last = try file.read(byteCount: 4096, at: fileByteCount - alignment)
            header = last.withUnsafeBytes { SegmentHeader(decoding: $0) }
            alignment *= 2
        }
        guard var header else { return nil }
        // A copy may be one that was written for another number and never written over: where the
        // file's name and the other copy say the same, that is what it is.
        if let number = DirectoryLayout.segmentNumber(ofPath: file.path), header.number != number,
            fileByteCount >= header.alignment
        {
            let last = try file.read(byteCount: 4096, at: fileByteCount - header.alignment)
            let other = last.withUnsafeBytes { SegmentHeader(decoding: $0) }
            if let other, other.number == number, other.uuid == header.uuid { header = other }
        }
        let firstBlock = try file.read(byteCount: header.alignment, at: 0)
        let lastBlock = try file.read(
            byteCount: header.alignment, at: header.byteCount - header.alignment)
        return Copies(
            header: header, isFirstWhole: header.isWhole(in: firstBlock),
            isLastWhole: header.isWhole(in: lastBlock), fileByteCount: fileByteCount)
    }

    /// Whether the block is `encoded()` to the byte: the fields leave no byte before the zeros open.
    private func isWhole(in block: [UInt8]) -> Bool {
        block.withUnsafeBytes { bytes in
            bytes.count == alignment && SegmentHeader(decoding: bytes) == self
                && bytes.part(
                    at: LogFormat.segmentHeaderByteCount,
                    count: alignment - LogFormat.segmentHeaderByteCount
                ).lastNonZeroOffset == nil
        }
    }
}
