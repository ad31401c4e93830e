internal import HoldfastDisk
internal import HoldfastRecords

/// The segments of a log in their order, as each names the one before it, back to the log's first
/// record or to a snapshot's. Made without any change on disk, by reading two blocks of each.
struct SegmentChain {
    struct Link {
        let header: SegmentHeader
        var startFrame: FrameHeader
        var start: StartMark
        /// Whether START is damaged, and what is said here of it was put together from the rest.
        var isStartRebuilt = false

        var number: UInt64 { header.number }
        var firstLSN: LSN { startFrame.firstLSN }
    }

    /// In their order; the last one is the log's end.
    var links: [Link] = []
    /// Segments before the links that one of the snapshots needs, in their order.
    var listed: [SealedSegment] = []
    /// Compacted segments that one of the snapshots needs, those of the newest first.
    var compacted: [SealedSegment] = []
    /// The paths of those that none of them needs.
    var superfluousCompacted: [String] = []
    /// Segments that hold nothing which is not also in a later one, or known to the snapshot, or
    /// nothing at all: left behind by an open or a release that was interrupted.
    var superfluous: [UInt64] = []
    /// The highest epoch of all.
    var epoch: UInt32 = 0
    /// Segment headers of which only the other copy can be read.
    var damagedHeaderCount = 0

    let fileSystem: any FileSystem
    let origin: LogOrigin?
    var originLSN: LSN { origin?.lastLSN ?? 0 }
    /// What lies behind this is kept, for the older snapshot.
    var keptLSN: LSN { min(origin?.olderLastLSN ?? 0, originLSN) }

    init(in fileSystem: any FileSystem, from origin: LogOrigin? = nil) throws(LogError) {
        self.init(emptyIn: fileSystem, from: origin)
        let names = try LogError.reading { () throws(DiskError) in
            try fileSystem.list(DirectoryLayout.log)
        }
        var begun: [UInt64: Link] = [:]
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
                superfluous.append(number)
            }
        }
        guard let last = begun.keys.max() else {
            guard let origin, origin.lastLSN > 0 else {
                try takeCompacted(names)
                return
            }
            throw .olderThanSnapshot(lastLSN: 0, snapshotLSN: origin.lastLSN)
        }
        try follow(from: last, &begun)
        try takeListed(&begun)
        try takeCompacted(names)
        try putAside(begun)
    }

    /// Without any segment.
    init(emptyIn fileSystem: any FileSystem, from origin: LogOrigin?) {
        self.fileSystem = fileSystem
        self.origin = origin
    }

    /// Goes back from the last segment that has a START: nothing that was ever written lies behind
    /// that one.
    private mutating func follow(
        from last: UInt64, _ begun: inout [UInt64: Link]
    ) throws(LogError) {
        var next: UInt64? = last
        while let number = next {
            guard let link = begun.removeValue(forKey: number) else {
                // What ends with the origin may have been released.
                if origin != nil, let last = links.last, last.firstLSN <= originLSN + 1 { break }
                throw absence(of: number, others: begun.keys)
            }
            links.append(link)
            let previous = link.start.previousNumber
            guard previous < number else {
                throw .damaged(
                    LogDamage(
                        .start, segment: number, offset: link.header.frames.lowerBound,
                        byteCount: link.header.alignment))
            }
            next = previous == 0 || link.firstLSN <= keptLSN ? nil : previous
        }
        links.reverse()
    }

    private func absence(of number: UInt64, others: some Sequence<UInt64>) -> LogError {
        let successor = links.last
        let last = (successor?.firstLSN ?? 1) - 1
        // Segments are released from the beginning on, and only under a snapshot.
        if origin == nil, last > 0, others.allSatisfy({ $0 > number }) {
            return .snapshotMissing(firstLSN: last + 1)
        }
        let first = origin.map { $0.lastLSN + 1 } ?? last
        return .damaged(
            LogDamage(
                .missingSegment, segment: number, offset: 0,
                byteCount: successor?.start.previousCut ?? 0,
                lsns: last >= 1 ? min(first, last)...last : nil))
    }

    // MARK: What the snapshot lists

    /// I11: each of them is there and is the one that was meant.
    private mutating func takeListed(_ begun: inout [UInt64: Link]) throws(LogError) {
        guard let origin else { return }
        for summary in origin.segments where !summary.isCompacted {
            let position = links.firstIndex { $0.number == summary.number }
            let next = position.flatMap { $0 + 1 < links.count ? links[$0 + 1] : nil }
            let found = position.map { links[$0] } ?? begun.removeValue(forKey: summary.number)
            guard let found, found.isDescribed(by: summary, next: next) else {
                try requireNotOlder(links[links.count - 1], than: origin)
                throw .damaged(
                    LogDamage(found == nil ? .missingSegment : .otherSegment, summary))
            }
            if position == nil { listed.append(SealedSegment(found.header, summary)) }
        }
        for summary in origin.olderSegments where !summary.isCompacted {
            guard let found = begun[summary.number], found.isDescribed(by: summary, next: nil)
            else { continue }
            begun[summary.number] = nil
            listed.append(SealedSegment(found.header, summary))
        }
        listed.sort { $0.number < $1.number }
    }

    /// I11 for compacted segments. The snapshot says all that is needed to read one: where its first
    /// block is damaged, its records are still found.
    private mutating func takeCompacted(_ names: [String]) throws(LogError) {
        var present = Set(names.compactMap(DirectoryLayout.compactedKey(ofName:)))
        let listed = (origin?.segments ?? []).filter(\.isCompacted)
        let older = (origin?.olderSegments ?? []).filter(\.isCompacted)
        for (isNeeded, summary) in listed.map({ (true, $0) }) + older.map({ (false, $0) }) {
            guard present.remove(summary.key) != nil else {
                if !isNeeded || compacted.contains(where: { $0.key == summary.key }) { continue }
                if let last = links.last, let origin { try requireNotOlder(last, than: origin) }
                throw .damaged(LogDamage(.missingSegment, summary))
            }
            let (byteCount, header) = try LogError.reading { () throws(DiskError) in
                let file = try fileSystem.openFile(summary.key.path, for: .reading)
                return (try file.byteCount(), try CompactedFile.header(of: file))
            }
            if header == nil { damagedHeaderCount += 1 }
            let isRight = header?.describes(summary) ?? (byteCount == summary.byteCount)
            if isRight, byteCount == summary.byteCount {
                compacted.append(CompactedFile.segment(summary, links.last?.header.uuid))
            } else if isNeeded {
                throw .damaged(LogDamage(.otherSegment, summary))
            } else {
                present.insert(summary.key)
            }
        }
        superfluousCompacted = present.map(\.path).sorted()
    }

    /// Tells an old log under a newer snapshot from one that has lost a part.
    private func requireNotOlder(_ last: Link, than origin: LogOrigin) throws(LogError) {
        let lastLSN = try LogError.reading { () throws(DiskError) in
            var lastLSN = last.firstLSN - 1
            try forEachFrameHeader(of: last) { _, frame in lastLSN = max(lastLSN, frame.lastLSN) }
            return lastLSN
        }
        guard lastLSN < origin.lastLSN else { return }
        throw .olderThanSnapshot(lastLSN: lastLSN, snapshotLSN: origin.lastLSN)
    }

    // MARK: What is in nobody's way

    /// What is neither in the sequence nor listed may be thrown away only if it has nothing of its
    /// own, or nothing that the snapshot does not know.
    private mutating func putAside(_ begun: [UInt64: Link]) throws(LogError) {
        let all = links + begun.values
        for link in begun.values.sorted(by: { $0.number < $1.number }) {
            let isKnown = all.contains {
                $0.start.previousNumber == link.number && $0.firstLSN <= originLSN + 1
            }
            if origin == nil || !isKnown { try requireNothingOwn(link) }
            superfluous.append(link.number)
        }
        superfluous.sort()
    }

    private func requireNothingOwn(_ link: Link) throws(LogError) {
        if let damage = try strayedRecords(of: link) { throw .damaged(damage) }
    }

    /// The records that no other segment has, and no snapshot knows; nil where there are none.
    func strayedRecords(of link: Link) throws(LogError) -> LogDamage? {
        var own: (offset: Int, frame: FrameHeader)?
        try LogError.reading { () throws(DiskError) in
            // A torn one is what the opening that put another segment in its place has cut off.
            try forEachWholeFrame(of: link) { offset, frame, records in
                if own == nil, frame.epoch == link.startFrame.epoch,
                    records.hasRecord(behind: originLSN)
                {
                    own = (offset, frame)
                }
            }
        }
        guard let (offset, frame) = own else { return nil }
        return LogDamage(
            .strayedSegment, segment: link.number, offset: offset,
            byteCount: link.header.frames.upperBound - offset,
            lsns: frame.firstLSN...frame.lastLSN)
    }

    /// Every place behind START where the header of a frame stands, whatever follows it.
    func forEachFrameHeader(
        of link: Link, _ body: (_ offset: Int, _ frame: FrameHeader) -> Void
    ) throws(DiskError) {
        try visitFrames(of: link) { _, offset, frame in body(offset, frame) }
    }

    /// The frames among them that are there as a whole, with their records, which are valid during the
    /// call.
    private func forEachWholeFrame(
        of link: Link,
        _ body: (_ offset: Int, _ frame: FrameHeader, _ records: RecordCursor) -> Void
    ) throws(DiskError) {
        try visitFrames(of: link) { (reader, offset, frame) throws(DiskError) in
            if case .whole(_, let payload) = try reader.frame(at: offset) {
                body(offset, frame, RecordCursor(frame, payload: payload))
            }
        }
    }

    private func visitFrames(
        of link: Link, _ visit: (SegmentReader, Int, FrameHeader) throws(DiskError) -> Void
    ) throws(DiskError) {
        let file = try fileSystem.openFile(DirectoryLayout.segment(link.number), for: .reading)
        let reader = SegmentReader(file: file, header: link.header)
        var offset = reader.endOfStart
        while let (place, frame) = try reader.nextFrame(from: offset) {
            try visit(reader, place, frame)
            offset = place + link.header.alignment
        }
    }

    // MARK: Single segments

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
}

extension SegmentChain.Link {
    /// Whether this is the segment that a snapshot lists.
    ///
    /// - Parameter next: the one behind it, where that is in the sequence.
    func isDescribed(by summary: SegmentSummary, next: SegmentChain.Link?) -> Bool {
        guard header.salt == summary.salt, header.byteCount == summary.byteCount,
            firstLSN == summary.firstLSN, summary.nextLSN >= firstLSN,
            summary.end > header.frames.lowerBound, summary.end <= header.frames.upperBound
        else { return false }
        guard let next else { return true }
        return next.start.previousCut == summary.end && next.firstLSN == summary.nextLSN
    }
}
