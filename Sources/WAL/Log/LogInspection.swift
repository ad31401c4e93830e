package import HoldfastDisk
package import HoldfastRecords

/// A log as tools look at it: without the lock, without a change on disk, and past all damage. On
/// the log of a running broker it may take the commit that is being written for an unfinished one.
package struct LogInspection {
    /// Which store it is, or why that cannot be said.
    package let identity: Result<StoreIdentity, StoreError>
    let fileSystem: any FileSystem
    let origin: LogOrigin?
    var originLSN: LSN { origin?.lastLSN ?? 0 }

    package struct Segment: Sendable, Equatable {
        package enum State: String, Sendable {
            /// Followed by another one.
            case sealed
            /// The end of the log.
            case last
            /// Prepared, and nothing written to it yet.
            case empty
            /// Replaced by a later one, or released; the next opening puts it away.
            case superfluous
            case unreadable
            /// What was left of others; its number is the highest of theirs.
            case compacted
        }
        package let number: UInt64
        package let path: String
        package let state: State
        package let byteCount: Int
        /// Up to where it is used.
        package let usedByteCount: Int
        /// nil where it holds no record.
        package let lsns: ClosedRange<LSN>?
        package let epoch: UInt32?
        /// nil where its START cannot be read.
        package let start: StartMark?
    }

    package struct Summary: Sendable, Equatable {
        package var segmentCount = 0
        package var byteCount = 0
        package var frameCount = 0
        package var recordCount = 0
        package var sidecarCount = 0
        package var damageCount = 0
        /// Whether the log was closed in order.
        package var wasClosed = false
        package var lastLSN: LSN = 0
    }

    /// - Parameter origin: what the newest snapshot says; nil where there is none. The log may begin
    ///   where that leaves off, and it has to have what that lists.
    package init(_ fileSystem: any FileSystem, from origin: LogOrigin? = nil) {
        self.fileSystem = fileSystem
        self.origin = origin
        identity = Result { () throws(StoreError) in
            try DataDirectory.identity(in: fileSystem)
        }
    }

    /// The store in the directory at `path`, which is not made if it is missing.
    package static func open(
        path: String, from origin: LogOrigin? = nil
    ) throws(StoreError) -> LogInspection {
        LogInspection(
            try StoreError.onDisk { () throws(DiskError) in try PosixFileSystem(root: path) },
            from: origin)
    }

    /// The broker that is running on this directory; nil where none is.
    package func runningBroker() throws(LogError) -> DirectoryLock.Holder? {
        try LogError.reading { () throws(DiskError) in
            try DirectoryLock.currentHolder(in: fileSystem)
        }
    }

    /// Every segment, by number; then the compacted ones.
    package func segments() throws(LogError) -> [Segment] {
        try LogError.reading { () throws(DiskError) in
            let survey = try LogSurvey(fileSystem, origin)
            var result: [Segment] = []
            for number in survey.numbers { result.append(try segment(number, survey)) }
            for key in survey.compacted { result.append(try compacted(key, survey)) }
            return result
        }
    }

    /// Shows all of one segment: frames, records and damage as they lie there.
    package func examine(
        segment number: UInt64, _ show: (SegmentItem) -> Void
    ) throws(LogError) {
        try LogError.reading { () throws(DiskError) in
            let survey = try LogSurvey(fileSystem, origin)
            var examination = try examination(number, survey, certifiedLSN: 0)
            try examination.run(show)
        }
    }

    /// Reads every byte of every segment and names each range that is not what was written.
    package func verify(_ found: (LogDamage) -> Void) throws(LogError) -> Summary {
        try LogError.reading { () throws(DiskError) in try verifyAll(found) }
    }

    func examination(
        _ number: UInt64, _ survey: LogSurvey, certifiedLSN: LSN
    ) throws(DiskError) -> SegmentExamination {
        let file = try fileSystem.openFile(DirectoryLayout.segment(number), for: .reading)
        return SegmentExamination(
            number: number, file: file, successor: successor(of: number, survey),
            isLeftOver: origin != nil && !survey.isInSequence(number), certifiedLSN: certifiedLSN)
    }

    private func successor(
        of number: UInt64, _ survey: LogSurvey
    ) -> SegmentExamination.Successor? {
        if let successor = survey.successor(of: number).flatMap({ survey.starts[$0] }) {
            return SegmentExamination.Successor(
                cut: successor.mark.previousCut, tailChecksum: successor.mark.previousTailChecksum,
                firstLSN: successor.header.firstLSN)
        }
        return survey.kept[number].map {
            SegmentExamination.Successor(cut: $0.end, tailChecksum: nil, firstLSN: $0.nextLSN)
        }
    }

    private func segment(_ number: UInt64, _ survey: LogSurvey) throws(DiskError) -> Segment {
        let byteCount = survey.byteCounts[number] ?? 0
        let path = DirectoryLayout.segment(number)
        guard let start = survey.starts[number] else {
            let file = try fileSystem.openFile(path, for: .reading)
            let header = try SegmentHeader.read(from: file)?.header
            var isEmpty = false
            if let header, header.number == number {
                let reader = SegmentReader(file: file, header: header)
                isEmpty = try reader.nextFrame(from: header.frames.lowerBound) == nil
            }
            return Segment(
                number: number, path: path, state: isEmpty ? .empty : .unreadable,
                byteCount: byteCount, usedByteCount: 0, lsns: nil, epoch: nil, start: nil)
        }
        var used = 0
        var nextLSN: LSN
        let state: Segment.State
        if let successor = successor(of: number, survey) {
            used = successor.cut
            nextLSN = successor.firstLSN
            state = origin == nil || survey.isInSequence(number) ? .sealed : .superfluous
        } else {
            var examination = try examination(number, survey, certifiedLSN: 0)
            try examination.run { _ in }
            used = examination.end
            nextLSN = examination.nextLSN ?? start.header.firstLSN
            state = number == survey.lastNumber ? .last : .superfluous
        }
        let firstLSN = start.header.firstLSN
        nextLSN = max(nextLSN, firstLSN)
        return Segment(
            number: number, path: path, state: state, byteCount: byteCount, usedByteCount: used,
            lsns: nextLSN > firstLSN ? firstLSN...(nextLSN - 1) : nil,
            epoch: start.header.epoch, start: start.mark)
    }

    private func compacted(_ key: SegmentKey, _ survey: LogSurvey) throws(DiskError) -> Segment {
        let file = try fileSystem.openFile(key.path, for: .reading)
        let isKept = survey.keptCompacted.contains { $0.key == key }
        let summary = try compactedSummary(key, file, survey)
        let lsns = summary.flatMap {
            $0.firstLSN < $0.nextLSN ? $0.firstLSN...($0.nextLSN - 1) : nil
        }
        return Segment(
            number: key.number, path: key.path,
            state: summary == nil ? .unreadable : isKept ? .compacted : .superfluous,
            byteCount: try file.byteCount(), usedByteCount: summary?.end ?? 0, lsns: lsns,
            epoch: nil, start: nil)
    }

    /// What the snapshots say of it, or else what it says itself.
    func compactedSummary(
        _ key: SegmentKey, _ file: any File, _ survey: LogSurvey
    ) throws(DiskError) -> SegmentSummary? {
        if let kept = survey.keptCompacted.first(where: { $0.key == key }) { return kept }
        guard let summary = try CompactedFile.header(of: file)?.segment.summary, summary.key == key
        else { return nil }
        return summary
    }
}
