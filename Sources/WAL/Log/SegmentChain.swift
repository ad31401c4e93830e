internal import HoldfastDisk
internal import HoldfastRecords

/// The segments of a log in their order, as each names the one before it. Made without any change
/// on disk, by reading two blocks of each.
struct SegmentChain {
    struct Link {
        let header: SegmentHeader
        let startFrame: FrameHeader
        let start: StartMark

        var number: UInt64 { header.number }
    }

    /// In their order; the last one is the log's end.
    private(set) var links: [Link] = []
    /// Segments that hold nothing which is not also in a later one, or nothing at all: left behind
    /// by an open that was interrupted.
    private(set) var superfluous: [UInt64] = []
    /// The highest epoch of all.
    private(set) var epoch: UInt32 = 0
    /// Segment headers of which only the other copy can be read.
    private(set) var damagedHeaderCount = 0

    init(in fileSystem: any FileSystem) throws(LogError) {
        let names = try LogError.reading { () throws(DiskError) in
            try fileSystem.list(DirectoryLayout.log)
        }
        var begun: [UInt64: Link] = [:]
        var others: [UInt64] = []
        let numbers = names.compactMap(DirectoryLayout.segmentNumber(ofName:)).sorted()
        for number in numbers {
            let path = DirectoryLayout.segment(number)
            let file = try LogError.reading { () throws(DiskError) in
                try fileSystem.openFile(path, for: .reading)
            }
            let reader = try open(file, number: number)
            if let (frame, mark) = try LogError.reading({ () throws(DiskError) in
                try reader.start()
            }) {
                begun[number] = Link(header: reader.header, startFrame: frame, start: mark)
                epoch = max(epoch, frame.epoch)
            } else {
                try requireNotBegun(reader)
                others.append(number)
            }
        }
        guard let last = begun.keys.max() else {
            superfluous = others
            return
        }
        // Nothing that was ever written lies behind the last START.
        var next: UInt64? = last
        while let number = next {
            guard let link = begun.removeValue(forKey: number) else {
                throw .damaged(missing(number))
            }
            links.append(link)
            let previous = link.start.previousNumber
            guard previous < number else {
                throw .damaged(damage(.start, link.header, at: link.header.frames.lowerBound))
            }
            next = previous == 0 ? nil : previous
        }
        links.reverse()
        for number in begun.keys.sorted() {
            try requireOnlyCopies(begun[number]!, in: fileSystem)
            others.append(number)
        }
        superfluous = others.sorted()
    }

    private mutating func open(
        _ file: any File, number: UInt64
    ) throws(LogError) -> SegmentReader {
        let copies = try LogError.reading { () throws(DiskError) in
            try SegmentHeader.read(from: file)
        }
        guard let copies else {
            throw .damaged(LogDamage(.segmentHeader, segment: number, offset: 0, byteCount: 4096))
        }
        guard copies.header.number == number else {
            throw .damaged(LogDamage(.wrongNumber, segment: number, offset: 32, byteCount: 8))
        }
        // It had its full length, durably, before it got its name.
        guard copies.fileByteCount == copies.header.byteCount else {
            throw .damaged(
                LogDamage(
                    .wrongByteCount, segment: number,
                    offset: min(copies.fileByteCount, copies.header.byteCount),
                    byteCount: abs(copies.fileByteCount - copies.header.byteCount)))
        }
        if !copies.isFirstWhole || !copies.isLastWhole { damagedHeaderCount += 1 }
        return SegmentReader(file: file, header: copies.header)
    }

    /// START is on the disk before anything is written behind it, so a frame there means that START
    /// is damaged, not that it was never written.
    private func requireNotBegun(_ reader: SegmentReader) throws(LogError) {
        let next = try LogError.reading { () throws(DiskError) in
            try reader.nextFrame(from: reader.header.frames.lowerBound)
        }
        guard let next else { return }
        throw .damaged(
            LogDamage(
                .start, segment: reader.header.number, offset: reader.header.frames.lowerBound,
                byteCount: max(next.offset - reader.header.frames.lowerBound, 1)))
    }

    /// What is not in the sequence may be thrown away only if it has nothing of its own.
    private func requireOnlyCopies(
        _ link: Link, in fileSystem: any FileSystem
    ) throws(LogError) {
        let own = try LogError.reading { () throws(DiskError) -> (Int, FrameHeader)? in
            let file = try fileSystem.openFile(
                DirectoryLayout.segment(link.number), for: .reading)
            let reader = SegmentReader(file: file, header: link.header)
            var offset = reader.endOfStart
            while let (place, frame) = try reader.nextFrame(from: offset) {
                if frame.recordCount > 0, frame.epoch == link.startFrame.epoch {
                    return (place, frame)
                }
                offset = place + link.header.alignment
            }
            return nil
        }
        guard let (offset, frame) = own else { return }
        throw .damaged(
            LogDamage(
                .strayedSegment, segment: link.number, offset: offset,
                byteCount: link.header.frames.upperBound - offset,
                lsns: frame.firstLSN...frame.lastLSN))
    }

    private func missing(_ number: UInt64) -> LogDamage {
        let successor = links.last
        let last = (successor?.startFrame.firstLSN ?? 1) - 1
        return LogDamage(
            .missingSegment, segment: number, offset: 0,
            byteCount: successor?.start.previousCut ?? 0,
            lsns: last >= 1 ? last...last : nil)
    }

    private func damage(
        _ kind: LogDamage.Kind, _ header: SegmentHeader, at offset: Int
    ) -> LogDamage {
        LogDamage(kind, segment: header.number, offset: offset, byteCount: header.alignment)
    }
}
