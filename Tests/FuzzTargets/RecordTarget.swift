internal import HoldfastEngine
internal import HoldfastModel
internal import HoldfastPages
internal import HoldfastRecords

/// Records that no broker wrote, each behind the ones before it. A row of
///
/// ```
/// u8 time that passes before it, in 100 ms     u16 length of the body     body
/// ```
enum RecordTarget {
    static func run(_ bytes: UnsafeRawBufferPointer) {
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
        var engine = JobEngine(
            configuration: EngineConfiguration(
                key: StoreKey(low: 1, high: 2), leaseCountMax: 16, recentAckCount: 16,
                dueCountMax: 8),
            pages: pages)
        var remains = LogRemains()
        var time: Int64 = 1_800_000_000_000
        var rest = bytes[...]
        while rest.count >= 3 {
            let head = UnsafeRawBufferPointer(rebasing: rest)
            time += Int64(head[0]) * 100
            let count = min(Int(head[1]) | Int(head[2]) << 8, rest.count - 3)
            let body = UnsafeRawBufferPointer(rebasing: rest.dropFirst(3).prefix(count))
            rest = rest.dropFirst(3 + count)
            let lsn = engine.lastLSN + 1
            _ = try? EngineRecord(lsn: lsn, body: body)
            remains.note(lsn: lsn, frameTime: time, body: body)
            try? engine.replay(lsn: lsn, frameTime: time, body: body)
            if engine.pages.failure != nil { return }
        }
        _ = engine.canonicalDump()
    }
}
