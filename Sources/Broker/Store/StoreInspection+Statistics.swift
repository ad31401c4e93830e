internal import HoldfastDisk
internal import HoldfastEngine
internal import HoldfastModel
internal import HoldfastPages
internal import HoldfastRecords
package import HoldfastSnapshots
internal import HoldfastWAL

/// What a store consists of, in numbers.
package struct StoreStatistics: Sendable {
    package struct Records: Sendable, Equatable {
        package var count = 0
        /// With their heads.
        package var byteCount = 0
    }

    /// By the records' names; those that this version does not know under their numbers.
    package fileprivate(set) var records: [(name: String, records: Records)] = []
    package fileprivate(set) var segmentCount = 0
    /// Of the segments' files.
    package fileprivate(set) var fileByteCount = 0
    /// Of their frames: records, headers and padding; of compacted segments all that is used.
    package fileprivate(set) var frameByteCount = 0
    package fileprivate(set) var frameCount = 0
    /// Of the payloads of all births, as they were sent.
    package fileprivate(set) var payloadByteCount = 0
    package fileprivate(set) var damageCount = 0
    /// Jobs that are not done, and their births' bytes; nil where that is not known.
    package fileprivate(set) var live: Records?
    /// Why it is not known; nil where it is.
    package fileprivate(set) var unknown: String?
    package fileprivate(set) var snapshots: [SnapshotInspection.Slot] = []
    /// Pages of the newest snapshot.
    package fileprivate(set) var usedPageCount = 0
    /// Of the files of pages.
    package fileprivate(set) var pageFileByteCount = 0

    package var recordByteCount: Int { records.reduce(0) { $0 + $1.records.byteCount } }

    /// Bytes of log for each byte of payload; nil where there is no payload.
    package var writeAmplification: Double? {
        payloadByteCount > 0 ? Double(frameByteCount) / Double(payloadByteCount) : nil
    }

    /// How much of the log is births of jobs that are not done, 0 to 1; nil where that is not known,
    /// or where there is no log.
    package var liveRatio: Double? {
        live.flatMap {
            frameByteCount > 0 ? Double($0.byteCount) / Double(frameByteCount) : nil
        }
    }
}

extension StoreInspection {
    /// Reads all of the log, past damage.
    package func statistics() throws(StoreFault) -> StoreStatistics {
        var result = StoreStatistics()
        result.snapshots = snapshots.slots
        result.usedPageCount = snapshots.newest?.usedPageCount ?? 0
        result.pageFileByteCount = try pageFileByteCount()
        do throws(LogError) {
            try count(&result)
        } catch {
            throw .log(error)
        }
        return result
    }

    private func count(_ result: inout StoreStatistics) throws(LogError) {
        let uses = try segmentUses()
        result.unknown = uses.unknown
        if uses.unknown == nil {
            result.live = uses.segments.reduce(into: StoreStatistics.Records()) { live, use in
                live.count += use.liveCount ?? 0
                live.byteCount += use.liveByteCount ?? 0
            }
        }
        var counts: [UInt8: StoreStatistics.Records] = [:]
        var lastLSN: LSN = 0
        var ranges: [ClosedRange<LSN>] = []
        var compacted: [LogInspection.Segment] = []
        for use in uses.segments {
            result.segmentCount += 1
            result.fileByteCount += use.segment.byteCount
            if use.segment.isCompacted {
                compacted.append(use.segment)
                continue
            }
            if let lsns = use.segment.lsns { ranges.append(lsns) }
            try log.examine(segment: use.segment.number) { item in
                switch item {
                case .frame(let frame):
                    result.frameCount += 1
                    result.frameByteCount += frame.byteCount
                case .damage:
                    result.damageCount += 1
                case .record(let lsn, _, let isIndexed, let body):
                    // A segment may begin with copies of records at the end of another one.
                    guard lsn > lastLSN else { return }
                    lastLSN = lsn
                    count(body, isIndexed, &counts, &result)
                }
            }
        }
        // Of compacted segments what is not in the ones that they were made of any more.
        for segment in compacted {
            try IndexedRecords(of: segment, in: fileSystem)?.forEach { lsn, _, body in
                guard !ranges.contains(where: { $0.contains(lsn) }) else { return }
                guard let body else {
                    result.damageCount += 1
                    return
                }
                count(body, true, &counts, &result)
            }
            if let lsns = segment.lsns { ranges.append(lsns) }
            result.frameByteCount += segment.usedByteCount
        }
        result.records = counts.keys.sorted().map { (Self.name(ofByte: $0), counts[$0]!) }
    }

    private func count(
        _ body: UnsafeRawBufferPointer, _ isIndexed: Bool,
        _ counts: inout [UInt8: StoreStatistics.Records], _ result: inout StoreStatistics
    ) {
        guard let byte = body.first else { return }
        let head =
            isIndexed ? RecordFormat.indexedHeadByteCount : RecordFormat.plainHeadByteCount
        counts[byte, default: StoreStatistics.Records()].count += 1
        counts[byte]?.byteCount += head + body.count
        guard Self.type(ofByte: byte) == .enqueue, let birth = try? BirthRecord(body),
            let content = JobContent(trusted: birth.content)
        else { return }
        result.payloadByteCount += content.payload.count
    }

    /// What the low seven bits of a record's first byte say.
    private static func type(ofByte byte: UInt8) -> RecordType? {
        RecordType(rawValue: byte & 0x7F)
    }

    private static func name(ofByte byte: UInt8) -> String {
        type(ofByte: byte)?.name ?? "type \(byte & 0x7F)"
    }

    private func pageFileByteCount() throws(StoreFault) -> Int {
        do throws(DiskError) {
            guard try fileSystem.list("").contains(SnapshotLayout.pages) else { return 0 }
            var byteCount = 0
            for name in try fileSystem.list(SnapshotLayout.pages) {
                byteCount += try fileSystem.openFile(
                    "\(SnapshotLayout.pages)/\(name)", for: .reading
                ).byteCount()
            }
            return byteCount
        } catch {
            throw .snapshots(.read(error))
        }
    }
}
