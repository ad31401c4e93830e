import HoldfastDisk
import Testing

@Suite struct ChecksumTests {
    @Test("CRC32C is the standard's")
    func checksum() {
        // RFC 3720, B.4.
        #expect(Checksum.crc32c(Array("123456789".utf8)) == 0xE306_9283)
        #expect(Checksum.crc32c([UInt8](repeating: 0, count: 32)) == 0x8A91_36AA)
        let first = Checksum.crc32c([1, 2, 3])
        #expect(Checksum.crc32c([4, 5], continuing: first) == Checksum.crc32c([1, 2, 3, 4, 5]))
    }

    @Test(
        "CRC32C of a long run is that of its parts",
        arguments: [767, 768, 769, 1_535, 1_536, 4_088, 10_000])
    func checksumOfLongRun(byteCount: Int) {
        let bytes = (0..<byteCount).map { UInt8(truncatingIfNeeded: $0 &* $0 &+ $0 / 251) }
        var parts: UInt32 = 7
        // Too short, each of them, for more than one lane.
        for start in stride(from: 0, to: byteCount, by: 100) {
            parts = Checksum.crc32c(
                Array(bytes[start..<min(start + 100, byteCount)]), continuing: parts)
        }
        #expect(Checksum.crc32c(bytes, continuing: 7) == parts)
    }

    @Test(
        "zeros that are not there count as zeros that are",
        arguments: [0, 1, 2, 7, 8, 63, 64, 4_095, 4_096, 65_537, 1_000_003])
    func zerosThatAreNotThere(count: Int) {
        let zeros = [UInt8](repeating: 0, count: count)
        for before in [[], [0], [0xFF], Array("holdfast".utf8)] as [[UInt8]] {
            let begun = Checksum.crc32c(before)
            #expect(
                Checksum.crc32c(zeroCount: count, continuing: begun)
                    == Checksum.crc32c(zeros, continuing: begun))
        }
    }

    @Test("four gigabytes of zeros are twice two gigabytes")
    func gigabytesOfZeros() {
        let half = Checksum.crc32c(zeroCount: 1 << 31, continuing: 7)
        #expect(
            Checksum.crc32c(zeroCount: 1 << 32, continuing: 7)
                == Checksum.crc32c(zeroCount: 1 << 31, continuing: half))
    }
}
