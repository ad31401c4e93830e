import HoldfastDisk
import HoldfastEngine
import HoldfastModel
import HoldfastRecords
import HoldfastSimulation
import HoldfastStore
import HoldfastWAL
import Testing

@Suite struct StoreRebuildingTests {
    /// The disk without anything that a snapshot or a page could be read from.
    private func withoutSnapshots(_ disk: SimulatedDisk) -> SimulatedDisk {
        var disk = disk
        for path in disk.files where path.hasPrefix("snap/") {
            disk.flipBit(path, at: 20, bit: 4)
        }
        return disk
    }

    /// The disk with a snapshot whose pages are all damaged.
    private func withoutPages(_ disk: SimulatedDisk) -> SimulatedDisk {
        var disk = disk
        for path in disk.files where path.hasPrefix("pages/") {
            for offset in stride(from: 0, to: disk.contents(path)?.count ?? 0, by: 4_096) {
                disk.flipBit(path, at: offset + 20, bit: 4)
            }
        }
        return disk
    }

    private func rebuild(_ disk: SimulatedDisk) throws -> (StoreRig, RebuildReport) {
        let fileSystem = SimulatedFileSystem(disk)
        let planned = try StoreInspection(fileSystem, StoreRig.tiny).rebuild()
        let reading: Set<DiskError.Call> = [.open, .list, .byteCount, .read]
        #expect(fileSystem.calls.allSatisfy { reading.contains($0.call) }, "only looked at")
        let log = disk.files.filter { $0.hasPrefix("log/") }.map { disk.contents($0) }
        let report = try StoreRebuilding.run(fileSystem, StoreRig.tiny)
        #expect(report.jobCount == planned.jobCount)
        #expect(report.quarantined != nil && planned.quarantined == nil)
        let after = fileSystem.disk
        #expect(log == after.files.filter { $0.hasPrefix("log/") }.map { after.contents($0) })
        let found = try StoreInspection(SimulatedFileSystem(after.afterKill()), StoreRig.tiny)
            .verify()
        #expect(found.damages == [])
        // Whatever a power loss takes, it is there: nothing is left to the page cache.
        return (try StoreRig(SimulatedFileSystem(after.afterPowerLoss(CrashChoices()))), report)
    }

    @Test("a log that is whole from its first record gives exactly the state that it was")
    func wholeLog() throws {
        let rig = try StoreRig()
        try rig.enqueue("a", count: 200)
        try rig.ack(try rig.lease("a", count: 40))
        _ = try rig.lease("a", count: 20)
        try rig.snapshot()
        let before = rig.dump()
        let (rebuilt, report) = try rebuild(withoutPages(rig.disk.disk.afterKill()))
        #expect(report.isExact)
        #expect(rebuilt.dump() == before)
        #expect(rebuilt.snapshotLSN == report.lastLSN)
        #expect(rebuilt.log.recovery.recordCount == 0)
    }

    @Test(
        "where segments are gone, every job that is not done is there again, and the counts say so")
    func releasedSegments() throws {
        let rig = try StoreRig()
        let kept = try rig.enqueue("kept", count: 5)
        var done: [LSN] = []
        for _ in 0..<30 {
            let lsns = try rig.enqueue("a", count: 60, payloadByteCount: 400)
            try rig.ack(try rig.lease("a", count: 64))
            done += lsns
        }
        let tokens = try rig.lease("kept", count: 2)
        try rig.snapshot()
        try rig.snapshot()
        let late = try rig.enqueue("b", count: 7)
        #expect(rig.log.status.segmentCount < 5)
        let (rebuilt, report) = try rebuild(withoutSnapshots(rig.disk.disk.afterKill()))
        #expect(!report.isExact)
        #expect(report.missingCount > 0)
        let live = (1...report.lastLSN).filter { rebuilt.engine.liveCount(in: $0...$0) == 1 }
        #expect(Set(live).isSuperset(of: kept + late), "none is lost")
        #expect(report.jobCount == live.count)
        // What is there again beside them is among what is said to be in doubt.
        #expect(live.count - kept.count - late.count <= report.counts.doubtfulCount)
        #expect(Set(live).subtracting(kept + late).isSubset(of: done))
        // No old token is good any more, whatever comes.
        var results: [Bool] = []
        for _ in 0..<3 {
            _ = try rebuilt.lease("kept", count: 8)
            results.append(try rebuilt.isRefused(tokens))
        }
        #expect(results == [true, true, true])
        #expect(rebuilt.dump().isEmpty == false)
    }

    @Test("jobs of compacted segments are there again, and can be read")
    func compactedSegments() throws {
        let (rig, live) = try StoreInspectionTests.compacted()
        let (rebuilt, report) = try rebuild(withoutSnapshots(rig.disk.disk.afterKill()))
        #expect(!report.isExact)
        let again = (1...report.lastLSN).filter { rebuilt.engine.liveCount(in: $0...$0) == 1 }
        #expect(Set(again).isSuperset(of: live), "none is lost")
        var unread: [LSN] = []
        try rebuilt.log.read(again) { lsn, body in if body == nil { unread.append(lsn) } }
        #expect(unread == [])
    }

    @Test("a queue whose record is gone gets a name by its number")
    func namelessQueue() throws {
        let rig = try StoreRig()
        // The records of both queues lie in a segment that is given back.
        try rig.enqueue("first")
        try rig.enqueue("second")
        for queue in ["first", "second"] { try rig.ack(try rig.lease(queue, count: 4)) }
        for _ in 0..<20 {
            try rig.enqueue("first", count: 60, payloadByteCount: 400)
            try rig.ack(try rig.lease("first", count: 64))
        }
        let left = try rig.enqueue("second", count: 3)
        try rig.snapshot()
        try rig.snapshot()
        let (rebuilt, report) = try rebuild(withoutSnapshots(rig.disk.disk.afterKill()))
        #expect(report.counts.namelessQueueCount >= 1)
        let tokens = try rebuilt.lease("recovered-1", count: 8)
        #expect(tokens.map(\.lsn) == left)
    }

    @Test("where the snapshot can be read and its pages cannot, it says what the queues are called")
    func queuesOfTheSnapshot() throws {
        let rig = try StoreRig()
        try rig.enqueue("first")
        try rig.ack(try rig.lease("first", count: 4))
        for _ in 0..<20 {
            try rig.enqueue("first", count: 60, payloadByteCount: 400)
            try rig.ack(try rig.lease("first", count: 64))
        }
        for _ in 0..<3 { try rig.snapshot() }
        try rig.enqueue("second", count: 2)
        try rig.enqueue("first", count: 3)
        let (rebuilt, report) = try rebuild(withoutPages(rig.disk.disk.afterKill()))
        #expect(!report.isExact)
        #expect(report.counts.namelessQueueCount == 0)
        #expect(try rebuilt.lease("first", count: 8).count >= 3)
        #expect(try rebuilt.lease("second", count: 8).count == 2)
    }

    @Test("a store that starts is left alone, and so is one whose log alone is damaged")
    func refused() throws {
        let rig = try StoreRig()
        try rig.enqueue("a", count: 100, payloadByteCount: 400)
        try rig.snapshot()
        for _ in 0..<10 { try rig.enqueue("a", count: 40, payloadByteCount: 400) }
        let whole = rig.disk.disk.afterKill()
        #expect {
            _ = try StoreRebuilding.run(SimulatedFileSystem(whole), StoreRig.tiny)
        } throws: { if case RebuildFault.notNeeded = $0 { true } else { false } }
        var damaged = whole
        let sealed = try #require(
            try StoreInspection(SimulatedFileSystem(whole), StoreRig.tiny).log.segments()
                .last { $0.state == .sealed })
        damaged.flipBit(sealed.path, at: sealed.usedByteCount / 2, bit: 1)
        let fileSystem = SimulatedFileSystem(damaged)
        #expect {
            _ = try StoreRebuilding.run(fileSystem, StoreRig.tiny)
        } throws: { if case RebuildFault.logAlone = $0 { true } else { false } }
        #expect(fileSystem.disk.files.allSatisfy { !$0.hasPrefix("quarantine/") })
    }

    @Test("damage in the middle of a log without a snapshot: all that can be read is there again")
    func damagedLog() throws {
        let rig = try StoreRig()
        var live: [LSN] = []
        for _ in 0..<8 { live += try rig.enqueue("a", count: 30, payloadByteCount: 400) }
        try rig.ack(try rig.lease("a", count: 30))
        var disk = withoutSnapshots(rig.disk.disk.afterKill())
        let first = try #require(disk.files.first { $0.hasPrefix("log/") && $0.hasSuffix(".seg") })
        disk.flipBit(first, at: 30_000, bit: 1)
        let fileSystem = SimulatedFileSystem(disk)
        let report = try StoreInspection(fileSystem, StoreRig.tiny).rebuild()
        #expect(!report.isExact)
        #expect(report.damages.count == 1)
        let lost = report.missing.reduce(0) { $0 + $1.count }
        #expect(report.jobCount >= live.count - 30 - lost)
        #expect(report.jobCount <= live.count)
        _ = try StoreRebuilding.run(fileSystem, StoreRig.tiny)
        let rebuilt = try StoreRig(SimulatedFileSystem(fileSystem.disk.afterKill()))
        #expect(rebuilt.engine.jobCount == report.jobCount)
        #expect(rebuilt.dump().isEmpty == false)
    }

    @Test("wherever it is interrupted, it can be done again", arguments: [3, 17])
    func interrupted(step: Int) throws {
        let rig = try StoreRig()
        try rig.enqueue("a", count: 200)
        try rig.ack(try rig.lease("a", count: 40))
        try rig.snapshot()
        let before = rig.dump()
        let start = withoutPages(rig.disk.disk.afterKill())
        let whole = SimulatedFileSystem(start)
        _ = try StoreRebuilding.run(whole, StoreRig.tiny)
        for position in stride(from: 1, through: whole.calls.count, by: step) {
            let fileSystem = SimulatedFileSystem(start)
            fileSystem.fail(SimulatedFault(position: position, code: 5, isPersistent: true))
            do {
                _ = try StoreRebuilding.run(fileSystem, StoreRig.tiny)
            } catch {}
            for disk in [
                fileSystem.disk.afterKill(), fileSystem.disk.afterPowerLoss(CrashChoices()),
            ] {
                let next = SimulatedFileSystem(disk)
                do {
                    _ = try StoreRebuilding.run(next, StoreRig.tiny)
                } catch RebuildFault.notNeeded {}
                let rebuilt = try StoreRig(SimulatedFileSystem(next.disk.afterKill()))
                #expect(rebuilt.dump() == before, "call \(position)")
            }
        }
    }
}
