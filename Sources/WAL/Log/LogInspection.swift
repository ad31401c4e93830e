package import HoldfastDisk
package import HoldfastRecords

/// A log as tools look at it: without the lock, without a change on disk, and past all damage. On
/// the log of a running broker it may take the commit that is being written for an unfinished one.
package struct LogInspection {
    /// Which store it is, or why that cannot be said.
    package let identity: Result<StoreIdentity, StoreError>
    private let fileSystem: any FileSystem

    package struct Segment: Sendable, Equatable {
        package enum State: String, Sendable {
            /// Followed by another one.
            case sealed
            /// The end of the log.
            case last
            /// Prepared, and nothing written to it yet.
            case empty
            /// Replaced by a later one; the next opening puts it away.
            case superfluous
            case unreadable
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

    package init(_ fileSystem: any FileSystem) {
        self.fileSystem = fileSystem
        identity = Result { () throws(StoreError) in
            try DataDirectory.identity(in: fileSystem)
        }
    }

    /// The store in the directory at `path`, which is not made if it is missing.
    package static func open(path: String) throws(StoreError) -> LogInspection {
        LogInspection(
            try StoreError.onDisk { () throws(DiskError) in try PosixFileSystem(root: path) })
    }

    /// The broker that is running on this directory; nil where none is.
    package func runningBroker() throws(LogError) -> DirectoryLock.Holder? {
        try LogError.reading { () throws(DiskError) in
            try DirectoryLock.currentHolder(in: fileSystem)
        }
    }

    /// Every segment, by number.
    package func segments() throws(LogError) -> [Segment] {
        try LogError.reading { () throws(DiskError) in
            let survey = try Survey(fileSystem)
            var result: [Segment] = []
            for number in survey.numbers { result.append(try segment(number, survey)) }
            return result
        }
    }

    /// Shows all of one segment: frames, records and damage as they lie there.
    package func examine(
        segment number: UInt64, _ show: (SegmentItem) -> Void
    ) throws(LogError) {
        try LogError.reading { () throws(DiskError) in
            let survey = try Survey(fileSystem)
            var examination = try examination(number, survey, certifiedLSN: 0)
            try examination.run(show)
        }
    }

    /// Reads every byte of every segment and names each range that is not what was written.
    package func verify(_ found: (LogDamage) -> Void) throws(LogError) -> Summary {
        try LogError.reading { () throws(DiskError) in try verifyAll(found) }
    }

    // MARK: Survey

    /// What headers and STARTs say, as far as they can be read.
    private struct Survey {
        var numbers: [UInt64] = []
        var starts: [UInt64: (header: FrameHeader, mark: StartMark)] = [:]
        var byteCounts: [UInt64: Int] = [:]
        var sidecars: Set<UInt64> = []

        init(_ fileSystem: any FileSystem) throws(DiskError) {
            for name in try fileSystem.list(DirectoryLayout.log) {
                if let number = DirectoryLayout.number(ofName: name, ending: ".idx") {
                    sidecars.insert(number)
                }
                guard let number = DirectoryLayout.segmentNumber(ofName: name) else { continue }
                numbers.append(number)
                let file = try fileSystem.openFile(DirectoryLayout.segment(number), for: .reading)
                byteCounts[number] = try file.byteCount()
                guard let header = try SegmentHeader.read(from: file)?.header,
                    header.number == number
                else { continue }
                starts[number] = try SegmentReader(file: file, header: header).start()
            }
            numbers.sort()
        }

        var lastNumber: UInt64? { starts.keys.max() }

        /// The segment whose START names this one.
        func successor(of number: UInt64) -> UInt64? {
            // The latest of them: an earlier one was replaced by it.
            starts.filter { $0.value.mark.previousNumber == number }.keys.max()
        }

        /// Whether it is named by a later one, or the last, all the way.
        func isInSequence(_ number: UInt64) -> Bool {
            var current = lastNumber
            while let place = current, place >= number {
                if place == number { return true }
                guard let previous = starts[place]?.mark.previousNumber, previous < place else {
                    // The sequence is broken here: nobody can say.
                    return true
                }
                current = previous == 0 ? nil : previous
            }
            return false
        }
    }

    private func examination(
        _ number: UInt64, _ survey: Survey, certifiedLSN: LSN
    ) throws(DiskError) -> SegmentExamination {
        let file = try fileSystem.openFile(DirectoryLayout.segment(number), for: .reading)
        let successor = survey.successor(of: number).flatMap { survey.starts[$0] }
        return SegmentExamination(
            number: number, file: file,
            successor: successor.map {
                SegmentExamination.Successor(
                    cut: $0.mark.previousCut, tailChecksum: $0.mark.previousTailChecksum,
                    firstLSN: $0.header.firstLSN)
            },
            certifiedLSN: certifiedLSN)
    }

    private func segment(_ number: UInt64, _ survey: Survey) throws(DiskError) -> Segment {
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
        if let successor = survey.successor(of: number).flatMap({ survey.starts[$0] }) {
            used = successor.mark.previousCut
            nextLSN = successor.header.firstLSN
            state = .sealed
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

    // MARK: Verification

    private func verifyAll(_ found: (LogDamage) -> Void) throws(DiskError) -> Summary {
        let survey = try Survey(fileSystem)
        var summary = Summary()
        var certifiedLSN: LSN = 0
        var damageCount = 0
        func report(_ damage: LogDamage) {
            damageCount += 1
            found(damage)
        }
        for number in survey.numbers {
            let start = survey.starts[number]
            if let start {
                certifiedLSN = max(
                    certifiedLSN, start.header.durableLSN, start.mark.copiedLastLSN)
                reportPlace(of: number, start, survey, summary, report)
            }
            var examination = try examination(number, survey, certifiedLSN: certifiedLSN)
            let damageCountBefore = damageCount
            var ownRecords: (offset: Int, lsns: ClosedRange<LSN>)?
            try examination.run { item in
                switch item {
                case .damage(let damage):
                    report(damage)
                case .frame(let frame):
                    certifiedLSN = max(certifiedLSN, frame.durableLSN)
                    summary.wasClosed = frame.content == .end
                    if frame.recordCount > 0, frame.epoch == start?.header.epoch {
                        ownRecords =
                            ownRecords ?? (
                                frame.offset,
                                frame.firstLSN...frame.firstLSN + LSN(frame.recordCount) - 1
                            )
                    }
                case .record:
                    break
                }
            }
            if let ownRecords, !survey.isInSequence(number) {
                report(
                    LogDamage(
                        .strayedSegment, segment: number, offset: ownRecords.offset,
                        byteCount: examination.end - ownRecords.offset, lsns: ownRecords.lsns))
            }
            summary.segmentCount += 1
            summary.byteCount += survey.byteCounts[number] ?? 0
            summary.frameCount += examination.frameCount
            summary.recordCount += examination.recordCount
            if let nextLSN = examination.nextLSN {
                summary.lastLSN = max(summary.lastLSN, nextLSN - 1)
            }
            let hasSidecar = try verifySidecar(
                of: number, examination, survey,
                isSegmentWhole: damageCount == damageCountBefore, report)
            if hasSidecar { summary.sidecarCount += 1 }
        }
        summary.damageCount = damageCount
        return summary
    }

    /// Whether what START says about the segment before it can be.
    private func reportPlace(
        of number: UInt64, _ start: (header: FrameHeader, mark: StartMark), _ survey: Survey,
        _ summary: Summary, _ report: (LogDamage) -> Void
    ) {
        let firstLSN = start.header.firstLSN
        let previous = start.mark.previousNumber
        if previous == 0 {
            if firstLSN != 1 {
                report(
                    LogDamage(
                        .sequence, segment: number, offset: 0,
                        byteCount: survey.byteCounts[number] ?? 1, lsns: 1...(firstLSN - 1)))
            }
        } else if !survey.numbers.contains(previous), survey.isInSequence(number) {
            let first = summary.lastLSN + 1
            report(
                LogDamage(
                    .missingSegment, segment: previous, offset: 0,
                    byteCount: start.mark.previousCut,
                    lsns: first < firstLSN ? first...(firstLSN - 1) : nil))
        }
    }

    /// A sidecar has to say what the segment says, as far as that is whole; that it is missing is no
    /// damage. Returns whether there is one.
    private func verifySidecar(
        of number: UInt64, _ examination: SegmentExamination, _ survey: Survey,
        isSegmentWhole: Bool, _ report: (LogDamage) -> Void
    ) throws(DiskError) -> Bool {
        guard survey.sidecars.contains(number), let sealed = examination.sealed else {
            return false
        }
        let index = SidecarFile.load(sealed, in: fileSystem)
        let isRight = isSegmentWhole ? index == examination.index : index != nil
        if isRight { return true }
        let file = try fileSystem.openFile(DirectoryLayout.sidecar(number), for: .reading)
        report(
            LogDamage(
                .sidecar, segment: number, offset: 0, byteCount: max(1, try file.byteCount())))
        return true
    }
}
