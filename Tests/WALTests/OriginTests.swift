import HoldfastDisk
import HoldfastRecords
import HoldfastSimulation
import HoldfastWAL
import Testing

/// Opening from what a snapshot knows.
@Suite struct OriginTests {
    /// A store of 16 commits of three records each, four to a segment, and an origin behind each of
    /// them.
    static func store(
        closing: Bool = false
    ) throws -> (store: TestStore, origins: [LogOrigin]) {
        var store = try TestStore()
        var origins: [LogOrigin] = []
        for _ in 1...16 {
            try store.append(records: 3)
            origins.append(store.origin())
        }
        if closing { try store.log.close() }
        return (store, origins)
    }

    @Test(
        "only what lies behind the origin is replayed, wherever that is", arguments: [false, true])
    func everyOrigin(isReleasing: Bool) throws {
        let (store, origins) = try Self.store()
        for origin in origins {
            var origin = origin
            let fileSystem = SimulatedFileSystem(store.fileSystem.disk.afterKill())
            if isReleasing {
                origin.segments = []
                let running = try TestStore(fileSystem, from: origin)
                let known = running.log.sealedSegments.filter { $0.nextLSN <= origin.lastLSN + 1 }
                try running.log.release(known.map(\.number))
                #expect(running.log.sealedSegments.allSatisfy { $0.nextLSN > origin.lastLSN + 1 })
            }
            var again = try TestStore(
                SimulatedFileSystem(fileSystem.disk.afterKill()), from: origin)
            #expect(again.replayed.faults == [], "\(origin)")
            #expect(again.replayed.lastLSN == 48)
            #expect(again.log.firstNextLSN == 49)
            #expect(again.log.recovery.recordCount == Int(48 - origin.lastLSN))
            let first = min(
                again.log.sealedSegments.first?.firstLSN ?? 49, origin.lastLSN + 1)
            #expect(try again.readFaults(from: first) == [], "\(origin), from \(first)")
            if !isReleasing { #expect(first == 1 || origin.segments.isEmpty) }
            try again.append(records: 2)
            #expect(try again.readFaults(from: first) == [])
            #expect(
                try TestStore.damages(again.fileSystem.disk.afterKill(), from: origin) == [])
        }
    }

    @Test("opening takes the same calls whatever lies before the origin")
    func costs() throws {
        let (store, origins) = try Self.store()
        let disk = store.fileSystem.disk.afterKill()
        let fileSystem = SimulatedFileSystem(disk)
        let again = try TestStore(fileSystem, from: origins[14])
        #expect(again.log.recovery.frameCount <= 4)
        #expect(again.log.recovery.byteCount < 2 * TestStore.segmentByteCount)
        // Headers and STARTs only: the windows begin in the first block.
        let reads = fileSystem.calls.filter {
            $0.call == .read && $0.path == DirectoryLayout.segment(1)
        }
        #expect(reads.allSatisfy { $0.offset <= 4096 || $0.offset == 28 * 1024 })
    }

    @Test("`begin` is told the epoch once, before the first record and before any change")
    func begin() throws {
        let (store, origins) = try Self.store()
        let fileSystem = SimulatedFileSystem(store.fileSystem.disk.afterKill())
        let directory = try DataDirectory.open(fileSystem)
        let before = fileSystem.disk.files.map { fileSystem.disk.contents($0) }
        var heard: [UInt32] = []
        var isEarly = false
        let log = try WriteAheadLog.open(
            directory, start: TestStore.start(), from: origins[9],
            begin: { epoch in
                heard.append(epoch)
                #expect(fileSystem.disk.files.map { fileSystem.disk.contents($0) } == before)
            },
            replay: { _, _, _ in isEarly = isEarly || heard.isEmpty })
        #expect(heard == [2])
        #expect(log.recovery.epoch == 2)
        #expect(!isEarly)
        struct Refusal: Error {}
        let next = SimulatedFileSystem(fileSystem.disk.afterKill())
        let again = try DataDirectory.open(next)
        #expect(throws: LogError.self) {
            _ = try WriteAheadLog.open(
                again, start: TestStore.start(), begin: { _ in throw Refusal() },
                replay: { _, _, _ in })
        }
    }

    @Test("I11: a listed segment that is missing or another one is damage")
    func listed() throws {
        let (store, origins) = try Self.store()
        let disk = store.fileSystem.disk.afterKill()
        let origin = try #require(origins.last { $0.segments.count == 3 })
        var missing = disk
        missing.delete(DirectoryLayout.segment(2))
        let damage = try #require(try TailRuleTests.damage(missing, from: origin))
        #expect(damage.kind == .missingSegment)
        #expect(damage.segmentNumber == 2)
        #expect(damage.lsns == 13...24)
        for change in 0..<4 {
            var other = origin
            let it = origin.segments[1]
            other.segments[1] = SegmentSummary(
                number: it.number, salt: it.salt ^ (change == 0 ? 1 : 0),
                firstLSN: it.firstLSN + (change == 1 ? 1 : 0),
                nextLSN: it.nextLSN + (change == 2 ? 1 : 0), end: it.end,
                byteCount: it.byteCount * (change == 3 ? 2 : 1))
            let found = try TailRuleTests.damage(disk, from: other, isVerified: change != 2)
            // A last LSN that nothing but the snapshot speaks of cannot be checked.
            #expect(found?.kind == (change == 2 ? nil : .otherSegment), "\(change)")
        }
        // Behind the origin both speak of it.
        let early = LogOrigin(
            lastLSN: 3, frameTime: 0, segments: [origin.segments[1]])
        #expect(try TailRuleTests.damage(disk, from: early) == nil)
        let it = origin.segments[1]
        let wrong = SegmentSummary(
            number: it.number, salt: it.salt, firstLSN: it.firstLSN, nextLSN: it.nextLSN - 1,
            end: it.end, byteCount: it.byteCount)
        #expect(
            try TailRuleTests.damage(
                disk, from: LogOrigin(lastLSN: 3, frameTime: 0, segments: [wrong]),
                isVerified: false)?.kind == .otherSegment)
    }

    @Test("S13, F30: an old log under a newer snapshot is refused, with what each ends with")
    func olderThanSnapshot() throws {
        for isClosed in [false, true] {
            var store = try TestStore()
            var disks: [(disk: SimulatedDisk, lastLSN: LSN)] = []
            for _ in 1...9 {
                try store.append(records: 3)
                var older = store
                if isClosed {
                    older = try TestStore(
                        SimulatedFileSystem(store.fileSystem.disk.afterKill()))
                    try older.log.close()
                }
                disks.append((older.fileSystem.disk.afterKill(), store.nextLSN - 1))
            }
            try store.append(records: 3)
            let origin = store.origin()
            for (disk, lastLSN) in disks {
                let fileSystem = SimulatedFileSystem(disk)
                let directory = try DataDirectory.open(fileSystem)
                let before = fileSystem.disk.files.map { fileSystem.disk.contents($0) }
                var error: LogError?
                do throws(LogError) {
                    _ = try WriteAheadLog.open(
                        directory, start: TestStore.start(), from: origin, replay: { _, _, _ in })
                } catch let thrown {
                    error = thrown
                }
                guard case .olderThanSnapshot(lastLSN, 30)? = error else {
                    Issue.record("\(lastLSN): \(String(describing: error))")
                    continue
                }
                #expect("\(error!)".contains("record \(lastLSN)"))
                #expect(fileSystem.disk.files.map { fileSystem.disk.contents($0) } == before)
            }
        }
        // Not one segment is left.
        let empty = SimulatedFileSystem()
        let directory = try DataDirectory.open(empty)
        #expect(throws: LogError.self) {
            _ = try WriteAheadLog.open(
                directory, start: TestStore.start(),
                from: LogOrigin(lastLSN: 5, frameTime: 0, segments: []), replay: { _, _, _ in })
        }
    }

    @Test("a log whose beginning was released is refused where there is no snapshot")
    func snapshotMissing() throws {
        let (store, origins) = try Self.store()
        try store.log.release([1, 2])
        let disk = store.fileSystem.disk.afterKill()
        do throws(LogError) {
            _ = try WriteAheadLog.open(
                try! DataDirectory.open(SimulatedFileSystem(disk)), start: TestStore.start(),
                replay: { _, _, _ in })
            Issue.record("opened")
        } catch {
            guard case .snapshotMissing(firstLSN: 25) = error else {
                Issue.record("\(error)")
                return
            }
            #expect("\(error)".contains("brokerctl segment rebuild"))
        }
        // Nor with one that does not reach so far.
        var early = origins[4]
        early.segments = []
        #expect(try TailRuleTests.damage(disk, from: early)?.lsns == 16...24)
        #expect(try TestStore.damages(disk).map(\.kind) == [.missingSegment])
        var origin = origins[8]
        origin.segments.removeAll { $0.number < 3 }
        #expect(try TestStore.damages(disk, from: origin) == [])
    }

    @Test("I4: what the older snapshot needs stays, though the newest one does not need it")
    func older() throws {
        let (store, origins) = try Self.store()
        for (position, older) in origins.enumerated() {
            var newest = origins[15]
            newest.segments = []
            newest.olderLastLSN = older.lastLSN
            newest.olderSegments = older.segments
            let disk = try TestStore(
                SimulatedFileSystem(store.fileSystem.disk.afterKill()), from: newest
            ).fileSystem.disk.afterKill()
            #expect(try TestStore.damages(disk, from: newest) == [])
            let again = try TestStore(SimulatedFileSystem(disk), from: older)
            #expect(again.replayed.faults == [], "\(position)")
            #expect(again.replayed.lastLSN == 48)
            #expect(try ReleaseTests.readFaults(again, older) == [], "\(position)")
        }
    }

    @Test("sidecars without a segment, and drafts of them, are removed")
    func orphans() throws {
        let (store, _) = try Self.store()
        while try store.log.prepareSpareSegments() {}
        var disk = store.fileSystem.disk.afterKill()
        let sidecars = disk.files.filter { $0.hasSuffix(".idx") }
        disk.place(DirectoryLayout.sidecar(77), [1, 2, 3])
        disk.place(DirectoryLayout.sidecar(2) + ".new", [1, 2, 3])
        let again = try TestStore(SimulatedFileSystem(disk))
        let left = again.fileSystem.disk.files.filter { $0.contains(".idx") }
        #expect(left == sidecars)
        #expect(!sidecars.isEmpty)
    }

    @Test("the broker's time goes on in the middle of a log")
    func time() throws {
        let (store, origins) = try Self.store()
        let last = origins.last!
        let again = try TestStore(
            SimulatedFileSystem(store.fileSystem.disk.afterKill()),
            start: TestStore.start(boot: 0), from: last)
        #expect(again.replayed.lastLSN == last.lastLSN)
        #expect(again.log.recovery.timeBaseMilliseconds == last.frameTime)
        #expect(again.log.recovery.lastFrameTime == last.frameTime)
        // The snapshot may have seen more of it than the log.
        var later = last
        later.frameTime += 1_000
        let behind = try TestStore(
            SimulatedFileSystem(store.fileSystem.disk.afterKill()),
            start: TestStore.start(boot: 0), from: later)
        #expect(behind.log.recovery.timeBaseMilliseconds == later.frameTime)
    }

    @Test("the tools know what is listed, what was released, and what is left over")
    func inspection() throws {
        let (store, _) = try Self.store()
        var origin = store.origin()
        let all = origin.segments
        try store.log.release([2])
        origin.segments.removeAll { $0.number != 1 }
        let disk = store.fileSystem.disk.afterKill()
        let inspection = LogInspection(SimulatedFileSystem(disk), from: origin)
        let segments = try inspection.segments()
        #expect(segments.map(\.number) == [1, 3, 4])
        #expect(segments.map(\.state) == [.sealed, .superfluous, .last])
        #expect(segments[0].usedByteCount == all[0].end)
        #expect(segments[0].lsns == 1...12)
        #expect(try TestStore.damages(disk, from: origin) == [])
        var damaged = disk
        damaged.flipBit(DirectoryLayout.segment(1), at: 8200, bit: 1)
        #expect(try TestStore.damages(damaged, from: origin).map(\.segmentNumber) == [1])
        // A log that ends before the snapshot does.
        origin.lastLSN += 4
        let older = try #require(try TestStore.damages(disk, from: origin).first)
        #expect(older.lsns == 49...52)
    }

    @Test("what a crash has torn is no damage in a segment that is left over, its successor gone")
    func tornLeftover() throws {
        var crashed = try TestStore()
        for _ in 1...3 { try crashed.append(records: 3) }
        var disk = crashed.fileSystem.disk.afterKill()
        disk.flipBit(DirectoryLayout.segment(1), at: 16_384 + 50, bit: 2)
        var store = try TestStore(SimulatedFileSystem(disk), seed: 2)
        #expect(store.replayed.lastLSN == 6)
        while store.log.sealedSegments.last?.number != 2 { try store.append(records: 3) }
        var origin = store.origin()
        origin.segments = []
        disk = store.fileSystem.disk.afterKill()
        #expect(try TestStore.damages(disk, from: origin) == [])
        // The one behind it has been used again already.
        disk.delete(DirectoryLayout.segment(2))
        disk.delete(DirectoryLayout.sidecar(2))
        #expect(try TestStore.damages(disk, from: origin) == [])
        let again = try TestStore(SimulatedFileSystem(disk), seed: 3, from: origin)
        #expect(again.replayed.lastLSN == origin.lastLSN)
    }
}
