internal import HoldfastDisk
internal import HoldfastRecords

/// The frames of one segment of a damaged log.
extension LogRecovery {
    /// Reads all frames up to the cut, or where nothing says where that is, up to where by the tail
    /// rule the segment ends.
    mutating func read(
        _ reader: SegmentReader, _ link: SegmentChain.Link, cut: Int?,
        before next: SegmentChain.Link?, isLast: Bool, _ passage: inout LogPassage,
        _ replay: Replay
    ) throws(LogError) -> Ending {
        let alignment = link.header.alignment
        let limit = cut ?? link.header.frames.upperBound
        var ending = Ending(end: reader.endOfStart, isDamaged: link.isStartRebuilt)
        var offset = reader.endOfStart
        var insideLSN: LSN = 0
        if cut == nil {
            try LogError.reading { () throws(DiskError) in
                try chain.forEachFrameHeader(of: link) { _, frame in
                    passage.note(frame)
                    insideLSN = max(insideLSN, frame.durableLSN)
                }
            }
        }
        var certified: LSN { max(sequence.certifiedLSN, next == nil ? originLSN : 0) }
        func isEnd(_ lsn: LSN) -> Bool {
            cut == nil
                && TailRule.verdict(
                    at: lsn, certifiedLSN: certified, laterDurableLSNs: [insideLSN]) == .cut
        }
        func passBroken(
            _ frame: FrameHeader, _ kind: LogDamage.Kind, _ passage: inout LogPassage
        ) throws(LogError) {
            let length = frame.byteCount(alignment: alignment)
            passage.tell(
                damage(kind, reader, offset, length, range(frame.firstLSN, frame.nextLSN)),
                isCopied: true)
            let records = try LogError.reading { () throws(DiskError) in
                try reader.survivingRecords(of: frame, kind, at: offset)
            }
            if length <= limit - offset, frame.firstLSN >= sequence.nextLSN {
                try take(frame, records, length, &passage, replay)
                ending = Ending(end: offset + length, hasFrames: true)
            } else {
                ending.isDamaged = true
            }
            offset += length
        }
        while offset < limit {
            let reading = try LogError.reading { () throws(DiskError) in
                try reader.frame(at: offset)
            }
            switch reading {
            case .whole(let frame, let payload)
            where frame.recordCount > 0 && !RecordCursor(frame, payload: payload).reachesEnd():
                // It was written like that, so it is no torn end.
                try passBroken(frame, .payload, &passage)
            case .whole(let frame, let payload):
                // In doubt once: the next segment begins with its copy.
                if cut == nil, let next, next.start.previousNumber == link.number,
                    frame.firstLSN >= next.firstLSN, frame.recordCount > 0
                {
                    return ending
                }
                let length = frame.byteCount(alignment: alignment)
                let records = SurvivingRecords(frame, payload: payload)
                let isRight = length <= limit - offset && isPossible(frame, payload)
                if !isRight {
                    ending.isDamaged = true
                    passage.tell(
                        damage(
                            .sequence, reader, offset, length,
                            range(frame.firstLSN, frame.nextLSN)), isCopied: true)
                } else {
                    if let gap = range(expectedLSN, frame.firstLSN), !ending.isDamaged {
                        // Neither damage nor a hole before it says why.
                        passage.tell(damage(.sequence, reader, offset, length, gap))
                    }
                    try take(frame, records, length, &passage, replay)
                    wasClosed = frame.recordCount == 0
                    ending = Ending(end: offset + length, hasFrames: true)
                }
                offset += length
            case .broken(let frame, let kind):
                if isEnd(frame.firstLSN) { return ending }
                try passBroken(frame, kind, &passage)
            case .absent:
                let found = try LogError.reading { () throws(DiskError) in
                    try reader.nextFrame(from: offset + alignment, to: limit)
                }
                // Where the expected one comes further on, a copy of what was read is damaged.
                let isBehind = found.map { $0.header.firstLSN > sequence.nextLSN } ?? true
                if isBehind, isEnd(sequence.nextLSN) { return ending }
                ending.isDamaged = true
                if found == nil, cut == nil {
                    try endDamaged(reader, offset, max(certified, insideLSN), isLast, &passage)
                    return ending
                }
                let nextLSN = found?.header.firstLSN ?? next?.firstLSN ?? certified + 1
                let behind = found?.offset ?? limit
                passage.tell(
                    damage(
                        .frame, reader, offset, behind - offset, range(expectedLSN, nextLSN)),
                    isCopied: true)
                offset = behind
            }
        }
        return ending
    }

    /// Records had been durable that nothing is left of at the end of a segment.
    private func endDamaged(
        _ reader: SegmentReader, _ offset: Int, _ certified: LSN, _ isLast: Bool,
        _ passage: inout LogPassage
    ) throws(LogError) {
        let survey = try LogError.reading { () throws(DiskError) in
            try reader.survey(offset..<reader.header.frames.upperBound)
        }
        // Where only the snapshot speaks for them, and any log could end here, it is an old log.
        if isLast, survey.lastNonZeroOffset == nil, sequence.nextLSN > sequence.certifiedLSN {
            throw .olderThanSnapshot(lastLSN: sequence.nextLSN - 1, snapshotLSN: originLSN)
        }
        let behind = survey.lastNonZeroOffset.map { $0 + 1 } ?? offset + 1
        passage.tell(
            damage(.frame, reader, offset, behind - offset, range(expectedLSN, certified + 1)),
            isCopied: true)
    }

    // MARK: Frames

    /// Whether a frame can stand behind those before it, or is a copy of one of them.
    private func isPossible(_ frame: FrameHeader, _ payload: UnsafeRawBufferPointer) -> Bool {
        if frame.recordCount == 0 { return Mark(decoding: payload) == .end }
        if frame.nextLSN <= sequence.nextLSN { return true }
        return frame.firstLSN >= sequence.nextLSN && frame.frameTime >= sequence.lastFrameTime
    }

    private mutating func take(
        _ frame: FrameHeader, _ records: SurvivingRecords, _ length: Int,
        _ passage: inout LogPassage, _ replay: Replay
    ) throws(LogError) {
        passage.note(frame)
        sequence.certifiedLSN = max(sequence.certifiedLSN, frame.durableLSN)
        frameCount += 1
        byteCount += length
        guard frame.nextLSN > sequence.nextLSN else { return }
        sequence.nextLSN = frame.nextLSN
        sequence.lastFrameTime = max(sequence.lastFrameTime, frame.frameTime)
        var records = records
        while let record = records.next() {
            guard passage.takes(record.lsn) else { continue }
            recordCount += 1
            do {
                try replay(record.lsn, sequence.lastFrameTime, record.body)
            } catch {
                throw .unreadable(lsn: record.lsn, reason: "\(error)")
            }
        }
    }
}
