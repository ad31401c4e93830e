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

    /// What comes of `count` zeros behind the bytes whose result is `crc`, without the zeros: each one
    /// multiplies the remainder by x^8, and a power is found by squaring, as zlib's `crc32_combine` does.
    /// Takes as long for 1 byte as for 4 GiB, about a microsecond.
    package static func crc32c(zeroCount count: Int, continuing crc: UInt32 = 0) -> UInt32 {
        precondition(count >= 0, "no bytes can be taken away")
        var power = one >> 8
        var remainder = ~crc
        var rest = count
        while rest > 0 {
            if rest & 1 == 1 { remainder = product(remainder, power) }
            power = product(power, power)
            rest >>= 1
        }
        return ~remainder
    }

    /// The polynomial 1, and with it the order of the bits: the highest one stands for x^0.
    private static let one: UInt32 = 1 << 31
    /// CRC-32C's polynomial without its x^32, in that order.
    private static let polynomial: UInt32 = 0x82F6_3B78

    /// Of two polynomials over two elements, modulo the checksum's own.
    private static func product(_ first: UInt32, _ second: UInt32) -> UInt32 {
        var product: UInt32 = 0
        var shifted = second
        var bit = one
        while bit != 0 {
            if first & bit != 0 { product ^= shifted }
            shifted = shifted & 1 == 0 ? shifted >> 1 : shifted >> 1 ^ polynomial
            bit >>= 1
        }
        return product
    }
}
