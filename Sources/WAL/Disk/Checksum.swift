internal import CCRC32C

/// CRC-32C, the checksum of every format in the store.
package enum Checksum {
    /// - Parameter crc: the result for the bytes before these; 0 to begin.
    package static func crc32c(
        _ bytes: UnsafeRawBufferPointer, continuing crc: UInt32 = 0
    ) -> UInt32 {
        holdfast_crc32c(crc, bytes.baseAddress, bytes.count)
    }

    package static func crc32c(_ bytes: [UInt8], continuing crc: UInt32 = 0) -> UInt32 {
        bytes.withUnsafeBytes { crc32c($0, continuing: crc) }
    }

    /// Of two integers in little-endian order: the seed of checksums that are tied to a place.
    package static func crc32c(_ first: UInt64, _ second: UInt64) -> UInt32 {
        withUnsafeBytes(of: (first.littleEndian, second.littleEndian)) { crc32c($0) }
    }
}
