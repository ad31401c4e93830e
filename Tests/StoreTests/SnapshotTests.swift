import HoldfastDisk
import HoldfastEngine
import HoldfastModel
import HoldfastRecords
import HoldfastSimulation
import HoldfastSnapshots
import HoldfastStore
import HoldfastWAL
import Testing

@Suite struct SnapshotTests {
    @Test("a start replays only what came after the snapshot")
    func replaysTheRest() throws {
        let rig = try StoreRig()
        try rig.enqueue("a", count: 300)
        try rig.ack(try rig.lease("a", count: 100))
        try rig.snapshot()
        let last = rig.engine.lastLSN
        try rig.enqueue("a", count: 3)
        let before = rig.dump()
        try rig.kill()
        #expect(rig.snapshotLSN == last)
        #expect(rig.log.recovery.recordCount == 3)
        #expect(rig.dump() == before)
    }

    @Test("a snapshot that was begun and not committed changes nothing")
    func unfinished() throws {
        let rig = try StoreRig()
        try rig.enqueue("a", count: 300)
        try rig.snapshot()
        let first = rig.snapshotLSN ?? rig.engine.lastLSN
        let tokens = try rig.lease("a", count: 20)
        rig.freeze()
        try rig.ack(tokens)
        let before = rig.dump()
        _ = try rig.upkeep.step()
        try rig.losePower()
        #expect(rig.snapshotLSN == first)
        #expect(rig.dump() == before)
    }

    @Test("S4, S10: what was acked while a snapshot was being written is replayed behind it")
    func acksMeanwhile() throws {
        let rig = try StoreRig()
        try rig.enqueue("a", count: 300)
        let tokens = try rig.lease("a", count: 20)
        rig.freeze()
        let last = rig.engine.lastLSN
        try rig.ack(tokens)
        try rig.finishUpkeep()
        let before = rig.dump()
        try rig.kill()
        #expect(rig.snapshotLSN == last)
        #expect(rig.dump() == before)
    }

    @Test("no snapshot is committed before the log has its last record")
    func waitsForTheLog() throws {
        let rig = try StoreRig()
        try rig.enqueue("a", count: 10)
        let durable = rig.log.durableLSN
        rig.decideWithoutCommitting("a")
        rig.freeze()
        var progress = Upkeep.Progress.more(isUrgent: true)
        for _ in 0..<1_000 where progress != .waitingForLog { progress = try rig.upkeep.step() }
        #expect(progress == .waitingForLog)
        #expect(rig.upkeep.snapshotLSN == 0)
        #expect(rig.upkeep.takeOutcome() == nil)
        #expect(rig.log.durableLSN == durable)
        try rig.commit()
        try rig.finishUpkeep()
        #expect(rig.upkeep.snapshotLSN == rig.log.durableLSN)
    }

    @Test(
        "a segment that ends with the snapshot's own batch is listed with the jobs that live in it")
    func sealedMeanwhile() throws {
        let rig = try StoreRig()
        let kept = try rig.enqueue("kept", payloadByteCount: 3_000)[0]
        // Batches of a known size, until the next one needs another segment.
        while rig.log.status.segmentCount < 5 {
            rig.decideWithoutCommitting("kept", payloadByteCount: 3_000)
            rig.freeze()
            try rig.commit()
            try rig.finishUpkeep()
        }
        try rig.snapshot()
        try rig.kill()
        var wasRead = false
        try rig.log.read([kept]) { _, body in wasRead = body != nil }
        #expect(wasRead)
        #expect(try rig.lease("kept", count: 64).count > 3)
    }

    @Test("segments whose jobs are done are free once two snapshots are past them")
    func reclamation() throws {
        let rig = try StoreRig()
        var peak = 0
        for _ in 0..<40 {
            try rig.enqueue("a", count: 60, payloadByteCount: 400)
            try rig.ack(try rig.lease("a", count: 64))
            peak = max(peak, rig.log.status.segmentCount)
        }
        #expect(peak > 10)
        try rig.snapshot()
        #expect(rig.log.status.segmentCount == peak, "one snapshot alone frees nothing")
        try rig.snapshot()
        #expect(rig.log.status.segmentCount == 1)
        let before = rig.dump()
        try rig.losePower()
        #expect(rig.dump() == before)
        try rig.enqueue("a", count: 5)
        #expect(try rig.lease("a", count: 64).count == 5)
    }

    @Test("a job that is not done keeps its own segment and no other, and in time only itself")
    func oneImmortal() throws {
        let rig = try StoreRig()
        let immortal = try rig.enqueue("kept")[0]
        for _ in 0..<40 {
            try rig.enqueue("a", count: 60, payloadByteCount: 400)
            try rig.ack(try rig.lease("a", count: 64))
        }
        try rig.snapshot()
        try rig.snapshot()
        let plain = rig.log.sealedSegments.filter { !$0.isCompacted }
        #expect(plain.count == 1)
        for _ in 0..<3 { try rig.snapshot() }
        let kept = rig.log.sealedSegments
        #expect(kept.map(\.isCompacted) == [true])
        #expect(kept.reduce(0) { $0 + $1.byteCount } <= 16_384)
        try rig.kill()
        #expect(try rig.lease("kept", count: 1).map(\.lsn) == [immortal])
        var wasRead = false
        try rig.log.read([immortal]) { _, body in wasRead = body != nil }
        #expect(wasRead)
    }

    @Test("a segment that ends with both snapshots' last record is listed by neither, and stays")
    func endsWithBoth() throws {
        let rig = try StoreRig()
        let jobs = try rig.enqueue("kept", count: 20, payloadByteCount: 300)
        try rig.snapshot()
        try rig.snapshot()
        try rig.kill()
        try rig.finishUpkeep()
        var read: [LSN] = []
        try rig.log.read(jobs) { lsn, body in if body != nil { read.append(lsn) } }
        #expect(read == jobs)
        // Nor where it is sealed while the broker goes on.
        try rig.snapshot()
        while rig.log.sealedSegments.count < 3 { try rig.enqueue("kept", payloadByteCount: 3_000) }
        try rig.finishUpkeep()
        read = []
        try rig.log.read(jobs) { lsn, body in if body != nil { read.append(lsn) } }
        #expect(read == jobs)
    }

    @Test("without space for a snapshot the store goes on, and tries again later")
    func fullDisk() throws {
        let rig = try StoreRig()
        try rig.enqueue("a", count: 400)
        rig.disk.fail(
            SimulatedFault([.allocate, .create], pathPart: "pages", code: 28, isPersistent: true))
        try rig.snapshot()
        #expect(rig.committedSnapshotCount == 0)
        try rig.ack(try rig.lease("a", count: 30))
        rig.disk.clearFaults()
        try rig.snapshot()
        #expect(rig.committedSnapshotCount == 1)
        let before = rig.dump()
        try rig.losePower()
        #expect(rig.snapshotLSN != nil)
        #expect(rig.dump() == before)
    }

    @Test("a damaged newest snapshot is put in quarantine and the one before serves")
    func passedOver() throws {
        let rig = try StoreRig()
        try rig.enqueue("a", count: 100)
        try rig.snapshot()
        let first = rig.engine.lastLSN
        try rig.ack(try rig.lease("a", count: 10))
        try rig.snapshot()
        let before = rig.dump()
        let found = SnapshotInspection(rig.disk, identity: rig.directory.identity)
        let newest = SnapshotLayout.slot(try #require(found.newestSlot))
        var disk = rig.disk.disk.afterKill()
        disk.flipBit(newest, at: 4_100, bit: 3)
        rig.disk.disk = disk
        try rig.kill()
        #expect(rig.snapshotLSN == first)
        #expect(rig.dump() == before)
        #expect(rig.disk.disk.files.contains { $0.hasPrefix("quarantine/") })
    }

    @Test("a log that is older than its snapshot is refused, and says so")
    func olderLog() throws {
        let rig = try StoreRig()
        try rig.enqueue("a", count: 10)
        let old = rig.disk.disk.afterKill()
        try rig.enqueue("a", count: 500, payloadByteCount: 300)
        try rig.snapshot()
        var mixed = rig.disk.disk.afterKill()
        for path in mixed.files where path.hasPrefix("log/") { mixed.delete(path) }
        for path in old.files where path.hasPrefix("log/") {
            mixed.place(path, old.contents(path) ?? [])
        }
        #expect {
            _ = try StoreRig(SimulatedFileSystem(mixed))
        } throws: { error in
            guard case StoreFault.log(let error) = error else { return false }
            return "\(error)".contains("older")
        }
    }
}
