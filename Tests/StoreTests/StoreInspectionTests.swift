import HoldfastDisk
import HoldfastEngine
import HoldfastModel
import HoldfastRecords
import HoldfastSimulation
import HoldfastSnapshots
import HoldfastStore
import HoldfastWAL
import Testing

@Suite struct StoreInspectionTests {
    /// Looks at the disk of a rig as it would be if its process were gone, and makes sure that looking
    /// changes nothing.
    private func inspect<Value>(
        _ disk: SimulatedDisk, _ body: (StoreInspection) throws -> Value
    ) throws -> Value {
        let fileSystem = SimulatedFileSystem(disk)
        let value = try body(try StoreInspection(fileSystem, StoreRig.tiny))
        let reading: Set<DiskError.Call> = [.open, .list, .byteCount, .read]
        let others = fileSystem.calls.filter { !reading.contains($0.call) }
        #expect(others == [], "only calls that read")
        return value
    }

    /// A store with some segments, some of them without jobs, and two snapshots.
    private func rig() throws -> (rig: StoreRig, live: [LSN]) {
        let rig = try StoreRig()
        var live = try rig.enqueue("kept", count: 3, payloadByteCount: 100)
        for round in 0..<12 {
            try rig.enqueue("a", count: 60, payloadByteCount: 400)
            try rig.ack(try rig.lease("a", count: 64))
            if round == 6 { try rig.snapshot() }
        }
        try rig.snapshot()
        live += try rig.enqueue("kept", count: 2, payloadByteCount: 200)
        return (rig, live)
    }

    @Test("live and done jobs and bytes of each segment add up to those of the engine")
    func segmentUses() throws {
        let (rig, live) = try rig()
        let disk = rig.disk.disk.afterKill()
        let uses = try inspect(disk) { try $0.segmentUses() }
        #expect(uses.unknown == nil)
        #expect(uses.segments.count > 3)
        #expect(uses.segments.compactMap(\.liveCount).reduce(0, +) == live.count)
        for use in uses.segments {
            // Of one that was compacted its jobs are counted in the other one.
            if use.liveCount != 0 {
                let lsns = try #require(use.segment.lsns)
                #expect(use.liveCount == live.filter { lsns.contains($0) }.count)
            }
            let births = try #require(use.birthCount)
            #expect(births >= use.liveCount ?? 0)
            #expect((use.liveCount == 0) == (use.liveByteCount == 0))
            let dead = try #require(use.deadByteCount)
            #expect(dead + (use.liveByteCount ?? 0) == use.segment.usedByteCount)
        }
        // Each of the three jobs in the first segment has 100 bytes of payload and little more.
        let first = try #require(
            uses.segments.first {
                $0.segment.lsns?.contains(live[0]) == true && $0.liveCount != 0
            })
        let byteCount = try #require(first.liveByteCount)
        #expect((3 * 100..<3 * 200).contains(byteCount))
    }

    @Test("the statistics count every record once")
    func statistics() throws {
        let (rig, live) = try rig()
        let disk = rig.disk.disk.afterKill()
        let statistics = try inspect(disk) { try $0.statistics() }
        let counts = Dictionary(
            uniqueKeysWithValues: statistics.records.map { ($0.name, $0.records.count) })
        let log = try inspect(disk) { inspection in
            var counts: [String: Int] = [:]
            for segment in try inspection.log.segments() where !segment.isCompacted {
                try inspection.log.examine(segment: segment.number) { item in
                    guard case .record(let lsn, _, _, let body) = item,
                        let record = try? EngineRecord(lsn: lsn, body: body)
                    else { return }
                    counts[record.typeName, default: 0] += 1
                }
            }
            return counts
        }
        #expect(counts == log)
        #expect(statistics.live?.count == live.count)
        #expect(statistics.damageCount == 0)
        #expect(statistics.usedPageCount > 0)
        #expect(statistics.pageFileByteCount > 0)
        let amplification = try #require(statistics.writeAmplification)
        #expect(amplification > 1 && amplification < 10)
        let ratio = try #require(statistics.liveRatio)
        #expect(ratio > 0 && ratio < 0.5)
        #expect(
            statistics.snapshots.filter { if case .whole = $0 { true } else { false } }.count == 2)
    }

    /// A store some of whose segments were compacted, and the jobs of it that are not done.
    static func compacted() throws -> (rig: StoreRig, live: [LSN]) {
        let rig = try StoreRig()
        var live: [LSN] = []
        for round in 0..<30 {
            live += try rig.enqueue("kept", count: 1, payloadByteCount: 100)
            try rig.enqueue("a", count: 60, payloadByteCount: 400)
            try rig.ack(try rig.lease("a", count: 64))
            if round % 8 == 7 { try rig.snapshot() }
        }
        for _ in 0..<4 { try rig.snapshot() }
        return (rig, live)
    }

    @Test("where segments were compacted, their jobs count once")
    func compactedSegments() throws {
        let (rig, live) = try Self.compacted()
        let disk = rig.disk.disk.afterKill()
        let uses = try inspect(disk) { try $0.segmentUses() }
        #expect(uses.segments.contains { $0.segment.isCompacted && ($0.liveCount ?? 0) > 0 })
        #expect(uses.segments.compactMap(\.liveCount).reduce(0, +) == live.count)
        // A birth of 100 bytes takes 141.
        #expect(uses.segments.compactMap(\.liveByteCount).reduce(0, +) == live.count * 141)
        let statistics = try inspect(disk) { try $0.statistics() }
        let births = try #require(statistics.records.first { $0.name == "ENQUEUE" })
        #expect(births.records.count >= live.count)
        #expect(statistics.live?.count == live.count)
        let found = try inspect(disk) { try $0.verify() }
        #expect(found.damages == [])
        var lsns: Set<LSN> = []
        try inspect(disk) { inspection in
            for segment in try inspection.orderedSegments() where segment.isCompacted {
                try IndexedRecords(of: segment, in: inspection.fileSystem)?.forEach {
                    lsn, _, body in
                    #expect(body != nil)
                    lsns.insert(lsn)
                }
            }
        }
        #expect(!lsns.isDisjoint(with: live))
    }

    @Test("what is restored is what a start would restore")
    func restores() throws {
        let (rig, _) = try rig()
        let before = rig.dump()
        let disk = rig.disk.disk.afterKill()
        let dump = try inspect(disk) { inspection in
            let store = try inspection.restore()
            #expect(store.snapshotNumber == 2)
            return store.engine.canonicalDump()
        }
        #expect(dump == before)
        #expect(try inspect(disk) { $0.number(ofQueue: "kept") } == 0)
        #expect(try inspect(disk) { $0.number(ofQueue: "nosuch") } == nil)
    }

    @Test("a whole store has no damage, with snapshots and without, killed and closed")
    func wholeStores() throws {
        let new = try StoreRig()
        try new.enqueue("a", count: 5)
        let (rig, live) = try rig()
        for (disk, jobs) in [
            (new.disk.disk.afterKill(), 5), (rig.disk.disk.afterKill(), live.count),
        ] {
            let found = try inspect(disk) { try $0.verify() }
            #expect(found.damages == [])
            #expect(found.jobCount == jobs)
            #expect(found.unknown == nil)
        }
    }

    @Test("without a readable snapshot the rest is shown, and why the figures are not known")
    func noSnapshot() throws {
        let (rig, _) = try rig()
        try rig.snapshot()
        var disk = rig.disk.disk.afterKill()
        for slot in 0..<3 where disk.contents("snap/\(slot)") != nil {
            disk.flipBit("snap/\(slot)", at: 30, bit: 1)
        }
        let uses = try inspect(disk) { try $0.segmentUses() }
        #expect(uses.segments.count >= 2)
        #expect(uses.segments.allSatisfy { $0.liveCount == nil && $0.birthCount != nil })
        #expect(uses.unknown != nil)
        let found = try inspect(disk) { try $0.verify() }
        let slots = found.damages.filter { if case .slot = $0 { true } else { false } }
        #expect(slots.count == 3)
        #expect(found.jobCount == nil)
        #expect(try inspect(disk) { try $0.statistics() }.unknown != nil)
    }

    @Test("a damaged page is named by its number, file and offset", arguments: 0..<24)
    func damagedPage(position: Int) throws {
        let (rig, _) = try rig()
        var disk = rig.disk.disk.afterKill()
        let whole = try inspect(disk) { try $0.verify() }
        // Pages of the newest snapshot, one of them for each test.
        var written: [(path: String, offset: Int)] = []
        for path in disk.files where path.hasPrefix("pages/") {
            let bytes = disk.contents(path) ?? []
            for offset in stride(from: 0, to: bytes.count, by: 4_096)
            where bytes[offset..<offset + 4].elementsEqual([0x48, 0x50, 0x47, 0x45]) {
                written.append((path, offset))
            }
        }
        #expect(whole.pages.wholeCount <= written.count)
        let (path, offset) = written[position * written.count / 24]
        disk.flipBit(path, at: offset + 41 + position * 100, bit: position % 8)
        let found = try inspect(disk) { try $0.verify() }
        let isUsed = found.pages.damagedCount > 0
        #expect(found.pages.wholeCount == whole.pages.wholeCount - (isUsed ? 1 : 0))
        if isUsed {
            let damage = try #require(found.damages.first)
            #expect(damage.path == path)
            #expect(damage.extent == offset..<offset + 4_096)
        } else {
            #expect(found.damages == [], "no snapshot has this page")
        }
    }

    @Test("a damaged slot is named; the other snapshot serves")
    func damagedSlot() throws {
        let (rig, live) = try rig()
        for slot in 0..<2 {
            var disk = rig.disk.disk.afterKill()
            disk.flipBit("snap/\(slot)", at: 5_000, bit: 3)
            let found = try inspect(disk) { try $0.verify() }
            #expect(found.damages.map(\.path) == ["snap/\(slot)"])
            #expect(found.jobCount == live.count)
        }
    }

    @Test("a segment that the snapshot lists and that is gone is named")
    func missingSegment() throws {
        let (rig, live) = try rig()
        try rig.snapshot()
        var disk = rig.disk.disk.afterKill()
        let path = try inspect(disk) { inspection in
            try #require(
                try inspection.segmentUses().segments.first {
                    $0.segment.lsns?.contains(live[0]) == true && $0.liveCount != 0
                }
            ).segment.path
        }
        disk.delete(path)
        let found = try inspect(disk) { try $0.verify() }
        #expect(found.damages.contains { $0.path == path })
        #expect(found.unknown != nil)
        // The rest can still be looked at.
        #expect(try inspect(disk) { try $0.segmentUses() }.segments.count >= 1)
    }

    @Test("a page of an earlier writing in the place of a later one is named, checksum and all")
    func stalePage() throws {
        let rig = try StoreRig()
        try rig.enqueue("a", count: 200)
        try rig.snapshot()
        try rig.ack(try rig.lease("a", count: 40))
        try rig.snapshot()
        let old = rig.disk.disk.afterKill()
        for _ in 0..<3 {
            try rig.ack(try rig.lease("a", count: 40))
            try rig.snapshot()
        }
        let new = rig.disk.disk.afterKill()
        var stale = 0
        for path in new.files where path.hasPrefix("pages/") {
            let before = old.contents(path) ?? [], after = new.contents(path) ?? []
            for offset in stride(from: 0, to: min(before.count, after.count), by: 4_096) {
                let page = Array(before[offset..<offset + 4_096])
                guard page != Array(after[offset..<offset + 4_096]),
                    page[..<4].elementsEqual([0x48, 0x50, 0x47, 0x45])
                else { continue }
                var disk = new
                disk.corrupt(path, at: offset, with: page)
                let found = try inspect(disk) { try $0.verify() }
                // Of a page that only the older snapshot has nobody can know without restoring that.
                if found.damages.isEmpty { continue }
                stale += 1
                #expect(found.damages.first?.path == path)
                #expect(found.damages.first?.extent == offset..<offset + 4_096)
            }
        }
        #expect(stale > 0)
    }
}
