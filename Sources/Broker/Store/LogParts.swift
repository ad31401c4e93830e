internal import HoldfastDisk
internal import HoldfastRecords
internal import HoldfastWAL

/// The segments of a log that is to be read past all gaps, without what a snapshot would say of them.
struct LogParts {
    /// A segment that jobs may be read from.
    private struct Part {
        let segment: LogInspection.Segment
        /// Of a plain one that was written to its end, and of a compacted one.
        var summary: SegmentSummary?
    }

    private let fileSystem: any FileSystem
    private let log: LogInspection
    /// In the order of their records. No two have a record in common, but for copies at their ends.
    private let parts: [Part]
    /// All plain ones by number, those too that were compacted.
    let plain: [LogInspection.Segment]

    init(_ inspection: StoreInspection) throws(LogError) {
        fileSystem = inspection.fileSystem
        // What a snapshot lists that cannot be used is of no account: the log says what it has.
        log = LogInspection(fileSystem)
        plain = try log.segments().filter { !$0.isCompacted }
        let compacted = try Self.standing(
            try log.segments().filter(\.isCompacted), fileSystem, besides: plain)
        var parts: [Part] = []
        for segment in plain where segment.start != nil {
            let summary = try SegmentSummary(segment, in: fileSystem)
            let isCompacted = compacted.contains { part in
                guard let whole = part.summary, let summary else { return false }
                return whole.firstLSN <= summary.firstLSN && summary.nextLSN <= whole.nextLSN
            }
            if !isCompacted { parts.append(Part(segment: segment, summary: summary)) }
        }
        let last = parts.last?.segment.number
        for index in parts.indices where parts[index].segment.number == last {
            // The next opening seals it.
            parts[index].summary = nil
        }
        for part in compacted {
            let place = parts.firstIndex {
                $0.segment.lsns?.lowerBound ?? .max > part.summary?.firstLSN ?? 0
            }
            parts.insert(part, at: place ?? parts.endIndex)
        }
        self.parts = parts
    }

    /// Those compacted segments that stand for the ones that they were made of: the larger one where
    /// one was compacted again, and none that is damaged where the others are still there. A birth
    /// that is not in it was of a job that was done.
    private static func standing(
        _ segments: [LogInspection.Segment], _ fileSystem: any FileSystem,
        besides plain: [LogInspection.Segment]
    ) throws(LogError) -> [Part] {
        var standing: [Part] = []
        let byLength = segments.sorted { ($0.lsns?.count ?? 0) > ($1.lsns?.count ?? 0) }
        for segment in byLength {
            guard let records = try IndexedRecords(of: segment, in: fileSystem) else { continue }
            let summary = records.summary
            let isTaken = standing.contains {
                guard let other = $0.summary else { return false }
                return summary.firstLSN < other.nextLSN && other.firstLSN < summary.nextLSN
            }
            let hasOthers = plain.contains {
                $0.lsns?.overlaps(summary.firstLSN...(summary.nextLSN - 1)) ?? false
            }
            if isTaken || !records.isWhole && hasOthers { continue }
            standing.append(Part(segment: segment, summary: summary))
        }
        return standing.sorted { $0.summary?.firstLSN ?? 0 < $1.summary?.firstLSN ?? 0 }
    }

    /// What a snapshot would list, were there a job alive in each of them.
    var listing: [SegmentSummary] {
        var listing: [SegmentSummary] = []
        for part in parts {
            // Copies at the end of one lie in the next one too.
            if let first = part.summary?.firstLSN ?? part.segment.lsns?.lowerBound,
                let last = listing.last, last.nextLSN > first
            {
                listing[listing.count - 1] = last.cut(at: first)
            }
            if let summary = part.summary { listing.append(summary) }
        }
        return listing.filter { $0.firstLSN < $0.nextLSN }
    }

    /// What is there and is not as it was written.
    func damages() throws(LogError) -> [LogDamage] {
        var damages: [LogDamage] = []
        _ = try log.verify { if $0.kind != .missingSegment { damages.append($0) } }
        return damages
    }

    /// Shows every record of the plain segments that can be read, by number.
    ///
    /// - Parameter missUnlisted: gets the indexed records of segments whose START is damaged: no
    ///   snapshot can list these, so nobody will find them.
    func forEachRecord(
        _ show: (_ lsn: LSN, _ frameTime: Int64, _ body: UnsafeRawBufferPointer) -> Void,
        missUnlisted: (LSN) -> Void = { _ in }
    ) throws(LogError) {
        for segment in plain {
            var frameTime: Int64 = 0
            try log.examine(segment: segment.number) { item in
                switch item {
                case .damage: break
                case .frame(let frame): frameTime = frame.frameTime
                case .record(let lsn, _, let isIndexed, let body):
                    if isIndexed, segment.start == nil {
                        missUnlisted(lsn)
                    } else {
                        show(lsn, frameTime, body)
                    }
                }
            }
        }
    }

    /// Births that can be read and are of no use: no snapshot can list a segment without its START, so
    /// nothing would find them there.
    func unreachableBirths(_ isDone: (LSN) -> Bool) throws(LogError) -> Set<LSN> {
        var births: Set<LSN> = []
        for segment in plain where segment.start == nil {
            try log.examine(segment: segment.number) { item in
                if case .record(let lsn, _, let isIndexed, _) = item, isIndexed, !isDone(lsn) {
                    births.insert(lsn)
                }
            }
        }
        guard !births.isEmpty else { return [] }
        // Copies of them may lie in the next segment.
        try forEachIndexedRecord { lsn, _ in births.remove(lsn) }
        return births
    }

    /// Shows every indexed record that can be read, in the order of the parts.
    func forEachIndexedRecord(
        _ show: (_ lsn: LSN, _ body: UnsafeRawBufferPointer) -> Void
    ) throws(LogError) {
        for part in parts {
            guard part.segment.isCompacted else {
                try log.examine(segment: part.segment.number) { item in
                    if case .record(let lsn, _, let isIndexed, let body) = item, isIndexed {
                        show(lsn, body)
                    }
                }
                continue
            }
            try IndexedRecords(of: part.segment, in: fileSystem)?.forEach { lsn, _, body in
                if let body { show(lsn, body) }
            }
        }
    }
}

extension SegmentSummary {
    /// Without the records from `lsn` on.
    fileprivate func cut(at lsn: LSN) -> SegmentSummary {
        SegmentSummary(
            number: number, salt: salt, firstLSN: firstLSN, nextLSN: max(firstLSN, lsn), end: end,
            byteCount: byteCount, isCompacted: isCompacted)
    }
}
