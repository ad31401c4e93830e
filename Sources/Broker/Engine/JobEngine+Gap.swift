internal import HoldfastModel
internal import HoldfastPages
package import HoldfastRecords

/// Replay past a gap in the log (docs/records.md, "Past a gap"). A record behind it is made to fit, and
/// the state to it, before it is applied: `apply` is as strict as ever.
extension JobEngine {
    /// The records `lastLSN + 1` to `lsn` are gone; none where `lsn` is `lastLSN`. From here on records
    /// are made to fit, until the state is restored from an image.
    ///
    /// All lease tokens given out before are void, so that no two workers can hold a valid lease on a
    /// job that was leased again in the gap. The leases stay, and end when their time is up. An image
    /// must be durable before a token is given out: else the next start gives the same epoch again.
    package mutating func passGap(through lsn: LSN) {
        guard lsn >= lastLSN else { return }
        var passage = gap ?? GapPassage()
        passage.counts.gapCount += 1
        passage.counts.missingCount += lsn - lastLSN
        passage.ownedSlots = [:]
        if gap == nil { raiseLeaseEpoch() }
        gap = passage
        lastLSN = lsn
        pages.trim()
    }

    /// What became of the records behind the gaps that were passed; all zero where none was.
    package var gapCounts: GapCounts { gap?.counts ?? GapCounts() }

    private mutating func raiseLeaseEpoch() {
        let epoch = min(configuration.key.leaseEpoch + 1, StoreKey.leaseEpochMax)
        configuration.key.leaseEpoch = epoch
        withUnsafeBytes(of: epoch.littleEndian) { map.insert(StateKey.leaseEpoch.key(0), $0) }
    }

    /// Applies what fits of a record.
    ///
    /// - Throws: where it is out of order, where an unknown record must be understood, and where a page
    ///   is missing.
    mutating func replayPastGap(
        lsn: LSN, frameTime: Int64, body: UnsafeRawBufferPointer
    ) throws(RecordFault) {
        guard lsn == lastLSN + 1 else {
            throw RecordFault("its number should be \(lastLSN + 1)")
        }
        let frameTime = max(frameTime, self.frameTime)
        gap?.frameTime = frameTime
        let before = gapCounts
        var record = CoercedRecord.leftOut
        var isReadable = true
        do throws(RecordFault) {
            record = try coerce(lsn, body)
        } catch {
            isReadable = false
        }
        switch record {
        case .whole:
            try apply(lsn: lsn, frameTime: frameTime, body: body)
        case .rewritten:
            guard let rewritten = gap?.batch.body(of: lsn) else {
                preconditionFailure("a record that was written anew is in its batch")
            }
            try apply(lsn: lsn, frameTime: frameTime, body: rewritten)
        case .done, .partlyDone, .leftOut:
            lastLSN = lsn
            self.frameTime = frameTime
            pages.trim()
        }
        count(record, isReadable: isReadable, since: before)
    }

    private mutating func count(
        _ record: CoercedRecord, isReadable: Bool, since before: GapCounts
    ) {
        guard isReadable else {
            gap?.counts.unreadableCount += 1
            return
        }
        switch record {
        case .leftOut: gap?.counts.leftOutCount += 1
        case .rewritten, .partlyDone: gap?.counts.coercedCount += 1
        case .whole, .done: if gapCounts != before { gap?.counts.coercedCount += 1 }
        }
    }

    /// - Throws: where the record cannot be read. Nothing has changed then.
    private mutating func coerce(
        _ lsn: LSN, _ body: UnsafeRawBufferPointer
    ) throws(RecordFault) -> CoercedRecord {
        guard let byte = body.first else { throw RecordFault("empty") }
        switch RecordType(byte: byte) {
        case .enqueue: return coerceBirth(try BirthRecord(body), lsn)
        case .lease: return coerceLease(try LeaseRecord(body), lsn)
        case .ack: return coerceList(.ack, try JobListRecord(body), lsn)
        case .reject:
            return coerceList(.reject, try JobListRecord(body, mayHaveText: true), lsn)
        case .redrive: return coerceList(.redrive, try JobListRecord(body), lsn)
        case .return: return try coerceReturn(try ReturnRecord(body), lsn)
        case .heartbeat: return try coerceHeartbeat(try HeartbeatRecord(body), lsn)
        case .cancel: return try coerceCancel(try CancelRecord(body), lsn)
        case .due: return coerceDue(try DueRecord(body))
        case .queue: return coerceQueue(try QueueRecord(body))
        case .producer: return coerceProducer(try ProducerRecord(body))
        // `apply` skips it or stops.
        case nil: return .whole
        }
    }

    /// What there is to do with a record of which so many items fit.
    ///
    /// - Parameter write: appends those to the batch.
    func fitting(
        _ count: Int, of total: Int, _ lsn: LSN, _ write: (RecordBatch) -> Void
    ) -> CoercedRecord {
        guard count > 0 else { return .leftOut }
        guard count < total, let batch = gap?.batch else { return .whole }
        batch.open(firstLSN: lsn, frameTime: frameTime)
        write(batch)
        return .rewritten
    }
}
