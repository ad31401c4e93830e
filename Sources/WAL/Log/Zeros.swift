internal import HoldfastDisk

enum Zeros {
    static func bytes(_ count: Int) -> [UInt8] {
        [UInt8](repeating: 0, count: count)
    }

    /// CRC32C of so many zeros.
    static func checksum(_ count: Int) -> UInt32 {
        let piece = bytes(min(count, 1 << 16))
        var checksum: UInt32 = 0
        var left = count
        while left > 0 {
            let part = min(left, piece.count)
            checksum = piece.withUnsafeBytes {
                Checksum.crc32c($0.part(at: 0, count: part), continuing: checksum)
            }
            left -= part
        }
        return checksum
    }
}
