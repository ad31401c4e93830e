internal import HoldfastDisk
internal import HoldfastRecords

/// Reads a damaged log: hands on whatever a checksum speaks for, and goes on behind what it does not.
extension LogRecovery {
    /// What reading a segment came to.
    struct Ending {
        /// Behind the last frame of which anything was taken.
        var end: Int
        var hasFrames = false
        /// Whether damage was told of since then.
        var isDamaged = false
    }

    mutating func runPassing(_ replay: Replay) throws(LogError) {
        guard var passage else { return }
        defer { self.passage = passage }
        passage.begin(behind: originLSN)
        sealed = chain.listed
        var holes = Self.holes(passage)
        var isFirst = true
        var isEndDamaged = false
        for position in chain.links.indices {
            let link = chain.links[position]
            let next = position + 1 < chain.links.count ? chain.links[position + 1] : nil
            var isExplained = isEndDamaged || isFirst && link.firstLSN <= originLSN + 1
            while let hole = holes.first, hole.number < link.number {
                holes.removeFirst()
                passage.tell(
                    hole.damage.concerning(
                        listed(hole) ?? range(expectedLSN, link.firstLSN)))
                isExplained = true
            }
            let cut = knownCut(of: link, before: next)
            // Nothing in it that the snapshot does not know.
            if origin != nil, let next, let cut, next.firstLSN <= originLSN + 1,
                next.start.previousNumber == link.number, link.firstLSN <= next.firstLSN
            {
                if link.isStartRebuilt { passage.tell(link.startDamage, isCopied: true) }
                try seal(position, cut: cut, end: cut)
                continue
            }
            isFirst = false
            let reader = try LogError.reading { () throws(DiskError) in
                SegmentReader(
                    file: try fileSystem.openFile(
                        DirectoryLayout.segment(link.number), for: .reading),
                    header: link.header)
            }
            begin(link, isExplained, &passage)
            let ending = try read(
                reader, link, cut: cut, before: next, isLast: next == nil && holes.isEmpty,
                &passage, replay)
            isEndDamaged = ending.isDamaged
            if next != nil {
                try seal(position, cut: cut, end: ending.end)
            } else {
                try finish(reader, link, ending, &holes, &passage)
            }
        }
        if chain.links.isEmpty {
            previousNumber = passage.unusable.map(\.number).max() ?? 0
            finish(holes, behind: 0, passage.knownLSN, &passage)
        }
        passage.rebuilt += chain.links.filter(\.isStartRebuilt)
        sequence.lastFrameTime = max(sequence.lastFrameTime, origin?.frameTime ?? 0)
    }

    /// Writes the damaged STARTs again, as far as they can be known.
    func rebuildStarts(in fileSystem: any FileSystem) throws(DiskError) {
        for link in passage?.rebuilt ?? [] {
            let file = try fileSystem.openFile(
                DirectoryLayout.segment(link.number), for: .readingAndWriting)
            let offset = link.header.frames.lowerBound
            let frame = Mark.start(link.start).frame(
                header: link.startFrame, in: link.header, at: offset)
            try file.write(frame, at: offset)
            try file.sync()
        }
    }

    // MARK: Holes

    /// A segment that cannot be read, by the number that it had.
    private typealias Hole = (number: UInt64, damage: LogDamage, recordCountMax: Int)

    private static func holes(_ passage: LogPassage) -> [Hole] {
        let unusable = passage.unusable.map { ($0.writtenNumber, $0.damage, $0.recordCountMax) }
        let missing = passage.missingSegments.map { ($0.segmentNumber, $0, 0) }
        return (unusable + missing).sorted { $0.0 < $1.0 }
    }

    /// The records of a hole, where the snapshot lists it.
    private func listed(_ hole: Hole) -> ClosedRange<LSN>? {
        origin?.segments.first { !$0.isCompacted && $0.number == hole.number }
            .flatMap { range($0.firstLSN, $0.nextLSN) }
    }

    /// The next record that nothing is known of.
    var expectedLSN: LSN { max(sequence.nextLSN, originLSN + 1) }

    // MARK: Segments

    /// Where the frames of a segment end, as the next one or a snapshot says; nil where neither does.
    private func knownCut(
        of link: SegmentChain.Link, before next: SegmentChain.Link?
    ) -> Int? {
        let cut =
            next?.naming(link.number)?.start.previousCut ?? chain.summary(of: link.header)?.end
        guard let cut, cut % link.header.alignment == 0, cut > link.header.frames.lowerBound,
            cut <= link.header.frames.upperBound
        else { return nil }
        return cut
    }

    /// Makes a segment known that another one follows.
    private mutating func seal(_ position: Int, cut: Int?, end: Int) throws(LogError) {
        let link = chain.links[position]
        let end = cut ?? end
        let next = chain.links[position + 1]
        var nextLSN = max(min(sequence.nextLSN, next.firstLSN), link.firstLSN)
        if next.start.previousNumber == link.number {
            nextLSN = max(next.firstLSN, link.firstLSN)
            if next.isStartRebuilt {
                chain.links[position + 1].start.previousCut = end
                chain.links[position + 1].start.previousTailChecksum = try tailChecksum(link, end)
            }
        }
        sealed.append(
            SealedSegment(
                header: link.header, firstLSN: link.firstLSN, nextLSN: nextLSN, end: end))
    }

    private func tailChecksum(_ link: SegmentChain.Link, _ end: Int) throws(LogError) -> UInt32 {
        try LogError.reading { () throws(DiskError) in
            let file = try fileSystem.openFile(DirectoryLayout.segment(link.number), for: .reading)
            let reader = SegmentReader(file: file, header: link.header)
            return try reader.survey(end..<link.header.frames.upperBound).checksum
        }
    }

    /// Takes START, or what is left of it.
    private mutating func begin(
        _ link: SegmentChain.Link, _ isExplained: Bool, _ passage: inout LogPassage
    ) {
        let gap = range(expectedLSN, link.firstLSN)
        if link.isStartRebuilt {
            // Its first LSN may be that of a frame further on: what is before that is still to come.
            passage.tell(link.startDamage.concerning(gap), isCopied: true)
            sequence.lastFrameTime = max(sequence.lastFrameTime, link.startFrame.frameTime)
        } else {
            if gap != nil, !isExplained {
                passage.tell(
                    LogDamage(
                        .sequence, segment: link.number, offset: link.header.frames.lowerBound,
                        byteCount: link.header.alignment, lsns: gap))
            }
            sequence.certifiedLSN = max(
                sequence.certifiedLSN, link.startFrame.durableLSN, link.start.copiedLastLSN)
            if link.start.copiedFrameCount == 0 {
                sequence.lastFrameTime = max(sequence.lastFrameTime, link.startFrame.frameTime)
            }
            sequence.nextLSN = max(sequence.nextLSN, link.firstLSN)
        }
    }

    // MARK: The end

    /// The last segment that can be read: the new one follows it, or takes its place where it holds
    /// nothing but START.
    private mutating func finish(
        _ reader: SegmentReader, _ link: SegmentChain.Link, _ ending: Ending,
        _ holes: inout [Hole], _ passage: inout LogPassage
    ) throws(LogError) {
        let rest = ending.end..<link.header.frames.upperBound
        let survey = try LogError.reading { () throws(DiskError) in try reader.survey(rest) }
        cutByteCount = survey.lastNonZeroOffset.map { $0 + 1 - rest.lowerBound } ?? 0
        var lastLSN = max(passage.knownLSN, sequence.nextLSN - 1)
        if cutByteCount > 0 {
            // Whatever they were: so many records at most.
            lastLSN += LSN(cutByteCount / RecordFormat.plainHeadByteCount) + 1
            passage.tell(
                damage(
                    .unfinished, reader, rest.lowerBound, cutByteCount,
                    range(expectedLSN, lastLSN + 1)), isCopied: true)
        }
        if origin?.segments.contains(where: { !$0.isCompacted && $0.number == link.number }) == true
        {
            // It was sealed, so there was another one behind it.
            let records = link.header.byteCount / RecordFormat.plainHeadByteCount
            if !holes.contains(where: { $0.number > link.number }) {
                holes.append(
                    (
                        link.number + 1,
                        LogDamage(
                            .missingSegment, segment: link.number + 1, offset: 0,
                            byteCount: link.header.byteCount), records
                    ))
            }
        }
        finish(holes, behind: link.number, lastLSN, &passage)
        let isReplaced =
            !link.isStartRebuilt && !ending.hasFrames && cutByteCount == 0
            && link.start.copiedFrameCount == 0
        if isReplaced {
            replacedNumber = link.number
            previousNumber = link.start.previousNumber
            previousCut = link.start.previousCut
            previousTailChecksum = link.start.previousTailChecksum
        } else {
            previousNumber = link.number
            previousCut = ending.end
            previousTailChecksum = survey.checksum
            sealed.append(
                SealedSegment(
                    header: link.header, firstLSN: link.firstLSN, nextLSN: sequence.nextLSN,
                    end: ending.end))
        }
        if let last = sealed.last, last.number == previousNumber {
            sealed[sealed.count - 1] = SealedSegment(
                header: last.header, firstLSN: last.firstLSN, nextLSN: sequence.nextLSN,
                end: last.end)
        }
    }

    /// Decides the next LSN: above all that were ever given out.
    private mutating func finish(
        _ holes: [Hole], behind number: UInt64, _ lastLSN: LSN, _ passage: inout LogPassage
    ) {
        var nextLSN = max(
            lastLSN + 1, sequence.nextLSN, originLSN + 1, sequence.certifiedLSN + 1)
        let known = nextLSN
        for hole in holes where hole.number > number { nextLSN += LSN(hole.recordCountMax) }
        for hole in holes {
            let isBehind = hole.number > number
            passage.tell(
                hole.damage.concerning(
                    isBehind ? range(min(expectedLSN, known), nextLSN) : listed(hole)))
        }
        sequence.nextLSN = nextLSN
        passage.miss(before: nextLSN)
    }
}

extension LogDamage {
    /// The same, where it is known now which records it concerns.
    fileprivate func concerning(_ lsns: ClosedRange<LSN>?) -> LogDamage {
        LogDamage(kind, segment: segmentNumber, offset: offset, byteCount: byteCount, lsns: lsns)
    }
}
