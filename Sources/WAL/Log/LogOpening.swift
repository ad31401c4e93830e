internal import HoldfastDisk
internal import HoldfastMutants
internal import HoldfastRecords

/// Begins the new segment with which every opening of a log ends: nothing is ever appended behind
/// what a crash may have left.
struct LogOpening {
    let directory: DataDirectory
    let recovery: LogRecovery
    let start: LogStart
    let timeBaseMilliseconds: Int64

    var epoch: UInt32 { recovery.epoch }
    /// What the new segment begins with.
    var startMark: StartMark {
        StartMark(
            clocks: start, timeBaseMilliseconds: timeBaseMilliseconds,
            previousNumber: recovery.previousNumber, previousCut: recovery.previousCut,
            previousTailChecksum: recovery.previousTailChecksum,
            copiedLastLSN: recovery.copies.lastLSN, copiedFrameCount: recovery.copies.frameCount)
    }
    /// The time below which the next frame must not be.
    var frameTimeMin: Int64 {
        recovery.copies.frameCount > 0 ? recovery.sequence.lastFrameTime : startFrameTime
    }

    init(_ directory: DataDirectory, _ recovery: LogRecovery, start: LogStart) {
        self.directory = directory
        self.recovery = recovery
        self.start = start
        let lastFrameTime = max(recovery.sequence.lastFrameTime, 0)
        // Where no segment could be read, the snapshot may still know a time.
        timeBaseMilliseconds = max(
            lastFrameTime,
            BrokerTime.base(
                at: start, after: recovery.chain.links.last?.start, lastFrameTime: lastFrameTime))
    }

    /// Writes START and the copies to a file of the pool, syncs it, and gives it its name: that
    /// rename is the moment at which the log goes on. Then puts away what it has made superfluous,
    /// and what could not be used.
    ///
    /// - Returns: also, how many damaged bytes have no copy in quarantine.
    func begin(
        _ pool: SegmentPool
    ) throws(LogError) -> (segment: SegmentWriter, uncopiedByteCount: Int) {
        if goesOnInLast { return (try lastSegment(), 0) }
        let quarantine = LogQuarantine(fileSystem: directory.fileSystem)
        var uncopiedByteCount =
            try recovery.passage.map { passage throws(LogError) in
                try quarantine.copy(passage)
            } ?? 0
        let number = recovery.highestNumber + 1
        let copies = recovery.copies
        let firstLSN = recovery.sequence.nextLSN - LSN(copies.recordCount)
        let alignment = directory.fileSystem.blockByteCount
        let needed =
            3 * alignment + copies.byteCount + copies.frameCount * alignment
            + LogFormat.padded(LogFormat.frameHeaderByteCount + StartMark.byteCount, to: alignment)
        // A process that was killed may have moved segments to the pool without a sync: before one of
        // those files is written again, its old name has to be gone for good.
        try LogError.writing { () throws(DiskError) in
            try directory.fileSystem.syncDirectory(DirectoryLayout.log)
            try directory.fileSystem.syncDirectory(DirectoryLayout.pool)
        }
        let candidate = try pool.takeForCopies(
            number: number, byteCount: LogFormat.padded(needed, to: alignment))
        let header = candidate.header
        // START will vouch for what lies behind the cut, so that has to be on the disk as it was read.
        if recovery.replacedNumber == nil, recovery.previousNumber > 0 {
            try LogError.writing { () throws(DiskError) in
                try directory.fileSystem.openFile(
                    DirectoryLayout.segment(recovery.previousNumber), for: .readingAndWriting
                ).sync()
            }
        }
        let path = DirectoryLayout.segment(number)
        let (file, end) = try LogError.obtaining { () throws(DiskError) in
            var end = header.frames.lowerBound
            let frame = SegmentWriter.frame(
                .start(startMark), epoch: epoch, nextLSN: firstLSN, durableLSN: firstLSN - 1,
                frameTime: startFrameTime, in: header, at: end)
            try candidate.file.write(frame, at: end)
            end += frame.count
            end = try copy(to: candidate.file, header, at: end)
            try candidate.file.sync()
            try pool.logNames.rename(candidate.path, to: path)
            try directory.fileSystem.syncDirectory(DirectoryLayout.log)
            try directory.fileSystem.syncDirectory(DirectoryLayout.pool)
            return (try directory.fileSystem.openFile(path, for: .readingAndWriting), end)
        }
        try LogError.writing { () throws(DiskError) in
            try recovery.rebuildStarts(in: directory.fileSystem)
            uncopiedByteCount += try quarantine.move(recovery.passage?.asides ?? [])
            try pool.recycle(
                recovery.chain.superfluous + (recovery.replacedNumber.map { [$0] } ?? []),
                compacted: recovery.chain.superfluousCompacted)
            try removeOrphans(besides: number)
            try pool.trim()
        }
        let segment = SegmentWriter(
            file: file, header: header, firstLSN: firstLSN,
            isFilled: candidate.isFilled, end: end)
        return (segment, uncopiedByteCount)
    }

    /// `Mutant.appendsAfterCutInSameFile`, where the last segment has frames of its own.
    var goesOnInLast: Bool {
        Mutant.appendsAfterCutInSameFile.isOn && recovery.passage == nil
            && recovery.replacedNumber == nil && recovery.previousNumber > 0
    }

    private func lastSegment() throws(LogError) -> SegmentWriter {
        let link = recovery.chain.links[recovery.chain.links.count - 1]
        return try LogError.writing { () throws(DiskError) in
            let path = DirectoryLayout.segment(link.number)
            return SegmentWriter(
                file: try directory.fileSystem.openFile(path, for: .readingAndWriting),
                header: link.header, firstLSN: link.firstLSN, isFilled: true,
                end: recovery.previousCut + recovery.copies.byteCount)
        }
    }

    /// Removes the sidecars, and drafts of them, whose segments are gone.
    private func removeOrphans(besides active: UInt64) throws(DiskError) {
        let numbers = Set(recovery.sealed.map(\.number) + [active])
        for name in try directory.fileSystem.list(DirectoryLayout.log) {
            guard let number = DirectoryLayout.sidecarNumber(ofName: name) else { continue }
            if numbers.contains(number), name.hasSuffix(".idx") { continue }
            try directory.fileSystem.remove("\(DirectoryLayout.log)/\(name)")
        }
    }

    /// The time of START's frame: not after the copies behind it.
    private var startFrameTime: Int64 {
        recovery.copies.frameCount > 0 ? recovery.copies.firstFrameTime : timeBaseMilliseconds
    }

    /// Writes the frames again for their new place, with their LSNs, times and epochs.
    private func copy(
        to file: any File, _ header: SegmentHeader, at place: Int
    ) throws(DiskError) -> Int {
        guard recovery.copies.frameCount > 0 else { return place }
        let number = recovery.copies.segmentNumber
        let source = try directory.fileSystem.openFile(
            DirectoryLayout.segment(number), for: .reading)
        guard let sourceHeader = try SegmentHeader.read(from: source)?.header else {
            throw DiskError(.read, DirectoryLayout.segment(number), code: DiskError.inputOutput)
        }
        let reader = SegmentReader(file: source, header: sourceHeader)
        var end = place
        var offset = recovery.copies.range.lowerBound
        while offset < recovery.copies.range.upperBound {
            // It was whole a moment ago; if it no longer is, the disk is not to be trusted.
            guard case .whole(let frame, let payload) = try reader.frame(at: offset) else {
                throw DiskError(.read, DirectoryLayout.segment(number), code: DiskError.inputOutput)
            }
            var bytes = [UInt8](repeating: 0, count: frame.byteCount(alignment: header.alignment))
            bytes.withUnsafeMutableBytes { bytes in
                frame.encode(into: bytes, salt: header.salt, offset: end)
                UnsafeMutableRawBufferPointer(rebasing: bytes[LogFormat.frameHeaderByteCount...])
                    .copyMemory(from: payload)
            }
            try file.write(bytes, at: end)
            end += bytes.count
            offset += frame.byteCount(alignment: sourceHeader.alignment)
        }
        return end
    }
}

extension LogOpening {
    func report(uncopiedByteCount: Int, _ quarantine: QuarantineUse) -> LogRecoveryReport {
        LogRecoveryReport(
            segmentCount: recovery.chain.links.count + recovery.chain.listed.count
                + recovery.chain.compacted.count,
            frameCount: recovery.frameCount,
            recordCount: recovery.recordCount, byteCount: recovery.byteCount,
            lastLSN: recovery.sequence.nextLSN - 1, lastFrameTime: frameTimeMin,
            cutByteCount: recovery.cutByteCount,
            inDoubtRecordCount: recovery.replacedNumber == nil ? recovery.copies.recordCount : 0,
            damagedHeaderCount: recovery.chain.damagedHeaderCount,
            wasClosed: recovery.wasClosed || recovery.chain.links.isEmpty, epoch: epoch,
            timeBaseMilliseconds: timeBaseMilliseconds,
            previous: (recovery.chain.links.last?.start).map(LogRecoveryReport.Previous.init),
            missing: recovery.passage?.missing ?? [], damages: recovery.passage?.damages ?? [],
            damageCount: recovery.passage?.damageCount ?? 0,
            uncopiedByteCount: uncopiedByteCount, quarantine: quarantine)
    }
}
