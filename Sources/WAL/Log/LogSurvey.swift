internal import HoldfastDisk
internal import HoldfastRecords

/// What headers and STARTs say, as far as they can be read.
struct LogSurvey {
    var numbers: [UInt64] = []
    var starts: [UInt64: (header: FrameHeader, mark: StartMark)] = [:]
    var byteCounts: [UInt64: Int] = [:]
    var sidecars: Set<UInt64> = []
    var headers: [UInt64: SegmentHeader] = [:]
    /// By number; what the snapshot says of segments, and what it and the older one say.
    let listed: [UInt64: SegmentSummary]
    let kept: [UInt64: SegmentSummary]
    /// Compacted segments that are there, and what the snapshots say of such.
    var compacted: [SegmentKey] = []
    let listedCompacted: [SegmentSummary]
    let keptCompacted: [SegmentSummary]
    let originLSN: LSN?
    let keptLSN: LSN

    init(_ fileSystem: any FileSystem, _ origin: LogOrigin?) throws(DiskError) {
        originLSN = origin?.lastLSN
        keptLSN = min(origin?.olderLastLSN ?? 0, origin?.lastLSN ?? 0)
        let segments = (origin?.segments ?? []).filter { !$0.isCompacted }
        let older = (origin?.olderSegments ?? []).filter { !$0.isCompacted }
        listedCompacted = (origin?.segments ?? []).filter(\.isCompacted)
        keptCompacted = listedCompacted + (origin?.olderSegments ?? []).filter(\.isCompacted)
        listed = Self.byNumber(segments)
        kept = Self.byNumber(segments + older)
        for name in try fileSystem.list(DirectoryLayout.log) {
            if let number = DirectoryLayout.number(ofName: name, ending: ".idx") {
                sidecars.insert(number)
            }
            if let key = DirectoryLayout.compactedKey(ofName: name) { compacted.append(key) }
            guard let number = DirectoryLayout.segmentNumber(ofName: name) else { continue }
            numbers.append(number)
            let file = try fileSystem.openFile(DirectoryLayout.segment(number), for: .reading)
            byteCounts[number] = try file.byteCount()
            guard let header = try SegmentHeader.read(from: file)?.header,
                header.number == number
            else { continue }
            headers[number] = header
            starts[number] = try SegmentReader(file: file, header: header).start()
        }
        numbers.sort()
    }

    private static func byNumber(_ segments: [SegmentSummary]) -> [UInt64: SegmentSummary] {
        Dictionary(
            segments.map { ($0.number, $0) }, uniquingKeysWith: { first, _ in first })
    }

    var lastNumber: UInt64? { starts.keys.max() }

    /// The segment whose START names this one.
    func successor(of number: UInt64) -> UInt64? {
        // The latest of them: an earlier one was replaced by it.
        starts.filter { $0.value.mark.previousNumber == number }.keys.max()
    }

    /// Whether it is named by a later one, or the last, all the way, or listed.
    func isInSequence(_ number: UInt64) -> Bool {
        if kept[number] != nil { return true }
        var current = lastNumber
        while let place = current, place >= number {
            if place == number { return true }
            // What lies before both snapshots is needed only where it is listed.
            if originLSN != nil, let start = starts[place], start.header.firstLSN <= keptLSN {
                return false
            }
            if starts[place] == nil, isReleased(place) { return false }
            guard let previous = starts[place]?.mark.previousNumber, previous < place else {
                // The sequence is broken here: nobody can say.
                return true
            }
            current = previous == 0 ? nil : previous
        }
        return false
    }

    /// Whether a segment that another one names may be gone: the snapshot knows all of it.
    func isReleased(_ number: UInt64) -> Bool {
        guard let originLSN, !numbers.contains(number), listed[number] == nil else {
            return false
        }
        return starts.values.contains {
            $0.mark.previousNumber == number && $0.header.firstLSN <= originLSN + 1
        }
    }
}
