/// A hash of bytes for telling states apart by the million: fast, 64 bits, the same in every run.
/// Four lanes of multiply and rotate as in xxHash64 (Collet), so that a processor works on them at
/// the same time. Good against chance, not against an adversary.
package enum ContentHash {
    private static let prime1: UInt64 = 0x9E37_79B1_85EB_CA87
    private static let prime2: UInt64 = 0xC2B2_AE3D_27D4_EB4F
    private static let prime3: UInt64 = 0x1656_67B1_9E37_79F9

    package static func of(_ bytes: UnsafeRawBufferPointer, seed: UInt64 = 0) -> UInt64 {
        var lanes: (UInt64, UInt64, UInt64, UInt64) = (
            seed &+ prime1 &+ prime2, seed &+ prime2, seed, seed &- prime1
        )
        var offset = 0
        while bytes.count - offset >= 32 {
            lanes.0 = round(lanes.0, bytes, offset)
            lanes.1 = round(lanes.1, bytes, offset + 8)
            lanes.2 = round(lanes.2, bytes, offset + 16)
            lanes.3 = round(lanes.3, bytes, offset + 24)
            offset += 32
        }
        var hash = mix(mix(mix(lanes.0, lanes.1), lanes.2), lanes.3)
        hash = mix(hash, UInt64(bytes.count))
        while offset < bytes.count {
            hash = mix(hash, UInt64(bytes[offset]))
            offset += 1
        }
        return hash
    }

    package static func of(_ bytes: [UInt8], seed: UInt64 = 0) -> UInt64 {
        bytes.withUnsafeBytes { of($0, seed: seed) }
    }

    package static func of(_ text: String) -> UInt64 {
        var text = text
        return text.withUTF8 { of(UnsafeRawBufferPointer($0)) }
    }

    /// One number from two, in which their order counts.
    package static func mix(_ first: UInt64, _ second: UInt64) -> UInt64 {
        var mixed = (first ^ (second &* prime2)) &+ prime3
        mixed = (mixed ^ (mixed >> 33)) &* prime1
        mixed = (mixed ^ (mixed >> 29)) &* prime2
        return mixed ^ (mixed >> 32)
    }

    @inline(__always)
    private static func round(
        _ lane: UInt64, _ bytes: UnsafeRawBufferPointer, _ offset: Int
    ) -> UInt64 {
        let word = bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
        let sum = lane &+ word &* prime2
        return (sum << 31 | sum >> 33) &* prime1
    }
}
