internal import HoldfastDisk
internal import HoldfastRecords

/// Reads one segment through a window that moves over it, so that memory stays bounded whatever
/// the file says: by the window, or by the largest frame that fits into the segment.
final class SegmentReader {
    static let windowByteCount = 1 << 20

    /// What stands at a place where a frame may begin.
    enum Reading {
        case absent
        /// The header is one that was written to this place; what it announces is not there.
        case broken(FrameHeader, LogDamage.Kind)
        /// The payload is valid until the next call.
        case whole(FrameHeader, payload: UnsafeRawBufferPointer)
    }

    let file: any File
    let header: SegmentHeader
    private var window: UnsafeMutableRawBufferPointer
    /// Which bytes of the file the window holds.
    private var held = 0..<0

    init(file: any File, header: SegmentHeader) {
        self.file = file
        self.header = header
        window = .allocate(
            byteCount: min(Self.windowByteCount, header.byteCount), alignment: 4096)
    }

    deinit {
        window.deallocate()
    }

    /// Bytes of the file, valid until the next call. Those that the file does not have are zeros.
    ///
    /// - Throws: EIO also where the file has bytes and the disk ends before them: taken for zeros,
    ///   they would be a torn commit.
    func bytes(at offset: Int, count: Int) throws(DiskError) -> UnsafeRawBufferPointer {
        if !(held.lowerBound <= offset && offset + count <= held.upperBound) {
            try fill(from: offset, atLeast: count)
        }
        return UnsafeRawBufferPointer(window).part(at: offset - held.lowerBound, count: count)
    }

    func frame(at offset: Int) throws(DiskError) -> Reading {
        guard header.frames.contains(offset) else { return .absent }
        let head = try bytes(at: offset, count: LogFormat.frameHeaderByteCount)
        guard let frame = FrameHeader(decoding: head, in: header, at: offset) else {
            return .absent
        }
        let byteCount = frame.byteCount(alignment: header.alignment)
        // One that the file ends in is not whole, and must not cost memory for what is not there.
        if byteCount > Self.windowByteCount, offset + byteCount > (try file.byteCount()) {
            return .broken(frame, .payload)
        }
        let all = try bytes(at: offset, count: byteCount)
        let end = LogFormat.frameHeaderByteCount + frame.payloadByteCount
        let payload = all.part(
            at: LogFormat.frameHeaderByteCount, count: frame.payloadByteCount)
        guard Checksum.crc32c(payload) == frame.payloadChecksum else {
            return .broken(frame, .payload)
        }
        guard all.part(at: end, count: all.count - end).lastNonZeroOffset == nil else {
            return .broken(frame, .padding)
        }
        return .whole(frame, payload: payload)
    }

    /// Where a frame's payload lies, as far as the file has it: what it does not have is not worth its
    /// memory.
    func payloadRange(of frame: FrameHeader, at offset: Int) throws(DiskError) -> Range<Int> {
        let start = offset + LogFormat.frameHeaderByteCount
        return start..<min(start + frame.payloadByteCount, max(start, try file.byteCount()))
    }

    /// Whether all that `frame(at:)` looks at is in the window, so that it reads nothing.
    func holdsFrame(at offset: Int) -> Bool {
        let headEnd = offset + LogFormat.frameHeaderByteCount
        guard held.lowerBound <= offset, headEnd <= held.upperBound else { return false }
        let head = UnsafeRawBufferPointer(window).part(
            at: offset - held.lowerBound, count: LogFormat.frameHeaderByteCount)
        guard let frame = FrameHeader(decoding: head, in: header, at: offset) else { return true }
        return offset + frame.byteCount(alignment: header.alignment) <= held.upperBound
    }

    /// The first frame of the segment, if it is a START.
    func start() throws(DiskError) -> (header: FrameHeader, mark: StartMark)? {
        guard case .whole(let frame, let payload) = try frame(at: header.frames.lowerBound),
            frame.recordCount == 0, case .start(let mark) = Mark(decoding: payload)
        else { return nil }
        return (frame, mark)
    }

    /// Where the frame behind START begins.
    var endOfStart: Int {
        header.frames.lowerBound
            + LogFormat.padded(
                LogFormat.frameHeaderByteCount + StartMark.byteCount, to: header.alignment)
    }

    /// The nearest place at or behind `offset` where the header of a frame stands.
    func nextFrame(
        from offset: Int, to limit: Int? = nil
    ) throws(DiskError) -> (offset: Int, header: FrameHeader)? {
        var place = LogFormat.padded(offset, to: header.alignment)
        let end = min(limit ?? header.frames.upperBound, try file.byteCount())
        while place < end {
            let head = try bytes(at: place, count: LogFormat.frameHeaderByteCount)
            if let frame = FrameHeader(decoding: head, in: header, at: place) {
                return (place, frame)
            }
            place += header.alignment
        }
        return nil
    }

    /// CRC32C of `range`, and where its last byte lies that is not zero.
    func survey(
        _ range: Range<Int>
    ) throws(DiskError) -> (checksum: UInt32, lastNonZeroOffset: Int?) {
        var checksum: UInt32 = 0
        var last: Int?
        var place = range.lowerBound
        let end = min(range.upperBound, try file.byteCount())
        while place < end {
            let piece = try bytes(at: place, count: min(Self.windowByteCount / 4, end - place))
            checksum = Checksum.crc32c(piece, continuing: checksum)
            if let offset = piece.lastNonZeroOffset { last = place + offset }
            place += piece.count
        }
        // A header may announce gigabytes of a file that was cut short: none is gone through.
        let missing = range.upperBound - place
        return (Checksum.crc32c(zeroCount: missing, continuing: checksum), last)
    }

    private func fill(from offset: Int, atLeast count: Int) throws(DiskError) {
        precondition(
            offset >= 0 && count <= header.byteCount, "a read beyond what a segment can hold")
        held = 0..<0
        if count > window.count {
            window.deallocate()
            window = .allocate(byteCount: LogFormat.padded(count, to: 4096), alignment: 4096)
        }
        let wanted = max(count, min(window.count, header.byteCount - offset))
        let part = UnsafeMutableRawBufferPointer(rebasing: window[..<wanted])
        let done = try file.read(into: part, at: offset)
        if done < wanted {
            let byteCount = try file.byteCount()
            if offset + done < min(byteCount, offset + wanted) {
                throw DiskError(.read, file.path, code: DiskError.inputOutput)
            }
            UnsafeMutableRawBufferPointer(rebasing: part[done...]).initializeMemory(
                as: UInt8.self, repeating: 0)
        }
        held = offset..<offset + wanted
    }
}
