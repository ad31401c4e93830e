import HoldfastDisk
import HoldfastRecords
import HoldfastSimulation
import HoldfastWAL
import Testing

/// What is left of segments, written anew.
@Suite struct CompactionTests {
    /// One in five of a segment's indexed records.
    static func survivors(_ segment: SegmentSummary) -> [LSN] {
        (segment.firstLSN..<segment.nextLSN).filter { TestStore.isIndexed($0) && $0 % 5 == 0 }
    }

    static func store(commits: Int = 22) throws -> TestStore {
        var store = try TestStore()
        for _ in 1...commits { try store.append(records: 3) }
        return store
    }

    /// What reading does not give as it should: `wanted` and all from `first` on, and nothing else.
    static func faults(_ store: TestStore, wanted: [LSN], from first: LSN) throws -> [String] {
        var faults: [String] = []
        try store.log.read(Array(1..<store.nextLSN)) { lsn, body in
            let isThere = wanted.contains(lsn) || lsn >= first && TestStore.isIndexed(lsn)
            let isRight = body.map { isThere && TestStore.isBody(lsn, $0) } ?? !isThere
            if !isRight { faults.append("\(lsn)") }
        }
        return faults
    }

    @Test("survivors keep their LSNs; a snapshot that lists the compacted one needs no other")
    func compact() throws {
        let store = try Self.store()
        let group = Array(store.log.sealedSegments.prefix(3))
        let wanted = group.flatMap(Self.survivors)
        let compacted = try store.log.compact(group, survivors: Self.survivors)
        #expect(compacted.isCompacted)
        #expect(compacted.number == 3)
        #expect(compacted.firstLSN == 1 && compacted.nextLSN == 37)
        #expect(compacted.byteCount == 8192)
        #expect(store.log.sealedSegments.count == 6)
        #expect(store.log.sealedSegments[3] == compacted)
        #expect(try Self.faults(store, wanted: wanted, from: 37) == [])

        var origin = store.origin()
        // As long as nothing lists it, it is in nobody's way.
        let without = try TestStore(
            SimulatedFileSystem(store.fileSystem.disk.afterKill()),
            from: LogOrigin(
                lastLSN: 66, frameTime: 0,
                segments: origin.segments.filter { !$0.isCompacted }))
        #expect(!without.fileSystem.disk.files.contains { $0.hasSuffix(".cmp") })
        #expect(try without.readFaults() == [])

        origin.segments.removeAll { group.contains($0) }
        let again = try TestStore(
            SimulatedFileSystem(store.fileSystem.disk.afterKill()), from: origin)
        #expect(again.log.sealedSegments.first == compacted)
        #expect(!again.fileSystem.disk.files.contains(DirectoryLayout.segment(1)))
        #expect(try Self.faults(again, wanted: wanted, from: 37) == [])
        let disk = again.fileSystem.disk.afterKill()
        #expect(try TestStore.damages(disk, from: origin) == [])
        let inspection = LogInspection(SimulatedFileSystem(disk), from: origin)
        let listed = try #require(try inspection.segments().last)
        #expect(listed.state == .compacted)
        #expect(listed.lsns == 1...36)
        // Released in the running log, the others are gone as well, and then it is.
        try store.log.release(group)
        #expect(try Self.faults(store, wanted: wanted, from: 37) == [])
        try store.log.release([compacted])
        #expect(!store.fileSystem.disk.files.contains { $0.hasSuffix(".cmp") })
        #expect(try Self.faults(store, wanted: [], from: 37) == [])
    }

    @Test("a compacted one is compacted again, alone and with others")
    func again() throws {
        let store = try Self.store()
        let sealed = store.log.sealedSegments
        let first = try store.log.compact(Array(sealed[0...1]), survivors: Self.survivors)
        let second = try store.log.compact(Array(sealed[2...3]), survivors: Self.survivors)
        try store.log.release(Array(sealed[0...3]))
        let fewer = { (segment: SegmentSummary) in
            Self.survivors(segment).filter { $0 % 10 == 0 }
        }
        let both = try store.log.compact([second, first], survivors: fewer)
        #expect(both.number == 4 && both.salt != second.salt)
        let alone = try store.log.compact([both], survivors: fewer)
        #expect(alone.number == 4)
        let wanted = fewer(alone)
        #expect(try Self.faults(store, wanted: wanted, from: 49) == [])
        try store.log.release([first, second, both])
        #expect(try Self.faults(store, wanted: wanted, from: 49) == [])
        let origin = store.origin()
        let again = try TestStore(
            SimulatedFileSystem(store.fileSystem.disk.afterKill()), from: origin)
        #expect(try Self.faults(again, wanted: wanted, from: 49) == [])
        // None is left, which is possible if nobody asked.
        let empty = try again.log.compact([alone], survivors: { _ in [] })
        #expect(try Self.faults(again, wanted: [], from: 49) == [])
        #expect(empty.byteCount == 4096)
    }

    @Test("segments larger than a piece")
    func large() throws {
        var store = try TestStore(segmentByteCount: 4 << 20)
        for _ in 1...40 { try store.append(records: 20, byteCount: 15_000) }
        let group = Array(store.log.sealedSegments.prefix(2))
        let wanted = group.flatMap { segment in
            (segment.firstLSN..<segment.nextLSN).filter(TestStore.isIndexed)
        }
        let compacted = try store.log.compact(group) { segment in
            wanted.filter { $0 >= segment.firstLSN && $0 < segment.nextLSN }
        }
        #expect(compacted.byteCount > 3 << 20)
        #expect(try Self.faults(store, wanted: wanted, from: group[1].nextLSN) == [])
        let disk = store.fileSystem.disk.afterPowerLoss(CrashChoices())
        #expect(try TestStore.damages(disk) == [])
        #expect(try TestStore.damages(disk, from: store.origin()) == [])
    }

    @Test("F6, S13: every byte of a compacted segment: found, and no other record is lost")
    func everyByte() throws {
        let store = try Self.store()
        let group = Array(store.log.sealedSegments.prefix(3))
        let wanted = group.flatMap(Self.survivors)
        let compacted = try store.log.compact(group, survivors: Self.survivors)
        var origin = store.origin()
        origin.segments.removeAll { group.contains($0) }
        let disk = try TestStore(
            SimulatedFileSystem(store.fileSystem.disk.afterKill()), from: origin
        ).fileSystem.disk.afterKill()
        let path = try #require(disk.files.first { $0.hasSuffix(".cmp") })
        for offset in 0..<compacted.byteCount {
            var damaged = disk
            damaged.flipBit(path, at: offset, bit: offset % 8)
            let found = try TestStore.damages(damaged, from: origin).filter { $0.path == path }
            let isNamed = found.contains {
                $0.offset <= offset && offset < $0.offset + $0.byteCount
            }
            #expect(isNamed, "byte \(offset): \(found)")
            if !isNamed { return }
            let isRecord = offset >= 4096 && offset < compacted.end
            // The zeros say nothing that could be lost.
            if !isRecord, offset > 200, offset < 4096 || offset > compacted.end + 400 { continue }
            let again = try TestStore(SimulatedFileSystem(damaged), from: origin)
            let faults = try Self.faults(again, wanted: wanted, from: 37)
            #expect(faults.count == (isRecord ? 1 : 0), "byte \(offset): \(faults)")
        }
    }

    @Test("I11: a compacted segment that is missing or another one is damage")
    func missing() throws {
        let store = try Self.store()
        let group = Array(store.log.sealedSegments.prefix(3))
        let compacted = try store.log.compact(group, survivors: Self.survivors)
        let origin = store.origin()
        var disk = store.fileSystem.disk.afterKill()
        let path = try #require(disk.files.first { $0.hasSuffix(".cmp") })
        let bytes = disk.contents(path)!
        disk.truncate(path, to: 4096)
        #expect(try TailRuleTests.damage(disk, from: origin)?.kind == .otherSegment)
        disk.delete(path)
        let damage = try #require(try TailRuleTests.damage(disk, from: origin))
        #expect(damage.kind == .missingSegment)
        #expect(damage.path == path)
        #expect(damage.segmentNumber == compacted.number)
        // What only the older snapshot lists may be gone, and stays if it is not.
        var newer = LogOrigin(
            lastLSN: origin.lastLSN, frameTime: origin.frameTime,
            segments: origin.segments.filter { !$0.isCompacted }, olderLastLSN: 40,
            olderSegments: [compacted])
        #expect(try TestStore(SimulatedFileSystem(disk), from: newer).replayed.faults == [])
        disk.place(path, bytes)
        let kept = try TestStore(SimulatedFileSystem(disk), from: newer)
        #expect(kept.fileSystem.disk.files.contains(path))
        newer.olderSegments = []
        let gone = try TestStore(SimulatedFileSystem(disk), from: newer)
        #expect(!gone.fileSystem.disk.files.contains(path))
    }

    @Test("nothing changes where a wanted record is damaged, or where there is no room")
    func refused() throws {
        let store = try Self.store()
        let group = Array(store.log.sealedSegments.prefix(3))
        let wanted = group.flatMap(Self.survivors)
        let whole = store.fileSystem.disk
        let body = TestStore.body(wanted[3])
        var disk = whole
        let path = DirectoryLayout.segment(group.first { $0.nextLSN > wanted[3] }!.number)
        let offset = disk.contents(path)!.indices.first {
            disk.contents(path)![$0...].starts(with: body)
        }
        disk.flipBit(path, at: try #require(offset), bit: 0)
        store.fileSystem.disk = disk
        #expect(throws: LogError.self) {
            try store.log.compact(group, survivors: Self.survivors)
        }
        store.fileSystem.disk = whole
        let files = whole.files.filter { !$0.hasSuffix(".idx") }
        #expect(store.fileSystem.disk.files.filter { !$0.hasSuffix(".idx") } == files)
        store.fileSystem.capacityByteCount = store.fileSystem.disk.allocatedByteCount
        do {
            _ = try store.log.compact(group, survivors: Self.survivors)
            Issue.record("there was room")
        } catch {
            guard case .full = error else {
                Issue.record("\(error)")
                return
            }
        }
        store.fileSystem.capacityByteCount = nil
        #expect(!store.fileSystem.disk.files.contains { $0.hasSuffix(".cmp") })
        #expect(try store.readFaults() == [])
        _ = try store.log.compact(group, survivors: Self.survivors)
        #expect(try Self.faults(store, wanted: wanted, from: 37) == [])
    }
}
