internal import HoldfastDisk
internal import HoldfastMutants
internal import HoldfastRecords

/// Writes frames to the end of one segment.
struct SegmentWriter: Sendable {
    let file: any File
    let header: SegmentHeader
    let firstLSN: LSN
    /// Whether its blocks were written before; where they are only reserved, syncs take twice as
    /// long, so that it is left as soon as there is a better one.
    let isFilled: Bool
    /// Where the next frame goes.
    private(set) var end: Int

    /// - Parameter end: behind START and the copies, which are there already.
    init(file: any File, header: SegmentHeader, firstLSN: LSN, isFilled: Bool, end: Int) {
        self.file = file
        self.header = header
        self.firstLSN = firstLSN
        self.isFilled = isFilled
        self.end = end
    }

    var number: UInt64 { header.number }

    /// Whether a batch still fits. One block is kept for the mark that ends the log, except in
    /// segments so small that nothing else would be left.
    func hasRoom(forFrameOf byteCount: Int) -> Bool {
        let kept = header.byteCount > 4 * header.alignment ? header.alignment : 0
        return header.frames.upperBound - end
            >= LogFormat.padded(byteCount, to: header.alignment) + kept
    }

    var hasRoomForMark: Bool { header.frames.upperBound - end >= header.alignment }

    /// One commit: header into the batch's headroom, then all of it in one durable write. Returns
    /// where the frame begins.
    mutating func append(
        _ batch: RecordBatch, epoch: UInt32, durableLSN: LSN
    ) throws(DiskError) -> Int {
        let frame = batch.frame(paddedTo: header.alignment)
        let durableLSN =
            Mutant.durableLSNTooHigh.isOn
            ? batch.lastLSN : Mutant.durableLSNNeverAdvances.isOn ? 0 : durableLSN
        FrameHeader(
            payloadByteCount: batch.byteCount - RecordBatch.headroomByteCount,
            firstLSN: batch.firstLSN, recordCount: batch.recordCount, epoch: epoch,
            durableLSN: durableLSN, frameTime: batch.frameTime,
            payloadChecksum: Checksum.crc32c(batch.records)
        ).encode(into: frame, salt: header.salt, offset: end)
        let offset = end
        if Mutant.syncErrorIgnored.isOn {
            try? file.writeDurably(UnsafeRawBufferPointer(frame), at: offset)
        } else if Mutant.syncErrorRetried.isOn {
            let isSynced =
                (try? file.writeDurably(UnsafeRawBufferPointer(frame), at: offset)) != nil
            if !isSynced { try file.sync() }
        } else {
            try file.writeDurably(UnsafeRawBufferPointer(frame), at: offset)
        }
        end += frame.count
        return offset
    }

    /// A frame that holds a mark.
    mutating func append(
        _ mark: Mark, epoch: UInt32, nextLSN: LSN, durableLSN: LSN, frameTime: Int64
    ) throws(DiskError) {
        let frame = Self.frame(
            mark, epoch: epoch, nextLSN: nextLSN, durableLSN: durableLSN, frameTime: frameTime,
            in: header, at: end)
        let result = frame.withUnsafeBytes { bytes in
            Result { () throws(DiskError) in try file.writeDurably(bytes, at: end) }
        }
        try result.get()
        end += frame.count
    }

    static func frame(
        _ mark: Mark, epoch: UInt32, nextLSN: LSN, durableLSN: LSN, frameTime: Int64,
        in header: SegmentHeader, at offset: Int
    ) -> [UInt8] {
        mark.frame(
            header: FrameHeader(
                payloadByteCount: 0, firstLSN: nextLSN, recordCount: 0, epoch: epoch,
                durableLSN: durableLSN, frameTime: frameTime, payloadChecksum: 0),
            in: header, at: offset)
    }
}
