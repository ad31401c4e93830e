internal import HoldfastDisk
internal import HoldfastRecords

/// The segments of a damaged log, as far as they can be read. What cannot is passed over.
extension SegmentChain {
    /// - Parameter passage: gets what was passed over.
    init(
        passing passage: inout LogPassage, in fileSystem: any FileSystem, from origin: LogOrigin?
    ) throws(LogError) {
        self.init(emptyIn: fileSystem, from: origin)
        let (names, quarantined) = try LogError.reading { () throws(DiskError) in
            (
                try fileSystem.list(DirectoryLayout.log),
                try LogQuarantine(fileSystem: fileSystem).numbers()
            )
        }
        let numbers = names.compactMap(DirectoryLayout.segmentNumber(ofName:)).sorted()
        let segmentByteCount =
            (try? DataDirectory.identity(in: fileSystem))?.segmentByteCount
            ?? LogFormat.segmentByteCountMax
        var begun: [UInt64: Link] = [:]
        for number in numbers {
            begun[number] = try LogError.reading { () throws(DiskError) in
                try examine(number, among: numbers, segmentByteCount: segmentByteCount, &passage)
            }
        }
        passage.numberMax = max(numbers.last ?? 0, origin?.segments.map(\.number).max() ?? 0)
        if begun.isEmpty, passage.unusable.isEmpty, let origin, origin.lastLSN > 0 {
            throw .olderThanSnapshot(lastLSN: 0, snapshotLSN: origin.lastLSN)
        }
        setClocks(&begun)
        try followPassing(&begun, quarantined, &passage)
        try requireSnapshot(for: names, passage)
        takeListedPassing(&begun, &passage)
        // Each of them may have been begun by an opening of its own, and the last one be gone.
        let rebuiltCount = passage.rebuilt.count + links.count { $0.isStartRebuilt }
        epoch += UInt32(
            passage.unusable.count + passage.missingSegments.count + rebuiltCount + 1)
        try takeCompactedPassing(names, &passage)
        try putAsidePassing(begun, &passage)
    }

    // MARK: Single segments

    /// - Returns: nil where there is nothing in it, or nothing that can be used.
    private mutating func examine(
        _ number: UInt64, among numbers: [UInt64], segmentByteCount: Int,
        _ passage: inout LogPassage
    ) throws(DiskError) -> Link? {
        let file = try fileSystem.openFile(DirectoryLayout.segment(number), for: .reading)
        let fileByteCount = try file.byteCount()
        let copies = try SegmentHeader.read(from: file)
        func pass(_ kind: LogDamage.Kind, _ offset: Int, _ byteCount: Int) {
            let header = copies?.header
            let byteCountMax = max(fileByteCount, header?.byteCount ?? 0, segmentByteCount)
            let written = header?.number ?? number
            // Where another file has that number, this one holds what its own name says.
            let former = numbers.contains(written) ? number : written
            passage.unusable.append(
                LogPassage.Unusable(
                    number: number, writtenNumber: former,
                    damage: LogDamage(kind, segment: number, offset: offset, byteCount: byteCount),
                    recordCountMax: byteCountMax / RecordFormat.plainHeadByteCount))
            // Put aside as what it was, so that the next opening knows where that went.
            passage.putAside(DirectoryLayout.segment(number), as: former)
        }
        guard let copies else {
            pass(.segmentHeader, 0, max(fileByteCount, 1))
            return nil
        }
        let header = copies.header
        let reader = SegmentReader(file: file, header: header)
        guard header.number == number, copies.fileByteCount == header.byteCount else {
            var place = header.frames.lowerBound
            while let (offset, frame) = try reader.nextFrame(from: place) {
                passage.note(frame)
                epoch = max(epoch, frame.epoch)
                place = offset + header.alignment
            }
            if header.number != number {
                pass(.wrongNumber, 32, 8)
            } else {
                pass(
                    .wrongByteCount, min(fileByteCount, header.byteCount),
                    abs(fileByteCount - header.byteCount))
            }
            return nil
        }
        if !copies.isFirstWhole || !copies.isLastWhole { damagedHeaderCount += 1 }
        let link: Link
        if let (frame, mark) = try reader.start() {
            link = Link(header: header, startFrame: frame, start: mark)
        } else if let rebuilt = try rebuildStart(reader) {
            link = rebuilt
        } else if let last = try reader.survey(reader.endOfStart..<header.frames.upperBound)
            .lastNonZeroOffset
        {
            pass(.start, header.frames.lowerBound, last + 1 - header.frames.lowerBound)
            return nil
        } else {
            superfluous.append(number)
            return nil
        }
        epoch = max(epoch, link.startFrame.epoch)
        passage.note(link.startFrame)
        passage.note(link.start.copiedLastLSN)
        return link
    }

    /// What a snapshot says of this very segment.
    func summary(of header: SegmentHeader) -> SegmentSummary? {
        ((origin?.segments ?? []) + (origin?.olderSegments ?? [])).first {
            !$0.isCompacted && $0.number == header.number && $0.salt == header.salt
        }
    }

    // MARK: Their order

    /// Goes back as `follow` does, over whatever is missing.
    private mutating func followPassing(
        _ begun: inout [UInt64: Link], _ quarantined: Set<UInt64>, _ passage: inout LogPassage
    ) throws(LogError) {
        var next = begun.keys.max()
        while let number = next, var link = begun.removeValue(forKey: number) {
            if link.start.previousNumber >= number { link.isStartRebuilt = true }
            let previous = link.isStartRebuilt ? number - 1 : link.start.previousNumber
            let lower = begun.keys.filter { $0 <= previous }.max()
            if link.isStartRebuilt {
                link.start.previousNumber =
                    lower ?? lost(before: number, quarantined, passage)
                    ?? (origin == nil ? 0 : previous)
                // Nothing says that there was anything before it.
                if link.start.previousNumber == 0 {
                    link.startFrame.firstLSN = 1
                    link.startFrame.durableLSN = 0
                }
            }
            links.append(link)
            guard link.start.previousNumber > 0, link.firstLSN > keptLSN else { break }
            next = lower
            if link.isStartRebuilt || lower == previous { continue }
            // What ends with the origin may have been released.
            if origin != nil, link.firstLSN <= originLSN + 1 { break }
            let isKnown =
                passage.unusable.contains { min($0.number, $0.writtenNumber) <= previous }
                || quarantined.contains(previous)
            if origin == nil, lower == nil, link.firstLSN > 1, !isKnown {
                throw .snapshotMissing(firstLSN: link.firstLSN)
            }
            if passage.unusable.contains(where: { $0.number == previous }) { continue }
            passage.missingSegments.append(
                LogDamage(
                    .missingSegment, segment: previous, offset: 0,
                    byteCount: link.start.previousCut))
        }
        links.reverse()
    }

    /// Segments were compacted under a snapshot only: without one, a log with a hole does not say
    /// the state, and what was compacted holds jobs that nothing else has.
    private func requireSnapshot(
        for names: [String], _ passage: LogPassage
    ) throws(LogError) {
        guard origin == nil, !passage.unusable.isEmpty || !passage.missingSegments.isEmpty,
            names.contains(where: { DirectoryLayout.compactedKey(ofName: $0) != nil })
        else { return }
        throw .snapshotMissing(firstLSN: links.first?.firstLSN ?? 1)
    }

    /// The segment before this one, of those that cannot be used.
    private func lost(
        before number: UInt64, _ quarantined: Set<UInt64>, _ passage: LogPassage
    ) -> UInt64? {
        quarantined.union(passage.asides.map(\.number)).filter { $0 < number }.max()
    }

    /// What is missing, or another one, is not listed any more.
    private mutating func takeListedPassing(
        _ begun: inout [UInt64: Link], _ passage: inout LogPassage
    ) {
        guard let origin else { return }
        for summary in origin.segments where !summary.isCompacted {
            passage.note(summary.nextLSN - 1)
            let position = links.firstIndex { $0.number == summary.number }
            let next = position.flatMap { $0 + 1 < links.count ? links[$0 + 1] : nil }
            let found = position.map { links[$0] } ?? begun[summary.number]
            guard let found, found.isDescribed(by: summary, next: next?.naming(summary.number))
            else {
                if found == nil, passage.unusable.contains(where: { $0.number == summary.number }) {
                    continue
                }
                passage.tell(LogDamage(found == nil ? .missingSegment : .otherSegment, summary))
                continue
            }
            if position == nil { takeListed(found, summary, &begun, &passage) }
        }
        for summary in origin.olderSegments where !summary.isCompacted {
            guard let found = begun[summary.number], found.isDescribed(by: summary, next: nil)
            else { continue }
            takeListed(found, summary, &begun, &passage)
        }
        listed.sort { $0.number < $1.number }
    }

    private mutating func takeListed(
        _ link: Link, _ summary: SegmentSummary, _ begun: inout [UInt64: Link],
        _ passage: inout LogPassage
    ) {
        begun[link.number] = nil
        listed.append(SealedSegment(link.header, summary))
        guard link.isStartRebuilt else { return }
        var link = link
        link.start.previousNumber = link.number - 1
        passage.rebuilt.append(link)
        passage.tell(link.startDamage, isCopied: true)
    }

    private mutating func takeCompactedPassing(
        _ names: [String], _ passage: inout LogPassage
    ) throws(LogError) {
        var present = Set(names.compactMap(DirectoryLayout.compactedKey(ofName:)))
        let listed = (origin?.segments ?? []).filter(\.isCompacted)
        let older = (origin?.olderSegments ?? []).filter(\.isCompacted)
        for (isNeeded, summary) in listed.map({ (true, $0) }) + older.map({ (false, $0) }) {
            guard present.remove(summary.key) != nil else {
                if isNeeded { passage.tell(LogDamage(.missingSegment, summary)) }
                continue
            }
            let (byteCount, header) = try LogError.reading { () throws(DiskError) in
                let file = try fileSystem.openFile(summary.key.path, for: .reading)
                return (try file.byteCount(), try CompactedFile.header(of: file))
            }
            if header == nil { damagedHeaderCount += 1 }
            if header?.describes(summary) ?? true, byteCount == summary.byteCount {
                compacted.append(CompactedFile.segment(summary, links.last?.header.uuid))
            } else if isNeeded {
                passage.tell(LogDamage(.otherSegment, summary))
                passage.putAside(summary.key.path, as: summary.number)
            } else {
                present.insert(summary.key)
            }
        }
        // Perhaps what they were made of is what is damaged.
        for key in present.sorted(by: { $0.path < $1.path }) {
            passage.putAside(key.path, as: key.number)
        }
    }

    /// What is outside of the sequence and has records of its own is not thrown away.
    private mutating func putAsidePassing(
        _ begun: [UInt64: Link], _ passage: inout LogPassage
    ) throws(LogError) {
        let all = links + begun.values
        for link in begun.values.sorted(by: { $0.number < $1.number }) {
            try LogError.reading { () throws(DiskError) in
                try forEachFrameHeader(of: link) { _, frame in passage.note(frame) }
            }
            let isKnown = all.contains {
                $0.start.previousNumber == link.number && $0.firstLSN <= originLSN + 1
            }
            if origin == nil || !isKnown, let damage = try strayedRecords(of: link) {
                passage.tell(damage)
                passage.putAside(DirectoryLayout.segment(link.number), as: link.number)
            } else {
                superfluous.append(link.number)
            }
        }
        superfluous.sort()
    }
}

extension SegmentChain.Link {
    /// Itself, where it names that segment as the one before it and says where that ends.
    func naming(_ number: UInt64) -> SegmentChain.Link? {
        !isStartRebuilt && start.previousNumber == number ? self : nil
    }

    var startDamage: LogDamage {
        LogDamage(
            .start, segment: number, offset: header.frames.lowerBound,
            byteCount: header.alignment)
    }
}
