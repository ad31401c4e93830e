internal import HoldfastEngine
internal import HoldfastPages
internal import HoldfastRecords
internal import HoldfastSnapshots
internal import HoldfastWAL

extension StoreInspection {
    /// The state as far as what is left of the log says it.
    ///
    /// - Parameter cause: why a start is refused.
    func fromRemains(_ cause: String) throws(LogError) -> RebuiltState {
        let parts = try LogParts(self)
        var remains = LogRemains()
        if let root = newestRoot {
            let engine = emptyEngine()
            engine.pages.beginStamps(epoch: 1)
            remains.noteQueues(ofRoot: root, engine)
        }
        var recordCount = 0
        try parts.forEachRecord { lsn, frameTime, body in
            recordCount += 1
            remains.note(lsn: lsn, frameTime: frameTime, body: body)
        } missUnlisted: {
            remains.noteEnd($0)
        }
        // A last segment without a record still says how far the ones before it went.
        if let end = parts.plain.compactMap({ $0.lsns?.upperBound }).max() { remains.noteEnd(end) }
        var engine = emptyEngine()
        engine.pages.beginStamps(
            epoch: max(1, parts.plain.compactMap(\.epoch).max() ?? 1))
        var counts = RebuildCounts()
        try parts.forEachIndexedRecord { lsn, body in
            engine.rebuild(remains, lsn: lsn, body: body, &counts)
        }
        engine.endRebuilding(remains, &counts)
        let unreachable = try parts.unreachableBirths(remains.isDone).sorted()
        let listing = parts.listing
        let report = RebuildReport(
            cause: cause, isExact: false, lastLSN: remains.lastLSN,
            segmentCount: parts.plain.count, recordCount: recordCount,
            missing: LSNRanges.merged(remains.missing + unreachable.map { $0...$0 }),
            missingCount: remains.missingCount + UInt64(unreachable.count),
            damages: try parts.damages(),
            jobCount: engine.jobCount,
            queueCount: engine.queueCount, counts: counts, obstacle: obstacle(listing, engine))
        return RebuiltState(
            engine: engine, report: report, sealed: listing,
            lastNumber: parts.plain.last { $0.start != nil }?.number)
    }

    /// What the newest whole snapshot says beside its pages.
    private var newestRoot: [UInt8]? {
        do throws(StoreFault) {
            return try Store.openSnapshots(fileSystem, identity, configuration).newest?.root
        } catch {
            return nil
        }
    }

    /// Why a start with this state would be refused; nil where it would not.
    private func obstacle(
        _ listing: [SegmentSummary], _ engine: borrowing JobEngine
    ) -> String? {
        let needed = listing.filter { segment in
            segment.lsns.map { engine.liveCount(in: $0) > 0 } ?? false
        }
        do throws(LogError) {
            let replay = try LogReplay(
                fileSystem,
                from: LogOrigin(
                    lastLSN: engine.lastLSN, frameTime: engine.frameTime, segments: needed),
                passing: configuration.onDamage == .quarantine ? { _ in } : nil,
                replay: { _, _, _ in })
            return replay.recordCount == 0 ? nil : "the log goes on behind what could be read of it"
        } catch {
            return "\(error)"
        }
    }
}
