internal import HoldfastEngine
internal import HoldfastModel
internal import HoldfastPages
internal import HoldfastRecords

/// Records that no broker wrote, each behind the ones before it. They are replayed as a start does it, up to
/// one that does not fit; as one does it that goes on past damage; and a state is put together from them as a
/// rebuilding does it. Whatever they say, what comes out adds up. A row of
///
/// ```
/// u8 time that passes before it, in 100 ms     u16 length of the body     body
///                                              where bit 15 is set: so many records are gone as
///                                              the others say
/// ```
enum RecordTarget {
    private static let gapBit = 0x8000

    static func run(_ bytes: UnsafeRawBufferPointer) {
        var strict = emptyEngine()
        var isStrictWhole = true
        var passing = emptyEngine()
        var isPassingWhole = true
        passing.passGap(through: 0)
        var remains = LogRemains()
        var records: [(lsn: LSN, body: UnsafeRawBufferPointer)] = []
        var lsn: LSN = 1
        var time: Int64 = 1_800_000_000_000
        var rest = bytes[...]
        while rest.count >= 3 {
            let head = UnsafeRawBufferPointer(rebasing: rest)
            time += Int64(head[0]) * 100
            let length = Int(head[1]) | Int(head[2]) << 8
            rest = rest.dropFirst(3)
            if length & gapBit != 0 {
                lsn += LSN(length & ~gapBit)
                isStrictWhole = false
                if isPassingWhole { passing.passGap(through: lsn - 1) }
                continue
            }
            let body = UnsafeRawBufferPointer(rebasing: rest.prefix(length))
            rest = rest.dropFirst(length)
            _ = try? EngineRecord(lsn: lsn, body: body)
            if isStrictWhole { isStrictWhole = replay(lsn, time, body, on: &strict) }
            if isPassingWhole { isPassingWhole = replay(lsn, time, body, on: &passing) }
            remains.note(lsn: lsn, frameTime: time, body: body)
            records.append((lsn, body))
            lsn += 1
        }
        if isStrictWhole { expectSound(strict) }
        if isPassingWhole { expectSound(passing) }
        var rebuilt = emptyEngine()
        var counts = RebuildCounts()
        for (lsn, body) in records {
            rebuilt.rebuild(remains, lsn: lsn, body: body, &counts)
        }
        rebuilt.endRebuilding(remains, &counts)
        expectSound(rebuilt)
    }

    /// - Returns: whether one may go on: where a record does not fit, it may be half done.
    private static func replay(
        _ lsn: LSN, _ time: Int64, _ body: UnsafeRawBufferPointer, on engine: inout JobEngine
    ) -> Bool {
        do throws(ReplayFault) {
            try engine.replay(lsn: lsn, frameTime: time, body: body)
        } catch {
            return false
        }
        return true
    }

    private static func expectSound(_ engine: borrowing JobEngine) {
        let faults = engine.invariantFaults()
        if !faults.isEmpty { fatalError("the state adds up: \(faults.prefix(3))") }
        precondition(engine.pages.failure == nil, "and every page of it is there")
        _ = engine.canonicalDump()
    }

    private static func emptyEngine() -> JobEngine {
        var limits = PageLimits()
        limits.nodeEntryCountMax = 4
        limits.chainEntryCountMax = 4
        limits.bitmapBitCount = 64
        limits.arrayElementCountMax = 8
        limits.cachedPageCountMax = 16
        limits.readAheadPageCount = 1
        // Nothing is ever written, so that nothing is read.
        let pages = PageSpace(
            limits: limits, storeUUID: (1, 2), snapshotNumber: 1, source: { _, _, _ in false })
        pages.beginStamps(epoch: 1)
        return JobEngine(
            configuration: EngineConfiguration(
                key: StoreKey(low: 1, high: 2), leaseCountMax: 16, recentAckCount: 16,
                dueCountMax: 8),
            pages: pages)
    }
}
