internal import HoldfastDisk
internal import HoldfastRecords

/// Where the reading of all sealed segments has come to.
struct Scrubber {
    /// What one step reads, in bytes, unless a single frame is longer.
    static let pieceByteCount = 1 << 20

    private(set) var progress = ScrubProgress()
    /// The segment that is being read; nil between two.
    private(set) var current: SegmentKey?
    /// The one that was read last.
    private(set) var last: SegmentKey?
    /// Where in it the next step begins. Of a compacted one, the record's place in the index.
    private var place = 0
    /// Of the next frame; nil where that cannot be known.
    private var nextLSN: LSN?
    /// Whether the place is not known to be one where a frame begins.
    private var isLost = false
    /// Of the compacted segment that is being read, from its first step on.
    private var index: SegmentIndex?

    mutating func begin(_ segment: SealedSegment) {
        current = segment.key
        place = 0
        nextLSN = segment.firstLSN
        isLost = false
        index = nil
        progress.segmentNumber = segment.number
    }

    /// All has been read; the next round begins with the first segment.
    mutating func endRound() {
        // A log without a sealed segment has no rounds.
        if last != nil || current != nil { progress.roundCount += 1 }
        let progress = progress
        self = Scrubber()
        self.progress = progress
    }

    mutating func step(
        _ segment: SealedSegment, in fileSystem: any FileSystem, _ found: (LogDamage) -> Void
    ) throws(DiskError) {
        let file: any File
        do throws(DiskError) {
            // What lies in the kernel's cache says nothing of what lies on the disk.
            file = try fileSystem.openFile(segment.key.path, for: .readingPastCache)
        } catch {
            if error.isShortage { throw error }
            found(LogDamage(error.isNotFound ? .missingSegment : .unreadable, segment.summary))
            finish()
            return
        }
        if segment.isCompacted {
            try stepCompacted(CompactedFile(file: file, segment: segment), found)
        } else {
            try stepPlain(SegmentReader(file: file, header: segment.header), segment, found)
        }
    }

    private mutating func finish() {
        last = current
        current = nil
        index = nil
    }

    private mutating func stepCompacted(
        _ file: CompactedFile, _ found: (LogDamage) -> Void
    ) throws(DiskError) {
        do throws(DiskError) {
            let index: SegmentIndex
            if let known = self.index {
                index = known
            } else {
                index = try file.checkFrame(found)
                self.index = index
                progress.byteCount +=
                    CompactedHeader.blockByteCount + file.segment.header.byteCount
                    - file.segment.end
            }
            let end = Self.endOfPiece(of: index, from: place, in: file.segment)
            try file.checkRecords(place..<end, of: index, found)
            if place < end {
                let end = index.place(at: end - 1, end: file.segment.end).limit
                progress.byteCount += max(end - Int(index.offsets[place]), 0)
            }
            place = end
            if place == index.count { finish() }
        } catch {
            guard error.call == .read else { throw error }
            found(
                LogDamage(.unreadable, file.segment.summary))
            finish()
        }
    }

    /// The index behind the records that make a piece, one at least where there is one. They end
    /// with it, so that none of them needs another read.
    private static func endOfPiece(
        of index: SegmentIndex, from start: Int, in segment: SealedSegment
    ) -> Int {
        guard start < index.count else { return index.count }
        let bound = Int(index.offsets[start]) + pieceByteCount
        var end = start + 1
        while end < index.count, index.place(at: end, end: segment.end).limit <= bound { end += 1 }
        return end
    }

    private mutating func stepPlain(
        _ reader: SegmentReader, _ segment: SealedSegment, _ found: (LogDamage) -> Void
    ) throws(DiskError) {
        let start = place
        let bound = place + Self.pieceByteCount
        defer { progress.byteCount += max(place - start, 0) }
        do throws(DiskError) {
            if place == 0 { try checkHead(reader, segment, found) }
            if isLost {
                place = try reader.nextFrame(from: place, to: segment.end)?.offset ?? segment.end
                isLost = false
            }
            var isFirst = true
            // A frame that the window has not all of is left to the next step: it would be read twice.
            while place < min(bound, segment.end), isFirst || reader.holdsFrame(at: place) {
                try checkFrame(reader, segment, found)
                isFirst = false
            }
        } catch {
            guard error.call == .read else { throw error }
            // A part of the disk that does not answer: on behind it.
            let start = max(place, reader.header.frames.lowerBound)
            let end = min(LogFormat.padded(bound, to: reader.header.alignment), segment.end)
            found(
                LogDamage(
                    .unreadable, segment: segment.number, offset: start,
                    byteCount: max(end - start, 1)))
            place = max(end, start)
            isLost = true
            nextLSN = nil
        }
        if place >= segment.end { finish() }
    }

    /// Both headers, and START.
    private mutating func checkHead(
        _ reader: SegmentReader, _ segment: SealedSegment, _ found: (LogDamage) -> Void
    ) throws(DiskError) {
        let frames = segment.header.frames
        let alignment = segment.header.alignment
        let block = segment.header.encoded()
        let places: [(LogDamage.Kind, Int)] = [
            (.firstHeader, 0), (.lastHeader, frames.upperBound),
        ]
        for (kind, offset) in places {
            let bytes = try reader.file.read(byteCount: alignment, at: offset)
            if bytes != block {
                found(
                    LogDamage(
                        kind, segment: segment.number, offset: offset, byteCount: alignment))
            }
        }
        if try reader.start() == nil {
            found(
                LogDamage(
                    .start, segment: segment.number, offset: frames.lowerBound,
                    byteCount: reader.endOfStart - frames.lowerBound))
        }
        place = reader.endOfStart
    }

    private mutating func checkFrame(
        _ reader: SegmentReader, _ segment: SealedSegment, _ found: (LogDamage) -> Void
    ) throws(DiskError) {
        let alignment = segment.header.alignment
        switch try reader.frame(at: place) {
        case .whole(let frame, _):
            let byteCount = frame.byteCount(alignment: alignment)
            if let nextLSN, frame.firstLSN != nextLSN {
                found(damage(.sequence, segment, byteCount, frame.firstLSN, frame.nextLSN))
            }
            nextLSN = frame.nextLSN
            place += byteCount
        case .broken(let frame, let kind):
            let byteCount = frame.byteCount(alignment: alignment)
            found(damage(kind, segment, byteCount, frame.firstLSN, frame.nextLSN))
            nextLSN = frame.nextLSN
            place += byteCount
        case .absent:
            let next = try reader.nextFrame(from: place + alignment, to: segment.end)
            let behind = next?.offset ?? segment.end
            let endLSN = next?.header.firstLSN ?? segment.nextLSN
            found(damage(.frame, segment, behind - place, nextLSN ?? endLSN, endLSN))
            nextLSN = endLSN
            place = behind
        }
    }

    private func damage(
        _ kind: LogDamage.Kind, _ segment: SealedSegment, _ byteCount: Int, _ firstLSN: LSN,
        _ nextLSN: LSN
    ) -> LogDamage {
        LogDamage(
            kind, segment: segment.number, offset: place, byteCount: max(byteCount, 1),
            lsns: firstLSN < nextLSN ? firstLSN...(nextLSN - 1) : nil)
    }
}
