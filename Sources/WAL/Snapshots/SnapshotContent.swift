internal import HoldfastDisk
internal import HoldfastPages
internal import HoldfastRecords

/// All that a snapshot file says.
struct SnapshotContent: Sendable, Equatable {
    var uuid: UniqueID
    var number: UInt64
    var lastLSN: LSN
    var frameTime: Int64
    var extentPageCount: Int
    var root: [UInt8]
    var segments: [SnapshotSegment]
    var used: PageSet

    /// The file: header, root, segments, set of used pages, zeros up to a whole block.
    ///
    /// - Returns: nil where the body would be longer than the format allows.
    func encoded() -> [UInt8]? {
        let set = used.encoded()
        var header = header(usedByteCount: set.count)
        guard header.bodyByteCount <= SnapshotFormat.bodyByteCountMax else { return nil }
        let start = SnapshotFormat.blockByteCount
        var bytes = [UInt8](repeating: 0, count: header.byteCount)
        bytes.withUnsafeMutableBytes { bytes in
            var place = start
            UnsafeMutableRawBufferPointer(rebasing: bytes[place...]).copyBytes(from: root)
            place += root.count
            for segment in segments {
                segment.encode(to: bytes, at: place)
                place += SnapshotSegment.encodedByteCount
            }
            UnsafeMutableRawBufferPointer(rebasing: bytes[place...]).copyBytes(from: set)
            header.bodyChecksum = Checksum.crc32c(
                UnsafeRawBufferPointer(bytes).part(at: start, count: bytes.count - start))
            header.encode(to: UnsafeMutableRawBufferPointer(rebasing: bytes[..<start]))
        }
        return bytes
    }

    /// The header, but for the checksum of the body.
    private func header(usedByteCount: Int) -> SnapshotHeader {
        SnapshotHeader(
            uuid: uuid, number: number, lastLSN: lastLSN, frameTime: frameTime,
            rootByteCount: root.count, segmentCount: segments.count,
            extentPageCount: extentPageCount, usedByteCount: usedByteCount,
            usedPageCount: used.count, bodyChecksum: 0)
    }

    /// The length of the file's part that means something.
    var byteCount: Int { header(usedByteCount: used.encoded().count).byteCount }

    /// - Parameter body: with its padding, its checksum looked at already.
    /// - Returns: nil where it is not what the header says.
    init?(_ header: SnapshotHeader, body: UnsafeRawBufferPointer) {
        guard body.count == header.byteCount - SnapshotFormat.blockByteCount else { return nil }
        uuid = header.uuid
        number = header.number
        lastLSN = header.lastLSN
        frameTime = header.frameTime
        extentPageCount = header.extentPageCount
        root = Array(body.part(at: 0, count: header.rootByteCount))
        segments = []
        segments.reserveCapacity(header.segmentCount)
        var place = header.rootByteCount
        for _ in 0..<header.segmentCount {
            guard let segment = SnapshotSegment(decoding: body, at: place) else { return nil }
            segments.append(segment)
            place += SnapshotSegment.encodedByteCount
        }
        let set = Array(body.part(at: place, count: header.usedByteCount))
        guard let used = PageSet(decoding: set), used.count == header.usedPageCount else {
            return nil
        }
        self.used = used
    }

    init(
        uuid: UniqueID, number: UInt64, lastLSN: LSN, frameTime: Int64, extentPageCount: Int,
        root: [UInt8], segments: [SnapshotSegment], used: PageSet
    ) {
        self.uuid = uuid
        self.number = number
        self.lastLSN = lastLSN
        self.frameTime = frameTime
        self.extentPageCount = extentPageCount
        self.root = root
        self.segments = segments
        self.used = used
    }
}
