internal import HoldfastDisk

/// Puts the checksums of a file right, so that what is behind them is reached. The offsets are those of
/// docs/log-format.md and docs/snapshots.md.
package enum ChecksumRepair {
    /// A file of the log or a snapshot, by its path; every other one is left as it is.
    package static func repair(_ path: String, _ file: inout [UInt8]) {
        if path == "STORE" { identity(&file) }
        if path.hasPrefix("snap/") { snapshot(&file) }
        if path.hasSuffix(".seg") { segment(&file) }
        if path.hasSuffix(".cmp") { compacted(&file) }
        if path.hasSuffix(".idx") { sidecar(&file) }
    }

    package static func identity(_ file: inout [UInt8]) { seal(&file, 0..<60, at: 60) }

    /// Both headers, and every frame from the first block on.
    package static func segment(_ file: inout [UInt8]) {
        let block = 4_096
        guard file.count >= 3 * block else { return }
        seal(&file, 0..<60, at: 60)
        let last = file.count - block
        seal(&file, last..<last + 60, at: last + 60)
        let salt = integer(UInt64.self, file, 40)
        var offset = block
        while offset + 48 <= last, integer(UInt32.self, file, offset) == 0x4D52_4648 {
            let count = Int(integer(UInt32.self, file, offset + 4))
            guard count <= last - offset - 48 else { return }
            put(
                crc(file, offset + 48..<offset + 48 + count), &file, offset + 40)
            put(
                crc(
                    file, offset..<offset + 44,
                    continuing: Checksum.crc32c(salt, UInt64(offset))), &file, offset + 44)
            offset += (48 + count + block - 1) / block * block
        }
    }

    package static func sidecar(_ file: inout [UInt8]) {
        guard file.count >= 4 else { return }
        seal(&file, 0..<file.count - 4, at: file.count - 4)
    }

    package static func compacted(_ file: inout [UInt8]) {
        guard file.count >= 4_096 else { return }
        let end = Int(integer(UInt32.self, file, 72))
        let count = Int(integer(UInt32.self, file, 76))
        if end <= file.count, count <= (file.count - end) / 8 {
            seal(&file, end..<end + count * 8, at: 80)
        }
        seal(&file, 0..<92, at: 92)
    }

    package static func snapshot(_ file: inout [UInt8]) {
        guard file.count >= 4_096 else { return }
        let body =
            integer(UInt64.self, file, 56) &+ UInt64(integer(UInt32.self, file, 64)) &* 56
            &+ integer(UInt64.self, file, 72)
        if body <= UInt64(file.count) {
            let padded = (Int(body) + 4_095) / 4_096 * 4_096
            if 4_096 + padded <= file.count { seal(&file, 4_096..<4_096 + padded, at: 88) }
        }
        seal(&file, 0..<92, at: 92)
    }

    package static func integer<Integer: FixedWidthInteger & BitwiseCopyable>(
        _: Integer.Type, _ file: [UInt8], _ offset: Int
    ) -> Integer {
        guard offset + MemoryLayout<Integer>.size <= file.count else { return 0 }
        return file.withUnsafeBytes {
            Integer(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: Integer.self))
        }
    }

    private static func seal(_ file: inout [UInt8], _ range: Range<Int>, at offset: Int) {
        guard range.upperBound <= file.count else { return }
        put(crc(file, range), &file, offset)
    }

    private static func crc(
        _ file: [UInt8], _ range: Range<Int>, continuing crc: UInt32 = 0
    ) -> UInt32 {
        file.withUnsafeBytes {
            Checksum.crc32c(UnsafeRawBufferPointer(rebasing: $0[range]), continuing: crc)
        }
    }

    /// Writes an integer as files have it; nothing where it would end behind the last byte.
    package static func put<Integer: FixedWidthInteger & BitwiseCopyable>(
        _ value: Integer, _ file: inout [UInt8], _ offset: Int
    ) {
        let byteCount = MemoryLayout<Integer>.size
        guard offset + byteCount <= file.count else { return }
        withUnsafeBytes(of: value.littleEndian) {
            file.replaceSubrange(offset..<offset + byteCount, with: $0)
        }
    }
}
