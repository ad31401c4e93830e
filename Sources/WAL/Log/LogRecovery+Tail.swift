internal import HoldfastDisk
internal import HoldfastMutants
internal import HoldfastRecords

/// Whether what stands at the end of the log is its end.
extension LogRecovery {
    /// Up to here records had been durable, as frames or the snapshot say.
    var certifiedLSN: LSN { max(sequence.certifiedLSN, originLSN) }

    /// Applies the tail rule at the place where the frames end.
    func judge(
        _ reader: SegmentReader, at offset: Int, _ stop: SegmentReader.Reading
    ) throws(LogError) {
        if Mutant.refusesAnyBadTail.isOn, case .broken(_, let kind) = stop {
            throw .damaged(damage(kind, reader, offset, reader.header.alignment, nil))
        }
        let end = reader.header.frames.upperBound
        let lsn = sequence.nextLSN
        var later: [(offset: Int, header: FrameHeader)] = []
        var place = offset
        // A header at X itself is X's own if its LSN is the expected one, and a later frame's if
        // it is higher; a lower one cannot be in this life of the file.
        if case .broken(let frame, _) = stop, frame.firstLSN == lsn {
            place += reader.header.alignment
        }
        while let found = try LogError.reading({ () throws(DiskError) in
            try reader.nextFrame(from: place)
        }) {
            later.append(found)
            place = found.offset + reader.header.alignment
        }
        let verdict = TailRule.verdict(
            at: lsn, certifiedLSN: certifiedLSN,
            laterDurableLSNs: later.map(\.header.durableLSN))
        guard verdict == .damage else { return }
        // Where only the snapshot speaks for X, and X is where any log could end, it is an old log.
        if case .absent = stop, lsn > sequence.certifiedLSN, later.isEmpty {
            let survey = try LogError.reading { () throws(DiskError) in
                try reader.survey(offset..<end)
            }
            if survey.lastNonZeroOffset == nil {
                throw .olderThanSnapshot(lastLSN: lsn - 1, snapshotLSN: originLSN)
            }
        }
        let (kind, extent): (LogDamage.Kind, Int) =
            switch stop {
            case .broken(let frame, let kind):
                (kind, frame.byteCount(alignment: reader.header.alignment))
            case .absent, .whole:
                (.frame, (later.first?.offset ?? end) - offset)
            }
        let certified = later.map(\.header.durableLSN).reduce(certifiedLSN, max)
        let nextLSN =
            later.first { $0.header.firstLSN > lsn }.map(\.header.firstLSN) ?? certified + 1
        throw .damaged(damage(kind, reader, offset, max(extent, 1), range(lsn, nextLSN)))
    }

    /// What is missing where no frame can be read: up to the next one that can.
    func absence(
        _ reader: SegmentReader, _ offset: Int, to cut: Int, endLSN: LSN
    ) throws(LogError) -> LogDamage {
        let next = try LogError.reading { () throws(DiskError) in
            try reader.nextFrame(from: offset + reader.header.alignment, to: cut)
        }
        return damage(
            .frame, reader, offset, (next?.offset ?? cut) - offset,
            range(sequence.nextLSN, next?.header.firstLSN ?? endLSN))
    }
}
