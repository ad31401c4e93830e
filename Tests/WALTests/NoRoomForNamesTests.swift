import HoldfastDisk
import HoldfastRecords
import HoldfastSimulation
import HoldfastWAL
import Testing

/// F9: a volume that has no room for another name in a directory.
@Suite struct NoRoomForNamesTests {
    private static func store() throws -> TestStore {
        var store = try TestStore()
        for _ in 1...16 { try store.append(records: 3) }
        return store
    }

    private static func noRoom(for ending: String) -> SimulatedFault {
        SimulatedFault(
            [.rename], pathPart: ending, code: DiskError.noSpace, isPersistent: true)
    }

    @Test("F9: records are read from a segment whose sidecar gets no name")
    func sidecars() throws {
        var disk = try Self.store().fileSystem.disk.afterKill()
        for path in disk.files where path.hasSuffix(".idx") { disk.delete(path) }
        let again = try TestStore(SimulatedFileSystem(disk), seed: 3)
        again.fileSystem.fail(Self.noRoom(for: ".idx"))
        #expect(try again.readFaults() == [])
        #expect(again.fileSystem.hits.count > 0)
        #expect(!again.fileSystem.disk.files.contains { $0.contains(".idx") })
    }

    @Test("F9: a compacted segment that gets no name leaves nothing behind, and can be made later")
    func compaction() throws {
        let store = try Self.store()
        let group = Array(store.log.sealedSegments.prefix(2))
        let before = store.fileSystem.disk.files
        func compact() throws -> SegmentSummary {
            try store.log.compact(group) { segment in
                (segment.firstLSN..<segment.nextLSN).filter(TestStore.isIndexed)
            }
        }
        store.fileSystem.fail(Self.noRoom(for: ".cmp"))
        do {
            _ = try compact()
            Issue.record("there was room")
        } catch let error as LogError {
            #expect(!error.isFatal)
        }
        // Sidecars of what was read may have come.
        #expect(
            store.fileSystem.disk.files.filter { !$0.hasSuffix(".idx") }
                == before.filter { !$0.hasSuffix(".idx") })
        store.fileSystem.clearFaults()
        #expect(try compact().isCompacted)
        #expect(try store.readFaults() == [])
    }

    // MARK: The log's own names

    /// No new file, no block, and no directory that could grow.
    private static func fill(_ fileSystem: SimulatedFileSystem) {
        TestStore.refuseFiles(fileSystem)
        fileSystem.nameByteCountMax = fileSystem.disk.nameByteCounts
    }

    private static func prepared() throws -> TestStore {
        var store = try TestStore()
        while try store.log.prepareSpareSegments() {}
        for _ in 1...12 { try store.append(records: 3) }
        while try store.log.prepareSpareSegments() {}
        return store
    }

    /// There is room again: the batch that was refused is appended, and the reserve becomes whole.
    private static func goOn(_ store: inout TestStore, nameCount: Int) throws {
        store.fileSystem.clearFaults()
        try store.log.append(store.batch)
        store.nextLSN = store.batch.nextLSN
        store.log.retryRefused()
        while try store.log.prepareSpareSegments() {}
        #expect(store.log.reserve.isWhole)
        #expect(store.log.reserve.nameCount == nameCount)
    }

    @Test("F9: every file of the reserve finds room for its name in the log")
    func everyFile() throws {
        var store = try Self.prepared()
        let first = store.log.status.activeNumber
        Self.fill(store.fileSystem)
        #expect(throws: LogError.self) {
            while true { try store.append(records: 4) }
        }
        #expect(store.log.reserve.fileCount == 0)
        #expect(store.log.status.activeNumber == first + UInt64(LogReserve.fileCountDefault))
        #expect(try store.readFaults() == [])
    }

    @Test("F9: a start finds room for the name of its segment, as often as there are files")
    func starts() throws {
        var store = try Self.prepared()
        let byteCountMax = store.fileSystem.disk.nameByteCounts
        for start in 1...LogReserve.fileCountDefault {
            let fileSystem = SimulatedFileSystem(store.fileSystem.disk.afterKill())
            TestStore.refuseFiles(fileSystem)
            fileSystem.nameByteCountMax = byteCountMax
            let lastLSN = store.nextLSN - 1
            store = try TestStore(fileSystem, seed: UInt64(start))
            #expect(store.replayed.lastLSN == lastLSN)
            try store.append(records: 1)
            #expect(try store.readFaults() == [])
        }
    }

    @Test("L5: segments that are released and taken again find room for their names, for ever")
    func forEver() throws {
        var store = try Self.prepared()
        Self.fill(store.fileSystem)
        for _ in 1...100 {
            for _ in 1...5 { try store.append(records: 3) }
            try store.log.release(store.log.sealedSegments.map(\.number))
            while try store.log.prepareSpareSegments(isRoomy: false) {}
            #expect(store.log.reserve.fileCount >= LogReserve.fileCountDefault - 1)
        }
    }

    @Test("F9: names that are missing are part of a reserve that is not whole, and made again")
    func madeAgain() throws {
        var store = try Self.prepared()
        #expect(store.log.reserve.isWhole)
        let kept = store.log.reserve.nameCount
        Self.fill(store.fileSystem)
        let active = store.log.status.activeNumber
        while store.log.status.activeNumber == active { try store.append(records: 3) }
        #expect(store.log.reserve.nameCount < kept)
        while try store.log.prepareSpareSegments(isRoomy: false) {}
        #expect(store.log.reserve.isRefused && !store.log.reserve.isWhole)
        // Not asked again before somebody has looked at the volume.
        let hitCount = store.fileSystem.hits.count
        _ = try store.log.prepareSpareSegments(isRoomy: false)
        #expect(store.fileSystem.hits.count == hitCount)
        store.fileSystem.clearFaults()
        store.log.retryRefused()
        while try store.log.prepareSpareSegments() {}
        #expect(store.log.reserve.isWhole && !store.log.reserve.isRefused)
        #expect(store.log.reserve.nameCount == kept)
        #expect(try TestStore.damages(store.fileSystem.disk.afterKill()) == [])
    }

    @Test("F9: names that somebody has deleted are not missed, and are made again")
    func deleted() throws {
        var store = try Self.prepared()
        for path in store.fileSystem.disk.files
        where store.fileSystem.disk.contents(path)?.isEmpty ?? true && path != "LOCK" {
            store.fileSystem.disk.delete(path)
        }
        let kept = store.log.reserve.nameCount
        Self.fill(store.fileSystem)
        let active = store.log.status.activeNumber
        // There is no room, then; and that is all.
        #expect(throws: LogError.self) {
            while store.log.status.activeNumber == active { try store.append(records: 3) }
        }
        try Self.goOn(&store, nameCount: kept)
        #expect(try store.readFaults() == [])
    }

    @Test("F9: where there is no room even for removing a kept name, the log waits")
    func removing() throws {
        var store = try Self.prepared()
        let kept = store.log.reserve.nameCount
        Self.fill(store.fileSystem)
        store.fileSystem.fail(
            SimulatedFault([.remove], code: DiskError.noSpace, isPersistent: true))
        let active = store.log.status.activeNumber
        do {
            while store.log.status.activeNumber == active { try store.append(records: 3) }
            Issue.record("there was room")
        } catch let error as LogError {
            #expect(!error.isFatal)
        }
        try Self.goOn(&store, nameCount: kept)
    }

    @Test("names that are kept are no part of the log: without them it is the same")
    func noPart() throws {
        let store = try Self.prepared()
        var disk = store.fileSystem.disk.afterKill()
        let kept = disk.files.filter { disk.contents($0)?.isEmpty ?? true && $0 != "LOCK" }
        #expect(kept.count == store.log.reserve.nameCount)
        for path in kept { disk.delete(path) }
        #expect(try TestStore.damages(disk) == [])
        let again = try TestStore(SimulatedFileSystem(disk), seed: 5)
        #expect(again.nextLSN == store.nextLSN)
        while try again.log.prepareSpareSegments() {}
        #expect(again.log.reserve.nameCount == store.log.reserve.nameCount)
    }
}
