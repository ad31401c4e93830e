internal import HoldfastDisk
internal import HoldfastMutants
internal import HoldfastRecords

/// Reads a log from its first record or a snapshot's to its end, hands every record on, and finds
/// out where the end is and what to do about it. Changes nothing on disk; memory is bounded by the
/// largest frame.
struct LogRecovery {
    /// Frames that go into the new segment behind its START, where they lie now.
    struct Copies {
        var segmentNumber: UInt64 = 0
        var range = 0..<0
        var frameCount = 0
        var recordCount = 0
        var lastLSN: LSN = 0
        var firstFrameTime: Int64 = 0
        /// What they take in the new segment, in bytes.
        var byteCount: Int { range.count }
    }

    typealias Replay = (_ lsn: LSN, _ frameTime: Int64, _ body: UnsafeRawBufferPointer) throws ->
        Void

    let fileSystem: any FileSystem
    let origin: LogOrigin?
    /// Up to here records are known, and had been durable.
    var originLSN: LSN { origin?.lastLSN ?? 0 }
    var chain: SegmentChain
    var sequence = FrameSequence()
    /// All segments that stay, in their order.
    var sealed: [SealedSegment] = []
    /// The index of the last of them, which has no sidecar yet.
    var lastIndex: SegmentIndex?
    var copies = Copies()
    /// The segment that the new one follows, and where that is cut.
    var previousNumber: UInt64 = 0
    var previousCut = 0
    var previousTailChecksum: UInt32 = 0
    /// The last segment, when the new one takes its place.
    var replacedNumber: UInt64?
    var frameCount = 0
    var recordCount = 0
    var byteCount = 0
    var cutByteCount = 0
    var wasClosed = false
    /// What is known of the damage, where that is passed; nil where there is none, or it is refused.
    var passage: LogPassage?

    /// - Parameter passing: is told of damage, which is passed then; nil where it is refused.
    init(
        _ fileSystem: any FileSystem, from origin: LogOrigin?,
        passing: ((LogDamage) -> Void)? = nil
    ) throws(LogError) {
        self.origin = origin
        guard let passing, try Self.isDamaged(fileSystem, from: origin) else {
            self.fileSystem = fileSystem
            chain = try SegmentChain(in: fileSystem, from: origin)
            try Self.requireEpoch(behind: chain)
            return
        }
        var passage = LogPassage(passing)
        self.fileSystem = PassingFileSystem(fileSystem)
        chain = try SegmentChain(passing: &passage, in: self.fileSystem, from: origin)
        try Self.requireEpoch(behind: chain)
        self.passage = passage
    }

    // What is written behind the highest number that a format allows would be gone with the next opening:
    // a log that comes so far is refused.

    private static func requireEpoch(behind chain: SegmentChain) throws(LogError) {
        guard chain.epoch >= LogFormat.epochMax else { return }
        throw .damaged(beyondAll(chain))
    }

    private func requireNumbers() throws(LogError) {
        guard highestNumber < LogFormat.segmentNumberMax, sequence.lastFrameTime <= .max / 4,
            sequence.nextLSN <= RecordFormat.lsnMax - (1 << 40)
        else { throw .damaged(Self.beyondAll(chain)) }
    }

    private static func beyondAll(_ chain: SegmentChain) -> LogDamage {
        LogDamage(
            .sequence, segment: chain.links.last?.number ?? 0,
            offset: chain.links.last?.header.frames.lowerBound ?? 0,
            byteCount: chain.links.last?.header.alignment ?? 1)
    }

    /// Of all segments that are there, or were; 0 where there are none.
    var highestNumber: UInt64 {
        max(chain.links.last?.number ?? 0, chain.superfluous.max() ?? 0, passage?.numberMax ?? 0)
    }

    /// Of the opening that this is the beginning of.
    var epoch: UInt32 { chain.epoch + 1 }

    mutating func run(_ replay: Replay) throws(LogError) {
        if passage == nil { try runStrict(replay) } else { try runPassing(replay) }
        try requireNumbers()
    }

    private mutating func runStrict(_ replay: Replay) throws(LogError) {
        sealed = chain.listed
        var isFirst = true
        for (position, link) in chain.links.enumerated() {
            let next = position + 1 < chain.links.count ? chain.links[position + 1] : nil
            // Nothing in it that the snapshot does not know.
            if origin != nil, let next, next.firstLSN <= originLSN + 1 {
                try keep(link, next: next)
                continue
            }
            let reader = try LogError.reading { () throws(DiskError) in
                SegmentReader(
                    file: try fileSystem.openFile(
                        DirectoryLayout.segment(link.number), for: .reading),
                    header: link.header)
            }
            if isFirst, link.firstLSN <= originLSN + 1, link.start.previousNumber != 0 {
                sequence.nextLSN = link.firstLSN
            }
            isFirst = false
            guard sequence.begin(link.startFrame, link.start) else {
                throw .damaged(
                    LogDamage(
                        .sequence, segment: link.number, offset: link.header.frames.lowerBound,
                        byteCount: link.header.alignment,
                        lsns: range(sequence.nextLSN, link.firstLSN)))
            }
            if let next {
                try readSealed(reader, link, until: next, replay)
            } else {
                try readLast(reader, link, replay)
            }
        }
        try compareEnd()
    }

    /// What the snapshot says about the end of the log.
    private mutating func compareEnd() throws(LogError) {
        guard let origin else { return }
        guard sequence.nextLSN > origin.lastLSN else {
            throw .olderThanSnapshot(
                lastLSN: sequence.nextLSN - 1, snapshotLSN: origin.lastLSN)
        }
        // It was sealed, so there was another one behind it.
        if let last = chain.links.last,
            origin.segments.contains(where: { !$0.isCompacted && $0.number == last.number })
        {
            throw .damaged(
                LogDamage(
                    .missingSegment, segment: last.number + 1, offset: 0,
                    byteCount: last.header.byteCount, lsns: sequence.nextLSN...sequence.nextLSN))
        }
        sequence.lastFrameTime = max(sequence.lastFrameTime, origin.frameTime)
    }

    // MARK: Sealed segments

    /// Makes a segment known without reading it.
    private mutating func keep(
        _ link: SegmentChain.Link, next: SegmentChain.Link
    ) throws(LogError) {
        guard link.firstLSN <= next.firstLSN,
            next.start.previousCut <= link.header.frames.upperBound
        else {
            throw .damaged(
                LogDamage(
                    .sequence, segment: next.number, offset: next.header.frames.lowerBound,
                    byteCount: next.header.alignment))
        }
        sealed.append(
            SealedSegment(
                header: link.header, firstLSN: link.firstLSN, nextLSN: next.firstLSN,
                end: next.start.previousCut))
    }

    /// Everything up to the cut had been durable: what cannot be read there is damage.
    private mutating func readSealed(
        _ reader: SegmentReader, _ link: SegmentChain.Link, until next: SegmentChain.Link,
        _ replay: Replay
    ) throws(LogError) {
        let cut = next.start.previousCut
        var offset = reader.endOfStart
        let firstLSN = link.startFrame.firstLSN
        while offset < cut {
            let reading = try LogError.reading { () throws(DiskError) in
                try reader.frame(at: offset)
            }
            let endLSN = next.startFrame.firstLSN
            switch reading {
            case .whole(let frame, let payload):
                offset += try take(frame, payload, reader, at: offset, replay)
            case .broken(let frame, let kind):
                throw .damaged(
                    damage(
                        kind, reader, offset, frame.byteCount(alignment: link.header.alignment),
                        range(frame.firstLSN, frame.nextLSN)))
            case .absent:
                throw .damaged(try absence(reader, offset, to: cut, endLSN: endLSN))
            }
        }
        guard offset == cut, sequence.nextLSN == next.startFrame.firstLSN else {
            throw .damaged(
                damage(
                    .sequence, reader, min(offset, cut), max(abs(offset - cut), 1),
                    range(sequence.nextLSN, next.startFrame.firstLSN)))
        }
        sealed.append(
            SealedSegment(
                header: link.header, firstLSN: firstLSN, nextLSN: sequence.nextLSN, end: cut))
    }

    // MARK: The last segment

    private mutating func readLast(
        _ reader: SegmentReader, _ link: SegmentChain.Link, _ replay: Replay
    ) throws(LogError) {
        let alignment = link.header.alignment
        let firstLSN = link.startFrame.firstLSN
        var index = SegmentIndex(firstLSN: firstLSN)
        // Frames that nothing certifies so far. Commits are serial, so this is the last one at most.
        var inDoubt: [(offset: Int, header: FrameHeader)] = []
        var hasOwnFrames = false
        // Those that are there, whatever number START says.
        var copied = Copies(range: reader.endOfStart..<reader.endOfStart)
        var offset = reader.endOfStart
        var stop = SegmentReader.Reading.absent
        scan: while true {
            stop = try LogError.reading { () throws(DiskError) in try reader.frame(at: offset) }
            guard case .whole(let frame, let payload) = stop, frame.firstLSN == sequence.nextLSN
            else { break scan }
            let isCopy = sequence.expectsCopy
            let start = offset
            offset += try take(frame, payload, reader, at: offset, replay)
            inDoubt.removeAll { $0.header.lastLSN <= certifiedLSN }
            wasClosed = frame.recordCount == 0
            if wasClosed { continue }
            index.append(frame, payload: payload, at: start)
            if frame.lastLSN > certifiedLSN, !Mutant.trustsPageCacheAfterError.isOn {
                inDoubt.append((start, frame))
            }
            if isCopy {
                copied.range = copied.range.lowerBound..<offset
                copied.frameCount += 1
                copied.recordCount += frame.recordCount
                copied.lastLSN = frame.lastLSN
            } else {
                hasOwnFrames = true
            }
        }
        try judge(reader, at: offset, stop)

        let survey = try LogError.reading { () throws(DiskError) in
            try reader.survey(offset..<link.header.frames.upperBound)
        }
        cutByteCount = survey.lastNonZeroOffset.map { $0 + 1 - offset } ?? 0
        if hasOwnFrames {
            let cut = inDoubt.first?.offset ?? offset
            let nextLSN = inDoubt.first?.header.firstLSN ?? sequence.nextLSN
            if let last = inDoubt.last {
                copies.segmentNumber = link.number
                copies.range = cut..<last.offset + last.header.byteCount(alignment: alignment)
                copies.frameCount = inDoubt.count
                copies.recordCount = Int(sequence.nextLSN - nextLSN)
                copies.lastLSN = last.header.lastLSN
                copies.firstFrameTime = inDoubt[0].header.frameTime
            }
            previousNumber = link.number
            previousCut = cut
            previousTailChecksum = try LogError.reading { () throws(DiskError) in
                try reader.survey(cut..<link.header.frames.upperBound).checksum
            }
            if Mutant.appendsAfterCutInSameFile.isOn { return }
            sealed.append(
                SealedSegment(header: link.header, firstLSN: firstLSN, nextLSN: nextLSN, end: cut))
            lastIndex = index.before(nextLSN)
        } else {
            // Nothing but START and copies: the new segment takes its place, copies and all.
            replacedNumber = link.number
            previousNumber = link.start.previousNumber
            previousCut = link.start.previousCut
            previousTailChecksum = link.start.previousTailChecksum
            copies = copied
            copies.segmentNumber = link.number
            copies.firstFrameTime = link.startFrame.frameTime
        }
    }

    // MARK: Frames

    /// Hands on the records of a whole frame that the snapshot does not know, and returns how long it is.
    private mutating func take(
        _ frame: FrameHeader, _ payload: UnsafeRawBufferPointer, _ reader: SegmentReader,
        at offset: Int, _ replay: Replay
    ) throws(LogError) -> Int {
        let length = frame.byteCount(alignment: reader.header.alignment)
        guard sequence.follow(frame) else {
            throw .damaged(
                damage(.sequence, reader, offset, length, range(frame.firstLSN, frame.nextLSN)))
        }
        frameCount += 1
        byteCount += length
        if frame.recordCount == 0 {
            guard Mark(decoding: payload) == .end else {
                throw .damaged(damage(.sequence, reader, offset, length, nil))
            }
            return length
        }
        var cursor = RecordCursor(frame, payload: payload)
        while let record = cursor.next() {
            guard record.lsn > originLSN else { continue }
            recordCount += 1
            do {
                try replay(record.lsn, frame.frameTime, record.body)
            } catch {
                throw .unreadable(lsn: record.lsn, reason: "\(error)")
            }
        }
        guard cursor.isAtEnd else {
            throw .damaged(
                damage(.payload, reader, offset, length, range(frame.firstLSN, frame.nextLSN)))
        }
        return length
    }

    func damage(
        _ kind: LogDamage.Kind, _ reader: SegmentReader, _ offset: Int, _ byteCount: Int,
        _ lsns: ClosedRange<LSN>?
    ) -> LogDamage {
        LogDamage(
            kind, segment: reader.header.number, offset: offset, byteCount: byteCount, lsns: lsns)
    }

    /// From `first` to the one before `next`; nil where there is none.
    func range(_ first: LSN, _ next: LSN) -> ClosedRange<LSN>? {
        first < next ? first...(next - 1) : nil
    }
}
