internal import HoldfastDisk
internal import HoldfastRecords

extension LogInspection {
    func verifyAll(_ found: (LogDamage) -> Void) throws(DiskError) -> Summary {
        let survey = try LogSurvey(fileSystem, origin)
        var summary = Summary()
        var certifiedLSN: LSN = 0
        var damageCount = 0
        func report(_ damage: LogDamage) {
            damageCount += 1
            found(damage)
        }
        reportListed(survey, report)
        reportListedCompacted(survey, report)
        for number in survey.numbers {
            let start = survey.starts[number]
            if let start {
                certifiedLSN = max(
                    certifiedLSN, start.header.durableLSN, start.mark.copiedLastLSN)
                reportPlace(of: number, start, survey, summary, report)
            }
            // What the snapshot knows had been durable: that counts where the log ends.
            let isLast = number == survey.lastNumber
            var examination = try examination(
                number, survey, certifiedLSN: isLast ? max(certifiedLSN, originLSN) : certifiedLSN)
            let damageCountBefore = damageCount
            var ownFrame: FrameSummary?
            var ownRecords: (offset: Int, lsns: ClosedRange<LSN>)?
            try examination.run { item in
                switch item {
                case .damage(let damage):
                    report(damage)
                case .frame(let frame):
                    certifiedLSN = max(certifiedLSN, frame.durableLSN)
                    summary.wasClosed = frame.content == .end
                    ownFrame = frame.epoch == start?.header.epoch ? frame : nil
                case .record(let lsn, _, _, _):
                    guard ownRecords == nil, lsn > originLSN, let ownFrame else { break }
                    ownRecords = (
                        ownFrame.offset,
                        ownFrame.firstLSN...ownFrame.firstLSN + LSN(ownFrame.recordCount) - 1
                    )
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
        reportEnd(survey, summary, report)
        for key in survey.compacted {
            summary.segmentCount += 1
            summary.byteCount += try verifyCompacted(key, survey, report)
        }
        summary.damageCount = damageCount
        return summary
    }

    /// Reads all of a compacted segment and returns its length.
    private func verifyCompacted(
        _ key: SegmentKey, _ survey: LogSurvey, _ report: (LogDamage) -> Void
    ) throws(DiskError) -> Int {
        let file = try fileSystem.openFile(key.path, for: .reading)
        let byteCount = try file.byteCount()
        guard let summary = try compactedSummary(key, file, survey) else {
            report(
                LogDamage(
                    .compactedHeader, segment: key.number, offset: 0,
                    byteCount: CompactedHeader.blockByteCount, compactedSalt: key.salt))
            return byteCount
        }
        let uuid = try CompactedFile.header(of: file)?.uuid
        let compacted = CompactedFile(
            file: file, segment: CompactedFile.segment(summary, uuid))
        let index = try compacted.checkFrame(report)
        try compacted.checkRecords(0..<index.count, of: index, report)
        return byteCount
    }

    /// Whether the log goes on as far as the snapshot says.
    private func reportEnd(
        _ survey: LogSurvey, _ summary: Summary, _ report: (LogDamage) -> Void
    ) {
        let last = survey.lastNumber ?? 0
        let isShort = summary.lastLSN < originLSN
        // What is listed was sealed, so there was another one behind it.
        guard isShort || survey.listed[last] != nil else { return }
        report(
            LogDamage(
                .missingSegment, segment: last + 1, offset: 0, byteCount: 1,
                lsns: isShort ? summary.lastLSN + 1...originLSN : nil))
    }

    /// I11: what the snapshot lists has to be there.
    private func reportListed(_ survey: LogSurvey, _ report: (LogDamage) -> Void) {
        for summary in survey.listed.values.sorted(by: { $0.number < $1.number }) {
            guard survey.numbers.contains(summary.number) else {
                report(LogDamage(.missingSegment, summary))
                continue
            }
            // An unreadable header is reported where the segment is examined.
            guard let header = survey.headers[summary.number] else { continue }
            let firstLSN = survey.starts[summary.number]?.header.firstLSN
            guard header.salt == summary.salt, header.byteCount == summary.byteCount,
                firstLSN == nil || firstLSN == summary.firstLSN
            else {
                report(LogDamage(.otherSegment, summary))
                continue
            }
        }
    }

    private func reportListedCompacted(_ survey: LogSurvey, _ report: (LogDamage) -> Void) {
        for summary in survey.listedCompacted where !survey.compacted.contains(summary.key) {
            report(LogDamage(.missingSegment, summary))
        }
    }

    /// Whether what START says about the segment before it can be.
    private func reportPlace(
        of number: UInt64, _ start: (header: FrameHeader, mark: StartMark), _ survey: LogSurvey,
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
        } else if !survey.numbers.contains(previous), survey.isInSequence(number),
            survey.listed[previous] == nil, !survey.isReleased(previous)
        {
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
        of number: UInt64, _ examination: SegmentExamination, _ survey: LogSurvey,
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
