internal import HoldfastDisk
internal import HoldfastRecords

/// What a sidecar would say, from the segment itself.
extension SegmentIndex {
    /// Reads the frames of a segment up to where they end. Where one is damaged, those of its records
    /// are found that prove themselves: damage costs the records that it lies in.
    ///
    /// - Parameters:
    ///   - firstLSN: of the segment; its START may be damaged.
    ///   - end: where the frames end, in bytes.
    ///   - nextLSN: behind the last record.
    /// - Returns: also whether no frame was damaged. Otherwise the index is not to be kept: the
    ///   segment may be restored from a copy.
    static func scanning(
        _ reader: SegmentReader, firstLSN: LSN, end: Int, nextLSN: LSN
    ) throws(DiskError) -> (index: SegmentIndex, isWhole: Bool) {
        var lsn = firstLSN
        // Another file may say where they end, and no longer agree with this one's header.
        let end = min(end, reader.header.frames.upperBound)
        var index = SegmentIndex(firstLSN: firstLSN)
        var isWhole = try reader.start() != nil
        var offset = reader.endOfStart
        while offset < end {
            switch try reader.frame(at: offset) {
            case .whole(let header, let payload):
                index.append(header, payload: payload, at: offset)
                offset += header.byteCount(alignment: reader.header.alignment)
                lsn = header.nextLSN
            case .broken(let header, _):
                isWhole = false
                try index.appendSurvivors(of: header, reader, at: offset)
                offset += header.byteCount(alignment: reader.header.alignment)
                lsn = header.nextLSN
            case .absent:
                isWhole = false
                let next = try reader.nextFrame(from: offset, to: end)
                let behind = next?.offset ?? end
                let border = max(lsn, next?.header.firstLSN ?? nextLSN)
                try index.salvage(from: reader, in: offset..<behind, lsns: lsn..<border)
                offset = behind
                lsn = border
            }
        }
        return (index, isWhole)
    }

    /// Adds the indexed records of a frame whose payload is damaged, as far as they can be found.
    mutating func appendSurvivors(
        of header: FrameHeader, _ reader: SegmentReader, at offset: Int
    ) throws(DiskError) {
        guard canHold(header.firstLSN..<header.nextLSN) else { return }
        let payload = try reader.payloadRange(of: header, at: offset)
        if payload.count == header.payloadByteCount,
            try appendByLengths(header, reader, at: payload.lowerBound)
        {
            return
        }
        try salvage(from: reader, in: payload, lsns: header.firstLSN..<header.nextLSN)
    }

    /// Adds the indexed records of a damaged payload, if their lengths still add up to it: then each is
    /// where it was, and says itself whether it is whole.
    private mutating func appendByLengths(
        _ header: FrameHeader, _ reader: SegmentReader, at offset: Int
    ) throws(DiskError) -> Bool {
        let payload = try reader.bytes(at: offset, count: header.payloadByteCount)
        var places: [(lsn: LSN, offset: Int)] = []
        var place = 0
        for lsn in header.firstLSN..<header.nextLSN {
            guard payload.count - place >= RecordFormat.plainHeadByteCount,
                let head = RecordFormat.Head(payload.integer(UInt32.self, at: place))
            else { return false }
            if head.isIndexed { places.append((lsn, offset + place)) }
            place += head.headByteCount + head.bodyByteCount
        }
        guard place == payload.count else { return false }
        for place in places { append(place.lsn, offset: place.offset) }
        return true
    }

    /// Looks for records at every byte of a range whose frame cannot be trusted. One counts if it has
    /// an LSN that belongs there and matches its checksum, and if it contradicts no other: the body of
    /// a damaged record may hold what looks like one.
    private mutating func salvage(
        from reader: SegmentReader, in range: Range<Int>, lsns: Range<LSN>
    ) throws(DiskError) {
        var found: [(lsn: LSN, offset: Int)] = []
        var offset = range.lowerBound
        // Bytes that look like heads everywhere must not cost a checksum of all that is behind each.
        var budget = Self.checksumsPerByte * range.count
        while offset + RecordFormat.indexedHeadByteCount <= range.upperBound, budget > 0 {
            let piece = try reader.bytes(
                at: offset, count: min(Self.pieceByteCount, range.upperBound - offset))
            let last = piece.count - RecordFormat.indexedHeadByteCount
            guard
                let position = (0...last).first(where: {
                    Self.record(at: $0, in: piece, lsns: lsns) != nil
                }), let (lsn, byteCount) = Self.record(at: position, in: piece, lsns: lsns)
            else {
                offset += last + 1
                continue
            }
            offset += position
            let isWithin = byteCount <= range.upperBound - offset
            if isWithin { budget -= byteCount }
            guard isWithin,
                RecordFormat.body(
                    in: try reader.bytes(at: offset, count: byteCount), at: 0, lsn: lsn) != nil
            else {
                offset += 1
                continue
            }
            found.append((lsn, offset))
            offset += byteCount
        }
        append(consistent: found)
    }

    /// How often each byte may be read for a checksum, on average.
    private static let checksumsPerByte = 64
    /// What is looked through at a time; a record may be longer.
    private static let pieceByteCount = 256 * 1024

    /// The LSN and the length of the record whose head may stand there.
    private static func record(
        at offset: Int, in bytes: UnsafeRawBufferPointer, lsns: Range<LSN>
    ) -> (lsn: LSN, byteCount: Int)? {
        guard let head = RecordFormat.Head(bytes.integer(UInt32.self, at: offset)), head.isIndexed
        else { return nil }
        let low = bytes.integer(UInt32.self, at: offset + 4)
        let delta = LSN(low &- UInt32(truncatingIfNeeded: lsns.lowerBound))
        guard delta < lsns.upperBound - lsns.lowerBound else { return nil }
        return (lsns.lowerBound + delta, head.headByteCount + head.bodyByteCount)
    }

    /// Adds those of which all before have lower and all behind have higher LSNs.
    private mutating func append(consistent found: [(lsn: LSN, offset: Int)]) {
        var lowestBehind: [LSN] = []
        var lowest = LSN.max
        for entry in found.reversed() {
            lowestBehind.append(lowest)
            lowest = min(lowest, entry.lsn)
        }
        var highest: LSN?
        for (entry, behind) in zip(found, lowestBehind.reversed()) {
            if highest.map({ $0 < entry.lsn }) ?? true, entry.lsn < behind,
                canHold(entry.lsn..<entry.lsn + 1)
            {
                append(entry.lsn, offset: entry.offset)
            }
            highest = max(highest ?? 0, entry.lsn)
        }
    }
}
