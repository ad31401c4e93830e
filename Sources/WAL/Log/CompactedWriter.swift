internal import HoldfastDisk
internal import HoldfastRecords

/// Writes a compacted segment: records in, in rising order, and its first block last, so that
/// memory is bounded by a piece and eight bytes for each record.
struct CompactedWriter {
    /// What is written and synced at a time: a large sync would hold up the log's own.
    static let pieceByteCount = 1 << 20

    let file: any File
    let firstLSN: LSN
    private var piece: [UInt8] = []
    /// Where the piece goes.
    private var offset = CompactedHeader.blockByteCount
    private var index: SegmentIndex

    init(file: any File, firstLSN: LSN) {
        self.file = file
        self.firstLSN = firstLSN
        index = SegmentIndex(firstLSN: firstLSN)
    }

    var isPieceFull: Bool { piece.count >= Self.pieceByteCount }

    mutating func append(_ lsn: LSN, _ body: UnsafeRawBufferPointer) {
        index.append(lsn, offset: offset + piece.count)
        Self.append(UInt32(body.count) | 1 << 31, to: &piece)
        Self.append(UInt32(truncatingIfNeeded: lsn), to: &piece)
        Self.append(RecordFormat.crc32c(body), to: &piece)
        piece.append(contentsOf: body)
    }

    /// Writes what has come together.
    mutating func flush() throws(DiskError) {
        if piece.isEmpty { return }
        // So that a full volume says so here, and not when it is too late to turn back.
        try file.allocate(byteCount: offset + piece.count)
        try file.write(piece, at: offset)
        try file.sync()
        offset += piece.count
        piece.removeAll(keepingCapacity: true)
    }

    /// Writes the index and the first block. All is on the disk when it returns.
    mutating func finish(
        uuid: UniqueID, number: UInt64, salt: UInt64, nextLSN: LSN
    ) throws(DiskError) -> CompactedHeader {
        try flush()
        let end = offset
        for entry in 0..<index.count {
            Self.append(index.deltas[entry], to: &piece)
            Self.append(index.offsets[entry], to: &piece)
        }
        let header = CompactedHeader(
            uuid: uuid, number: number, salt: salt, firstLSN: firstLSN, nextLSN: nextLSN, end: end,
            recordCount: index.count, indexChecksum: Checksum.crc32c(piece))
        piece.append(
            contentsOf: [UInt8](repeating: 0, count: header.fileByteCount - end - piece.count))
        try flush()
        try file.allocate(byteCount: header.fileByteCount)
        try file.write(header.encoded(), at: 0)
        try file.sync()
        return header
    }

    private static func append(_ value: UInt32, to bytes: inout [UInt8]) {
        withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }
}
