internal import HoldfastDisk
package import HoldfastRecords

/// What a tool is shown of a segment, in the order in which it lies there.
package enum SegmentItem {
    case frame(FrameSummary)
    /// A record of the frame shown last. The body is valid during the call.
    case record(lsn: LSN, offset: Int, isIndexed: Bool, body: UnsafeRawBufferPointer)
    case damage(LogDamage)
}

package struct FrameSummary: Sendable, Equatable {
    package enum Content: Sendable, Equatable {
        case records
        case start(StartMark)
        case end
    }
    package let segmentNumber: UInt64
    package let offset: Int
    /// With header and padding.
    package let byteCount: Int
    package let payloadByteCount: Int
    package let firstLSN: LSN
    package let recordCount: Int
    package let epoch: UInt32
    package let durableLSN: LSN
    package let frameTime: Int64
    package let content: Content
}

/// Goes through every byte of one segment, past all damage, and never changes anything.
struct SegmentExamination {
    /// What the START of the segment behind says about this one, or a snapshot where that is gone.
    struct Successor {
        let cut: Int
        /// nil where only the snapshot is left, which does not say it.
        let tailChecksum: UInt32?
        let firstLSN: LSN
    }

    let number: UInt64
    let file: any File
    /// nil where no other segment names this one.
    let successor: Successor?
    /// Whether nobody needs it any more. Where its successor is gone, nothing says how much of what lies
    /// behind its frames a crash had torn.
    let isLeftOver: Bool
    /// What frames of other segments say was durable.
    let certifiedLSN: LSN

    // What came out of it.
    private(set) var index: SegmentIndex?
    private(set) var sealed: SealedSegment?
    private(set) var start: (header: FrameHeader, mark: StartMark)?
    private(set) var end = 0
    private(set) var nextLSN: LSN?
    private(set) var frameCount = 0
    private(set) var recordCount = 0

    init(
        number: UInt64, file: any File, successor: Successor?, isLeftOver: Bool, certifiedLSN: LSN
    ) {
        self.number = number
        self.file = file
        self.successor = successor
        self.isLeftOver = isLeftOver
        self.certifiedLSN = certifiedLSN
    }

    mutating func run(_ show: (SegmentItem) -> Void) throws(DiskError) {
        guard let copies = try SegmentHeader.read(from: file) else {
            let byteCount = try file.byteCount()
            show(.damage(damage(.segmentHeader, 0, max(byteCount, 1))))
            return
        }
        let header = copies.header
        if header.number != number { show(.damage(damage(.wrongNumber, 32, 8))) }
        if copies.fileByteCount != header.byteCount {
            show(
                .damage(
                    damage(
                        .wrongByteCount, min(copies.fileByteCount, header.byteCount),
                        abs(copies.fileByteCount - header.byteCount))))
        }
        if !copies.isFirstWhole { show(.damage(damage(.firstHeader, 0, header.alignment))) }
        if !copies.isLastWhole {
            show(.damage(damage(.lastHeader, header.frames.upperBound, header.alignment)))
        }
        let reader = SegmentReader(file: file, header: header)
        try frames(reader, show)
    }

    private mutating func frames(
        _ reader: SegmentReader, _ show: (SegmentItem) -> Void
    ) throws(DiskError) {
        let frames = reader.header.frames
        end = frames.lowerBound
        start = try reader.start()
        if let start {
            nextLSN = start.header.firstLSN
            index = SegmentIndex(firstLSN: start.header.firstLSN)
            frameCount += 1
            show(.frame(summary(start.header, end, reader, .start(start.mark))))
            end = reader.endOfStart
        } else {
            guard let next = try reader.nextFrame(from: frames.lowerBound) else {
                // The segment behind says that there was a START, and perhaps more.
                if let successor {
                    let cut = min(successor.cut, frames.upperBound)
                    show(
                        .damage(
                            damage(
                                .start, end, max(cut - end, 1),
                                range(certifiedLSN + 1, successor.firstLSN))))
                }
                try showTail(reader, from: frames.lowerBound, show)
                return
            }
            let behind = next.offset == end ? end + reader.header.alignment : next.offset
            show(.damage(damage(.start, end, behind - end)))
            end = behind
        }
        let limit = min(successor?.cut ?? frames.upperBound, frames.upperBound)
        while end < limit {
            switch try reader.frame(at: end) {
            case .whole(let frame, let payload):
                take(frame, payload, reader, show)
                end += frame.byteCount(alignment: reader.header.alignment)
            case .broken(let frame, let kind):
                let byteCount = frame.byteCount(alignment: reader.header.alignment)
                guard try isDamage(at: end, of: frame, reader) else {
                    try showTail(reader, from: end, show)
                    return
                }
                show(
                    .damage(damage(kind, end, byteCount, range(frame.firstLSN, frame.nextLSN))))
                nextLSN = frame.nextLSN
                end += byteCount
            case .absent:
                let next = try reader.nextFrame(from: end, to: limit)
                if next == nil, successor == nil, certifiedLSN < nextLSN ?? 0 {
                    try showTail(reader, from: end, show)
                    return
                }
                let behind = next?.offset ?? (successor == nil ? frames.upperBound : limit)
                let endLSN = next?.header.firstLSN ?? successor?.firstLSN ?? certifiedLSN + 1
                show(
                    .damage(
                        damage(.frame, end, behind - end, range(nextLSN ?? endLSN, endLSN))))
                nextLSN = endLSN
                end = behind
            }
        }
        if let successor, start != nil {
            if end != successor.cut || nextLSN != successor.firstLSN {
                show(
                    .damage(
                        damage(
                            .sequence, successor.cut, max(abs(end - successor.cut), 1),
                            range(nextLSN ?? 0, successor.firstLSN))))
            } else {
                sealed = SealedSegment(
                    header: reader.header, firstLSN: start!.header.firstLSN,
                    nextLSN: successor.firstLSN, end: successor.cut)
            }
        }
        try showTail(reader, from: end, show)
    }

    private mutating func take(
        _ frame: FrameHeader, _ payload: UnsafeRawBufferPointer, _ reader: SegmentReader,
        _ show: (SegmentItem) -> Void
    ) {
        let byteCount = frame.byteCount(alignment: reader.header.alignment)
        let lsns = range(frame.firstLSN, frame.nextLSN)
        if let nextLSN, frame.firstLSN != nextLSN {
            show(.damage(damage(.sequence, end, byteCount, lsns)))
        }
        nextLSN = frame.nextLSN
        frameCount += 1
        recordCount += frame.recordCount
        if frame.recordCount == 0 {
            show(.frame(summary(frame, end, reader, .end)))
            if Mark(decoding: payload) != .end {
                show(.damage(damage(.sequence, end, byteCount)))
            }
            return
        }
        show(.frame(summary(frame, end, reader, .records)))
        index?.append(frame, payload: payload, at: end)
        var cursor = RecordCursor(frame, payload: payload)
        while let record = cursor.next() {
            show(
                .record(
                    lsn: record.lsn,
                    offset: end + LogFormat.frameHeaderByteCount + record.offset,
                    isIndexed: record.isIndexed, body: record.body))
        }
        if !cursor.isAtEnd { show(.damage(damage(.payload, end, byteCount, lsns))) }
    }

    /// Whether a frame that is not whole had been durable: by the tail rule in the last segment,
    /// and always before the cut of an earlier one.
    private func isDamage(
        at offset: Int, of frame: FrameHeader, _ reader: SegmentReader
    ) throws(DiskError) -> Bool {
        if successor != nil { return true }
        if let start, frame.epoch < start.header.epoch { return true }
        if certifiedLSN >= max(frame.firstLSN, 1), frame.recordCount > 0 { return true }
        return try reader.nextFrame(from: offset + reader.header.alignment) != nil
    }

    /// What lies behind the frames.
    private func showTail(
        _ reader: SegmentReader, from offset: Int, _ show: (SegmentItem) -> Void
    ) throws(DiskError) {
        let bound = reader.header.frames.upperBound
        guard offset < bound else { return }
        if let successor {
            guard successor.cut < bound else { return }
            let tail = successor.cut..<bound
            guard let expected = successor.tailChecksum else { return }
            let found = try reader.survey(tail).checksum
            guard found != expected else { return }
            // Where it was all zeros, the bytes that are not can be named.
            let wasZero = expected == Checksum.crc32c(zeroCount: tail.count)
            let part = wasZero ? try nonZero(reader, tail) ?? tail : tail
            show(.damage(damage(.tail, part.lowerBound, part.count)))
            return
        }
        if isLeftOver { return }
        guard var rest = try nonZero(reader, offset..<bound) else { return }
        let expected = nextLSN ?? 1
        if case .broken(let frame, _) = try reader.frame(at: offset) {
            let extent = offset..<offset + frame.byteCount(alignment: reader.header.alignment)
            show(
                .damage(
                    damage(
                        .unfinished, extent.lowerBound, extent.count,
                        range(frame.firstLSN, frame.nextLSN))))
            guard let behind = try nonZero(reader, extent.upperBound..<bound) else { return }
            rest = behind
        } else if rest.lowerBound < offset + reader.header.alignment {
            show(
                .damage(
                    damage(
                        .unfinished, offset, rest.upperBound - offset, expected...expected)))
            return
        }
        show(.damage(damage(.remainder, rest.lowerBound, rest.count, expected...expected)))
    }

    /// From the first byte that is not zero to the last one.
    private func nonZero(
        _ reader: SegmentReader, _ range: Range<Int>
    ) throws(DiskError) -> Range<Int>? {
        guard !range.isEmpty, let last = try reader.survey(range).lastNonZeroOffset else {
            return nil
        }
        var place = range.lowerBound
        while place <= last {
            let piece = try reader.bytes(at: place, count: min(1 << 16, last + 1 - place))
            if let first = piece.firstIndex(where: { $0 != 0 }) {
                return place + first..<last + 1
            }
            place += piece.count
        }
        return nil
    }

    private func summary(
        _ frame: FrameHeader, _ offset: Int, _ reader: SegmentReader,
        _ content: FrameSummary.Content
    ) -> FrameSummary {
        FrameSummary(
            segmentNumber: number, offset: offset,
            byteCount: frame.byteCount(alignment: reader.header.alignment),
            payloadByteCount: frame.payloadByteCount, firstLSN: frame.firstLSN,
            recordCount: frame.recordCount, epoch: frame.epoch, durableLSN: frame.durableLSN,
            frameTime: frame.frameTime, content: content)
    }

    private func damage(
        _ kind: LogDamage.Kind, _ offset: Int, _ byteCount: Int, _ lsns: ClosedRange<LSN>? = nil
    ) -> LogDamage {
        LogDamage(kind, segment: number, offset: offset, byteCount: byteCount, lsns: lsns)
    }

    private func range(_ first: LSN, _ next: LSN) -> ClosedRange<LSN>? {
        first < next ? first...(next - 1) : nil
    }
}
