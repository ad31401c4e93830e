internal import CCRC32C

/// How one record lies in the payload of a frame. Neither type nor meaning is known here: a body is
/// bytes, and the engine is the one that can read them.
///
/// ```
/// 0 u32 head      bits 0…27 body length in bytes, bit 31 "indexed", all others zero
///   only where indexed:
/// 4 u32 low word of the record's LSN
/// 8 u32 CRC32C of the body
///   body, not padded; the next record follows at once
/// ```
///
/// An indexed record is found again by its LSN alone, without its frame, so it proves by itself
/// that it is the one asked for and that it is whole. All integers are little-endian.
package enum RecordFormat {
    /// No log comes so far, and sums with it do not overflow: what says more is damaged or forged.
    package static let lsnMax: LSN = (1 << 60) - 1
    /// The longest body that a head can say, in bytes (256 MiB less one).
    package static let bodyByteCountMax = (1 << 28) - 1
    @usableFromInline package static let plainHeadByteCount = 4
    @usableFromInline package static let indexedHeadByteCount = 12
    @usableFromInline static let indexedBit: UInt32 = 1 << 31

    /// What a head says; nil where the reserved bits are set.
    package struct Head {
        @usableFromInline package let isIndexed: Bool
        @usableFromInline package let bodyByteCount: Int

        @inlinable
        package init?(_ head: UInt32) {
            guard head & 0x7000_0000 == 0 else { return nil }
            isIndexed = head & RecordFormat.indexedBit != 0
            bodyByteCount = Int(head & 0x0FFF_FFFF)
        }

        @inlinable
        package var headByteCount: Int {
            isIndexed ? RecordFormat.indexedHeadByteCount : RecordFormat.plainHeadByteCount
        }
    }

    /// The body of the record that starts at `offset` in `bytes`, judged by itself.
    ///
    /// - Returns: nil where the bytes do not hold a whole record, or where the record is an indexed
    ///   one and its LSN or its checksum is another than it should be.
    package static func body(
        in bytes: UnsafeRawBufferPointer, at offset: Int, lsn: LSN
    ) -> UnsafeRawBufferPointer? {
        guard offset >= 0, bytes.count - offset >= plainHeadByteCount else { return nil }
        let word = UInt32(
            littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
        guard let head = Head(word),
            bytes.count - offset - head.headByteCount >= head.bodyByteCount
        else { return nil }
        let body = UnsafeRawBufferPointer(
            rebasing: bytes[
                offset + head.headByteCount..<offset + head.headByteCount + head.bodyByteCount])
        if head.isIndexed {
            let low = UInt32(
                littleEndian: bytes.loadUnaligned(fromByteOffset: offset + 4, as: UInt32.self))
            let checksum = UInt32(
                littleEndian: bytes.loadUnaligned(fromByteOffset: offset + 8, as: UInt32.self))
            guard low == UInt32(truncatingIfNeeded: lsn), checksum == crc32c(body) else {
                return nil
            }
        }
        return body
    }

    /// The checksum of every format in the store.
    package static func crc32c(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
        holdfast_crc32c(0, bytes.baseAddress, bytes.count)
    }
}
