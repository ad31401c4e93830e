package import HoldfastDisk

/// What the file STORE says: which store this is. Written once, when the store is made.
///
/// ```
///  0 u64 magic "HFSTORE\n"     32 u64 segment length in bytes
///  8 u32 format version        40 u64 key, low half
/// 12 u32 zero                  48 u64 key, high half
/// 16 16 B store uuid           56 u32 zero
///                              60 u32 CRC32C of bytes 0…59
/// ```
/// Later versions keep these 64 bytes as they are, so that an older broker can say what it met.
package struct StoreIdentity: Sendable, Equatable {
    package let uuid: UniqueID
    package let formatVersion: UInt32
    /// The length of a segment in bytes, a power of two.
    package let segmentByteCount: Int
    /// The secret of the store's keyed checks (of job ids and lease tokens).
    package let keyLow: UInt64
    package let keyHigh: UInt64

    package init(
        uuid: UniqueID, formatVersion: UInt32 = LogFormat.version, segmentByteCount: Int,
        keyLow: UInt64, keyHigh: UInt64
    ) {
        self.uuid = uuid
        self.formatVersion = formatVersion
        self.segmentByteCount = segmentByteCount
        self.keyLow = keyLow
        self.keyHigh = keyHigh
    }

    func encoded() -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: LogFormat.storeByteCount)
        bytes.withUnsafeMutableBytes { bytes in
            bytes.set(LogFormat.storeMagic, at: 0)
            bytes.set(formatVersion, at: 8)
            bytes.set(uuid.high.bigEndian, at: 16)
            bytes.set(uuid.low.bigEndian, at: 24)
            bytes.set(UInt64(segmentByteCount), at: 32)
            bytes.set(keyLow, at: 40)
            bytes.set(keyHigh, at: 48)
            bytes.set(Checksum.crc32c(UnsafeRawBufferPointer(bytes).part(at: 0, count: 60)), at: 60)
        }
        return bytes
    }

    /// Reads the bytes of a STORE file of any version.
    init(decoding bytes: [UInt8]) throws(StoreError) {
        let decoded = bytes.withUnsafeBytes { bytes -> StoreIdentity? in
            guard bytes.count == LogFormat.storeByteCount,
                bytes.integer(UInt64.self, at: 0) == LogFormat.storeMagic,
                Checksum.crc32c(bytes.part(at: 0, count: 60)) == bytes.integer(UInt32.self, at: 60),
                let segmentByteCount = Int(exactly: bytes.integer(UInt64.self, at: 32))
            else { return nil }
            return StoreIdentity(
                uuid: UniqueID(
                    high: bytes.integer(UInt64.self, at: 16).bigEndian,
                    low: bytes.integer(UInt64.self, at: 24).bigEndian),
                formatVersion: bytes.integer(UInt32.self, at: 8),
                segmentByteCount: segmentByteCount,
                keyLow: bytes.integer(UInt64.self, at: 40),
                keyHigh: bytes.integer(UInt64.self, at: 48))
        }
        guard let decoded else { throw .damagedStore("its bytes do not match their checksum") }
        guard decoded.formatVersion == LogFormat.version else {
            throw .otherVersion(found: decoded.formatVersion, known: LogFormat.version)
        }
        guard Self.isSegmentByteCount(decoded.segmentByteCount) else {
            throw .damagedStore(
                "a segment length of \(decoded.segmentByteCount) bytes is impossible")
        }
        self = decoded
    }

    /// Whether segments may be of this length: a power of two within the format's bounds.
    package static func isSegmentByteCount(_ byteCount: Int) -> Bool {
        (LogFormat.segmentByteCountMin...LogFormat.segmentByteCountMax).contains(byteCount)
            && byteCount & (byteCount - 1) == 0
    }

    /// The length for a volume of this size: 1/128 of it, a power of two from 1 to 64 MiB.
    package static func segmentByteCount(forVolume volumeByteCount: Int) -> Int {
        let bounds = LogFormat.segmentByteCountByVolume
        var byteCount = bounds.upperBound
        while byteCount > bounds.lowerBound && byteCount > volumeByteCount / 128 { byteCount /= 2 }
        return byteCount
    }
}
