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
}
