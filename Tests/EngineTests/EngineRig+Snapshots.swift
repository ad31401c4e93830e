import HoldfastEngine
import HoldfastModel
import HoldfastPages
import HoldfastRecords
import Testing

/// Snapshots as a broker takes them: the two newest are kept, and the page numbers of no other are
/// protected.
extension EngineRig {
    struct Snapshot {
        var number: UInt32
        var root: [UInt8]
        var lastLSN: LSN
        /// Frames of the journal that are part of it.
        var frameCount: Int
        var used: PageSet
    }

    static func emptySpace(_ limits: PageLimits, _ disk: PageDisk = PageDisk()) -> PageSpace {
        let pages = PageSpace(
            limits: limits, storeUUID: (1, 2), snapshotNumber: 1, source: disk.read)
        pages.beginStamps(epoch: 1)
        return pages
    }

    static func emptyEngine(
        _ configuration: EngineConfiguration, _ limits: PageLimits = .small,
        _ disk: PageDisk = PageDisk()
    ) -> JobEngine {
        JobEngine(configuration: configuration, pages: emptySpace(limits, disk))
    }

    var isFrozen: Bool { frozen != nil }

    /// Ends the batch and freezes the engine.
    func freeze() {
        commit()
        let image = engine.freeze(liveCountsIn: engine.lastLSN > 0 ? [1...engine.lastLSN] : [])
        #expect(image.lastLSN == batch.firstLSN - 1 && image.lastLSN == engine.lastLSN)
        #expect(image.liveCounts == (engine.lastLSN > 0 ? [engine.jobCount] : []))
        frozen = (image, frames.count)
    }

    /// The frozen image is on the disk.
    func finishSnapshot() {
        guard let (image, frameCount) = frozen else { return }
        frozen = nil
        disk.write(image.pages)
        engine.pages.committed(image.pages)
        kept.append(
            Snapshot(
                number: image.pages.snapshotNumber, root: image.root, lastLSN: image.lastLSN,
                frameCount: frameCount, used: image.pages.used))
        kept = kept.suffix(2)
    }

    /// The frozen image is not written after all, or only so many of its pages are.
    func abandonSnapshot(written count: Int) {
        guard let (image, _) = frozen else { return }
        frozen = nil
        disk.write(image.pages, first: count)
        engine.pages.abandoned(image.pages)
    }

    /// A broker that dies while so many pages of a frozen image are written, and starts again from
    /// its newest snapshot and the journal behind it.
    func restore(written count: Int = 0) {
        commit()
        guard let newest = kept.last else { return restart() }
        if let (image, _) = frozen { disk.write(image.pages, first: count) }
        frozen = nil
        epoch += 1
        do {
            engine = try restored(newest)
        } catch {
            Issue.record("restore: \(error)")
            return
        }
        Self.replay(Array(frames[newest.frameCount...]), on: &engine)
        #expect(engine.pages.failure == nil)
        engine.restartLeaseClocks(bootMilliseconds: boot)
    }

    func restored(_ snapshot: Snapshot) throws -> JobEngine {
        let before = kept.last { $0.number < snapshot.number }?.used ?? PageSet()
        let pages = PageSpace(
            limits: limits, storeUUID: (1, 2), used: snapshot.used,
            retained: before.subtracting(snapshot.used), snapshotNumber: snapshot.number + 1,
            source: disk.read)
        let engine = try JobEngine(
            configuration: configuration, pages: pages, restoring: snapshot.root)
        // Only the log says which epoch it is, which is read from the restored state on.
        pages.beginStamps(epoch: epoch)
        return engine
    }
}
