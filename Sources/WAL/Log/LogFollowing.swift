package import HoldfastDisk
internal import HoldfastRecords

/// The log of a running broker as it grows, read beside it: no lock, no change on disk.
///
/// A frame is shown when it is whole. The last one may still be on its way to the disk then: what it
/// says was not promised to anybody yet. Segments that the broker gives back before they were read
/// are missing in what is shown.
package struct LogFollowing {
    private let fileSystem: any FileSystem
    /// The segment that is being read; 0 before the first one.
    private var number: UInt64 = 0
    /// Of the next frame in it; nil where its START comes next.
    private var offset: Int?
    /// Records below this one were shown: a segment may begin with copies of them.
    private var nextLSN: LSN = 0

    package init(_ fileSystem: any FileSystem) {
        self.fileSystem = fileSystem
    }

    /// Shows what has come since the last call: at first all of the log.
    ///
    /// - Returns: whether there was anything.
    package mutating func next(_ show: (SegmentItem) -> Void) throws(LogError) -> Bool {
        try LogError.reading { () throws(DiskError) in try advance(show) }
    }

    private mutating func advance(_ show: (SegmentItem) -> Void) throws(DiskError) -> Bool {
        var hasCome = false
        while true {
            if number > 0, try readOn(show) { hasCome = true }
            guard let next = try following() else { return hasCome }
            // What was written between reading the segment and finding the one behind it.
            if number > 0, try readOn(show) { hasCome = true }
            try showRest(before: next, show)
            number = next.number
            offset = nil
        }
    }

    /// Shows the frames behind `offset`, as far as they are whole.
    private mutating func readOn(_ show: (SegmentItem) -> Void) throws(DiskError) -> Bool {
        guard let reader = try reader(of: number) else { return false }
        var hasCome = false
        if offset == nil {
            guard let start = try reader.start() else { return false }
            show(
                .frame(
                    summary(
                        start.header, reader.header.frames.lowerBound, .start(start.mark), reader)))
            offset = reader.endOfStart
            hasCome = true
        }
        while let place = offset {
            switch try reader.frame(at: place) {
            case .whole(let frame, let payload):
                take(frame, payload, at: place, reader, show)
                offset = place + frame.byteCount(alignment: reader.header.alignment)
                hasCome = true
            case .broken, .absent:
                return hasCome
            }
        }
        return hasCome
    }

    private mutating func take(
        _ frame: FrameHeader, _ payload: UnsafeRawBufferPointer, at place: Int,
        _ reader: SegmentReader, _ show: (SegmentItem) -> Void
    ) {
        guard frame.recordCount > 0 else {
            show(.frame(summary(frame, place, .end, reader)))
            return
        }
        guard frame.nextLSN > nextLSN else { return }
        show(.frame(summary(frame, place, .records, reader)))
        var cursor = RecordCursor(frame, payload: payload)
        while let record = cursor.next() {
            guard record.lsn >= nextLSN else { continue }
            show(
                .record(
                    lsn: record.lsn, offset: place + LogFormat.frameHeaderByteCount + record.offset,
                    isIndexed: record.isIndexed, body: record.body))
        }
        nextLSN = frame.nextLSN
    }

    /// The segment behind this one: the one that names it, or the next there is where those between
    /// were given back.
    private func following() throws(DiskError) -> (number: UInt64, start: StartMark, firstLSN: LSN)?
    {
        var lowest: (number: UInt64, start: StartMark, firstLSN: LSN)?
        var named: (number: UInt64, start: StartMark, firstLSN: LSN)?
        for name in try fileSystem.list(DirectoryLayout.log) {
            guard let candidate = DirectoryLayout.segmentNumber(ofName: name), candidate > number,
                let start = try reader(of: candidate)?.start()
            else { continue }
            let found = (candidate, start.mark, start.header.firstLSN)
            if lowest == nil { lowest = found }
            // The latest of them: an earlier one was replaced by it.
            if start.mark.previousNumber == number { named = found }
        }
        return named ?? lowest
    }

    /// Frames up to the cut were whole once: what is not any more is damaged.
    private mutating func showRest(
        before next: (number: UInt64, start: StartMark, firstLSN: LSN),
        _ show: (SegmentItem) -> Void
    ) throws(DiskError) {
        while next.start.previousNumber == number, let place = offset,
            place < next.start.previousCut
        {
            guard let reader = try reader(of: number) else { return }
            let behind = try reader.nextFrame(
                from: place + reader.header.alignment, to: next.start.previousCut)
            let end = behind?.offset ?? next.start.previousCut
            let endLSN = behind?.header.firstLSN ?? next.firstLSN
            show(
                .damage(
                    LogDamage(
                        .frame, segment: number, offset: place, byteCount: end - place,
                        lsns: nextLSN < endLSN ? nextLSN...(endLSN - 1) : nil)))
            offset = end
            _ = try readOn(show)
        }
    }

    /// nil where there is no such segment any more, or not yet.
    private func reader(of number: UInt64) throws(DiskError) -> SegmentReader? {
        let file: any File
        do throws(DiskError) {
            file = try fileSystem.openFile(DirectoryLayout.segment(number), for: .reading)
        } catch {
            guard error.isNotFound else { throw error }
            return nil
        }
        guard let header = try SegmentHeader.read(from: file)?.header, header.number == number
        else {
            return nil
        }
        return SegmentReader(file: file, header: header)
    }

    private func summary(
        _ frame: FrameHeader, _ place: Int, _ content: FrameSummary.Content,
        _ reader: SegmentReader
    ) -> FrameSummary {
        FrameSummary(
            segmentNumber: number, offset: place,
            byteCount: frame.byteCount(alignment: reader.header.alignment),
            payloadByteCount: frame.payloadByteCount, firstLSN: frame.firstLSN,
            recordCount: frame.recordCount, epoch: frame.epoch, durableLSN: frame.durableLSN,
            frameTime: frame.frameTime, content: content)
    }
}
