internal import HoldfastDisk
internal import HoldfastRecords

/// The file `.idx` beside a sealed segment: its index, so that a record is found without reading
/// the segment. Derived from the segment: where it is missing, damaged or another segment's, it is
/// made again.
///
/// ```
///  0 u64 magic "HFINDEX\n"     32 u64 LSN behind the last record
///  8 u64 segment number        40 u32 the segment's cut
/// 16 u64 the segment's salt    44 u32 number of entries, n
/// 24 u64 first LSN             48 n × (u32 LSN less the first, u32 offset in the segment)
///                                 u32 CRC32C of all before
/// ```
enum SidecarFile {
    private static let headByteCount = 48

    static func encoded(_ index: SegmentIndex, of segment: SealedSegment) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: headByteCount + index.count * 8 + 4)
        bytes.withUnsafeMutableBytes { bytes in
            bytes.set(LogFormat.sidecarMagic, at: 0)
            bytes.set(segment.number, at: 8)
            bytes.set(segment.header.salt, at: 16)
            bytes.set(segment.firstLSN, at: 24)
            bytes.set(segment.nextLSN, at: 32)
            bytes.set(UInt32(segment.end), at: 40)
            bytes.set(UInt32(index.count), at: 44)
            for entry in 0..<index.count {
                bytes.set(index.deltas[entry], at: headByteCount + entry * 8)
                bytes.set(index.offsets[entry], at: headByteCount + entry * 8 + 4)
            }
            let end = bytes.count - 4
            bytes.set(
                Checksum.crc32c(UnsafeRawBufferPointer(bytes).part(at: 0, count: end)), at: end)
        }
        return bytes
    }

    static func decoded(_ bytes: [UInt8], of segment: SealedSegment) -> SegmentIndex? {
        bytes.withUnsafeBytes { bytes in
            let end = bytes.count - 4
            guard end >= headByteCount,
                bytes.integer(UInt64.self, at: 0) == LogFormat.sidecarMagic,
                bytes.integer(UInt64.self, at: 8) == segment.number,
                bytes.integer(UInt64.self, at: 16) == segment.header.salt,
                bytes.integer(UInt64.self, at: 24) == segment.firstLSN,
                bytes.integer(UInt64.self, at: 32) == segment.nextLSN,
                Int(bytes.integer(UInt32.self, at: 40)) == segment.end,
                end - headByteCount == Int(bytes.integer(UInt32.self, at: 44)) * 8,
                Checksum.crc32c(bytes.part(at: 0, count: end))
                    == bytes.integer(UInt32.self, at: end)
            else { return nil }
            let count = (end - headByteCount) / 8
            return SegmentIndex(
                of: segment,
                deltas: (0..<count).map { bytes.integer(UInt32.self, at: headByteCount + $0 * 8) },
                offsets: (0..<count).map {
                    bytes.integer(UInt32.self, at: headByteCount + $0 * 8 + 4)
                })
        }
    }

    /// The index that the file holds; nil where there is none to be trusted.
    static func load(_ segment: SealedSegment, in fileSystem: any FileSystem) -> SegmentIndex? {
        do throws(DiskError) {
            let file = try fileSystem.openFile(
                DirectoryLayout.sidecar(segment.number), for: .reading)
            // An entry stands for a record of at least 12 bytes, so no sidecar is longer than that.
            let byteCount = try file.byteCount()
            guard byteCount <= headByteCount + 4 + segment.header.byteCount else { return nil }
            return decoded(try file.read(byteCount: byteCount, at: 0), of: segment)
        } catch {
            return nil
        }
    }

    /// Removes the file and a draft of it, where they are there.
    static func remove(_ number: UInt64, in fileSystem: any FileSystem) throws(DiskError) {
        let path = DirectoryLayout.sidecar(number)
        for path in [path, path + ".new"] {
            do throws(DiskError) {
                try fileSystem.remove(path)
            } catch {
                guard error.isNotFound else { throw error }
            }
        }
    }

    /// Writes the file, whole before it gets its name. That there is no room for it is no error:
    /// it is made again when it is needed.
    static func store(
        _ index: SegmentIndex, of segment: SealedSegment, in fileSystem: any FileSystem
    ) throws(DiskError) {
        let path = DirectoryLayout.sidecar(segment.number)
        let draft = path + ".new"
        do throws(DiskError) {
            try fileSystem.remove(draft)
        } catch {
            guard error.isNotFound else { throw error }
        }
        let file: any File
        do throws(DiskError) {
            file = try fileSystem.createFile(draft)
            let bytes = encoded(index, of: segment)
            try file.allocate(byteCount: bytes.count)
            try file.write(bytes, at: 0)
        } catch {
            guard error.isNoSpace else { throw error }
            try? fileSystem.remove(draft)
            return
        }
        try file.sync()
        do throws(DiskError) {
            try fileSystem.rename(draft, to: path)
        } catch {
            guard error.isNoSpace else { throw error }
            try? fileSystem.remove(draft)
        }
    }
}

extension DirectoryLayout {
    /// The number in the name of a sidecar or of a draft of one; nil for every other name.
    static func sidecarNumber(ofName name: String) -> UInt64? {
        number(ofName: name, ending: ".idx") ?? number(ofName: name, ending: ".idx.new")
    }
}
