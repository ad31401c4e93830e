import HoldfastDisk
import HoldfastRecords
import HoldfastSimulation
import HoldfastWAL
import Testing

@Suite struct WriteAheadLogTests {
    @Test("what was appended is replayed in order after the next open, over many segments")
    func roundTrip() throws {
        var store = try TestStore()
        for count in 1...40 { try store.append(records: count % 7 + 1) }
        let last = store.nextLSN - 1
        #expect(store.log.status.segmentCount > 3)
        #expect(store.log.durableLSN == last)
        let again = try TestStore(SimulatedFileSystem(store.fileSystem.disk.afterKill()))
        #expect(again.replayed.faults == [])
        #expect(again.replayed.lastLSN == last)
        #expect(again.log.firstNextLSN == last + 1)
        #expect(again.log.recovery.lastLSN == last)
        #expect(again.log.recovery.inDoubtRecordCount == 5 + 1)
        #expect(again.log.recovery.epoch == 2)
        #expect(!again.log.recovery.wasClosed)
    }

    @Test("a log that was closed has nothing in doubt")
    func close() throws {
        var store = try TestStore()
        try store.append(records: 3)
        try store.log.close()
        #expect(throws: LogError.self) { try store.append(records: 1) }
        let again = try TestStore(SimulatedFileSystem(store.fileSystem.disk.afterKill()))
        #expect(again.log.recovery.wasClosed)
        #expect(again.log.recovery.inDoubtRecordCount == 0)
        #expect(again.log.recovery.cutByteCount == 0)
        #expect(again.replayed.lastLSN == 3)
    }

    @Test("records are read by LSN: active, sealed, reopened, with and without sidecars")
    func reads() throws {
        var store = try TestStore(segmentByteCount: 64 * 1024)
        for count in 1...60 {
            try store.append(records: count % 5 + 1, byteCount: count % 9 == 0 ? 3_000 : nil)
        }
        #expect(try store.readFaults() == [])
        while try store.log.prepareSpareSegments() {}
        #expect(store.fileSystem.disk.files.contains { $0.hasSuffix(".idx") })
        #expect(try store.readFaults() == [])

        var disk = store.fileSystem.disk.afterKill()
        let again = try TestStore(SimulatedFileSystem(disk))
        #expect(try again.readFaults() == [])

        for path in disk.files where path.hasSuffix(".idx") { disk.delete(path) }
        let without = try TestStore(SimulatedFileSystem(disk))
        #expect(try without.readFaults() == [])
        // They were made again.
        #expect(without.fileSystem.disk.files.contains { $0.hasSuffix(".idx") })
    }

    @Test("F6: a damaged sidecar loses nothing, whichever bit it is")
    func damagedSidecar() throws {
        var store = try TestStore()
        for _ in 1...9 { try store.append(records: 4) }
        while try store.log.prepareSpareSegments() {}
        let disk = store.fileSystem.disk.afterKill()
        let path = try #require(disk.files.first { $0.hasSuffix(".idx") })
        let byteCount = disk.contents(path)!.count
        for offset in 0..<byteCount {
            var damaged = disk
            damaged.flipBit(path, at: offset, bit: offset % 8)
            let again = try TestStore(SimulatedFileSystem(damaged))
            #expect(try again.readFaults() == [], "sidecar byte \(offset)")
        }
        var truncated = disk
        truncated.truncate(path, to: byteCount / 2)
        #expect(try TestStore(SimulatedFileSystem(truncated)).readFaults() == [])
    }

    @Test("a read after damage gives nothing for that record and all the others")
    func damagedRecord() throws {
        var store = try TestStore()
        try store.append(records: 10)
        let path = DirectoryLayout.segment(store.log.status.activeNumber)
        var disk = store.fileSystem.disk
        let body = TestStore.body(4)
        let bytes = disk.contents(path)!
        let offset = try #require(
            bytes.indices.first { bytes[$0...].starts(with: body) && !body.isEmpty })
        disk.flipBit(path, at: offset, bit: 0)
        store.fileSystem.disk = disk
        #expect(try store.readFaults() == ["4 is absent"])
    }

    @Test("a batch that is longer than a segment gets a segment of its own")
    func oversizeBatch() throws {
        var store = try TestStore()
        try store.append(records: 2)
        try store.append(records: 1, byteCount: 100_000)
        try store.append(records: 2)
        #expect(try store.readFaults() == [])
        let disk = store.fileSystem.disk.afterKill()
        #expect(try TestStore.damages(disk) == [])
        let again = try TestStore(SimulatedFileSystem(disk))
        #expect(again.replayed.lastLSN == 5)
        #expect(again.replayed.faults == [])
    }

    @Test("an oversize commit that is in doubt is copied whole")
    func oversizeInDoubt() throws {
        var store = try TestStore()
        try store.append(records: 1, byteCount: 100_000)
        var disk = store.fileSystem.disk.afterKill()
        for _ in 1...3 {
            let again = try TestStore(SimulatedFileSystem(disk))
            #expect(again.replayed.lastLSN == 1)
            #expect(again.replayed.faults == [])
            #expect(try again.readFaults() == [])
            disk = again.fileSystem.disk.afterKill()
        }
    }

    @Test("the replay's own error ends the opening and changes nothing on disk")
    func replayThrows() throws {
        struct Unknown: Error {}
        var store = try TestStore()
        try store.append(records: 3)
        let disk = store.fileSystem.disk.afterKill()
        let fileSystem = SimulatedFileSystem(disk)
        let directory = try DataDirectory.open(fileSystem)
        let before = fileSystem.disk.files.map { fileSystem.disk.contents($0) }
        var error: LogError?
        do throws(LogError) {
            _ = try WriteAheadLog.open(directory, start: TestStore.start()) { lsn, _, _ in
                if lsn == 2 { throw Unknown() }
            }
        } catch let thrown {
            error = thrown
        }
        guard case .unreadable(lsn: 2, _)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(fileSystem.disk.files.map { fileSystem.disk.contents($0) } == before)
    }

    @Test("S9: append returns only after a durable write that ends with its bytes")
    func syncBeforeReturn() throws {
        var store = try TestStore()
        for count in 1...30 {
            try store.append(records: count % 4 + 1)
            let call = store.fileSystem.calls.last!
            #expect(call.call == .writeDurably && call.path.hasSuffix(".seg"))
            // All of it is on the disk: a power loss that loses whatever it may changes nothing.
            let disk = store.fileSystem.disk.afterPowerLoss(CrashChoices())
            let again = try TestStore(SimulatedFileSystem(disk))
            #expect(again.replayed.lastLSN == store.nextLSN - 1, "batch \(count)")
        }
    }

    @Test("spare segments are filled in pieces, used, and filled again")
    func spares() throws {
        var store = try TestStore()
        while try store.log.prepareSpareSegments() {}
        #expect(store.log.status.spareCount == 3)
        let poolFileCount = store.log.status.poolFileCount
        for _ in 1...12 { try store.append(records: 4) }
        #expect(store.log.status.spareCount < 3)
        while try store.log.prepareSpareSegments() {}
        #expect(store.log.status.spareCount == 3)
        #expect(store.log.status.poolFileCount == poolFileCount)
        #expect(try store.readFaults() == [])
        #expect(try TestStore.damages(store.fileSystem.disk.afterKill()) == [])
    }

    @Test(
        "F9: a segment that is left for speed alone is not left where there is no room for another")
    func voluntaryRoll() throws {
        for call in [DiskError.Call.rename, .write] {
            var store = try TestStore()
            try store.append(records: 1)
            while try store.log.prepareSpareSegments() {}
            // The second needs its headers again only where another number was expected.
            store.fileSystem.fail(
                SimulatedFault([call], pathPart: ".seg", code: 28, isPersistent: true))
            store.fileSystem.fail(
                SimulatedFault([call], pathPart: ".spare", code: 28, isPersistent: true))
            for _ in 1...3 { try store.append(records: 1) }
            store.fileSystem.clearFaults()
            try store.append(records: 2)
            #expect(store.log.status.activeNumber == 2)
            #expect(try store.readFaults() == [])
            let again = try TestStore(SimulatedFileSystem(store.fileSystem.disk.afterKill()))
            #expect(again.replayed.lastLSN == 6)
            #expect(again.replayed.faults == [])
        }
    }

    @Test("a segment with START alone is used again, and not left behind")
    func emptySegment() throws {
        var store = try TestStore()
        while try store.log.prepareSpareSegments() {}
        store.fileSystem.keepsMoments = true
        try store.append(records: 2)
        #expect(store.log.status.activeNumber == 2)
        #expect(store.log.sealedSegments == [])
        while try store.log.prepareSpareSegments() {}
        #expect(store.fileSystem.disk.files.filter { $0.hasSuffix(".seg") }.count == 1)
        #expect(store.log.reserve.isWhole)
        try store.append(records: 2)
        #expect(try store.readFaults() == [])
        for moment in store.fileSystem.moments {
            for disk in [
                moment.disk.afterPowerLoss(CrashChoices()),
                moment.disk.afterPowerLoss(.everything(moment.disk)), moment.disk.afterKill(),
            ] {
                let again = try TestStore(SimulatedFileSystem(disk))
                #expect(again.replayed.faults == [], "\(moment.next)")
                #expect(again.replayed.lastLSN >= moment.note, "\(moment.next)")
                #expect(try TestStore.damages(again.fileSystem.disk.afterKill()) == [])
            }
        }
        let again = try TestStore(SimulatedFileSystem(store.fileSystem.disk.afterKill()))
        #expect(again.replayed.lastLSN == 4)
    }

    @Test("segments of a small volume are small, of a large one 64 MiB")
    func segmentByteCount() {
        #expect(StoreIdentity.segmentByteCount(forVolume: 512 << 20) == 4 << 20)
        #expect(StoreIdentity.segmentByteCount(forVolume: 100 << 20) == 1 << 20)
        #expect(StoreIdentity.segmentByteCount(forVolume: 1 << 40) == 64 << 20)
        #expect(StoreIdentity.segmentByteCount(forVolume: 3 << 30) == 16 << 20)
        #expect(!StoreIdentity.isSegmentByteCount(24 * 1024))
        #expect(!StoreIdentity.isSegmentByteCount(8 * 1024))
    }

    @Test("readers and the background thread go on beside the writer")
    func threads() async throws {
        let store = try TestStore(segmentByteCount: 64 * 1024)
        let log = store.log
        try await withThrowingTaskGroup(of: [String].self) { group in
            group.addTask {
                var writer = store
                for count in 1...300 { try writer.append(records: count % 6 + 1) }
                return []
            }
            group.addTask {
                // Ends when the writer has: the last batch brings the log to LSN 1,050.
                while log.durableLSN < 1_050 {
                    while try log.prepareSpareSegments() {}
                    await Task.yield()
                }
                return []
            }
            for seed in 1...2 as ClosedRange<UInt64> {
                group.addTask {
                    var faults: [String] = []
                    var random = SeededRandom(seed: seed)
                    repeat {
                        let durable = log.durableLSN
                        guard durable > 0 else {
                            await Task.yield()
                            continue
                        }
                        let lsns = (1...8).map { _ in LSN.random(in: 1...durable, using: &random) }
                        try log.read(Array(Set(lsns))) { lsn, body in
                            let isRight =
                                body.map { TestStore.isBody(lsn, $0) }
                                ?? !TestStore.isIndexed(lsn)
                            if !isRight { faults.append("reader \(seed): \(lsn)") }
                        }
                        await Task.yield()
                    } while log.durableLSN < 1_050
                    return faults
                }
            }
            for try await faults in group { #expect(faults == []) }
        }
        #expect(log.durableLSN == 1_050)
        #expect(try TestStore.damages(store.fileSystem.disk.afterKill()) == [])
    }
}
