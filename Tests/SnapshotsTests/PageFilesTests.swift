import HoldfastDisk
import HoldfastPages
import HoldfastSimulation
import HoldfastSnapshots
import HoldfastWAL
import Testing

@Suite struct PageFilesTests {
    @Test("pages beyond the files, and behind the end of a short one, are zeros")
    func beyond() throws {
        let fileSystem = SimulatedFileSystem()
        try fileSystem.makeDirectory(SnapshotLayout.pages)
        var disk = fileSystem.disk
        disk.place(SnapshotLayout.extent(0), [UInt8](repeating: 7, count: 3 * 4096))
        disk.place(SnapshotLayout.extent(1), [UInt8](repeating: 8, count: 4096 + 100))
        let files = try PageFiles.open(SimulatedFileSystem(disk), extentPageCount: 3)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 8 * 4096, alignment: 4096)
        defer { buffer.deallocate() }
        buffer.initializeMemory(as: UInt8.self, repeating: 0xFF)
        let isRead = files.read(first: 2, count: 8, into: buffer)
        #expect(isRead)
        let expected =
            [UInt8](repeating: 7, count: 2 * 4096) + [UInt8](repeating: 8, count: 4096 + 100)
            + [UInt8](repeating: 0, count: 5 * 4096 - 100)
        #expect(buffer.elementsEqual(expected))
    }

    @Test(
        "F9: a file that a crash has left too short is no place for pages before it is made whole")
    func shortAfterCrash() throws {
        let test = try TestSnapshots()
        for _ in 1...2 { try test.snapshot() }
        while try test.store.reserve(sparePageCount: 12) {}
        var disk = test.fileSystem.disk.afterKill()
        let places = test.store.pages.capacityPageCount
        disk.place(SnapshotLayout.extent(places / 3), [UInt8](repeating: 0, count: 4096))
        let again = try TestSnapshots(SimulatedFileSystem(disk), epoch: 2)
        #expect(again.store.pages.capacityPageCount == places)
        let wanted = again.store.sparePageCount + 3
        while try again.store.reserve(sparePageCount: wanted) {}
        #expect(again.store.pages.capacityPageCount >= places + 3)
        let file = try again.fileSystem.openFile(SnapshotLayout.extent(places / 3), for: .reading)
        #expect(try file.byteCount() == 3 * 4096)
    }

    @Test("a store without a snapshot makes no directory, and no directory is no page")
    func nothing() throws {
        let fileSystem = SimulatedFileSystem()
        let test = try TestSnapshots(fileSystem)
        #expect(test.store.newest == nil)
        #expect(test.store.previousLastLSN == 0)
        #expect(test.store.nextNumber == 1)
        try test.store.quarantinePassedOver()
        #expect(try fileSystem.list("") == [])
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 4096, alignment: 4096)
        defer { buffer.deallocate() }
        buffer.initializeMemory(as: UInt8.self, repeating: 0xFF)
        let isRead = test.store.pages.read(first: 1, count: 1, into: buffer)
        #expect(isRead)
        #expect(buffer.allSatisfy { $0 == 0 })
    }

    @Test("neighbouring pages are one write, of bounded length, and a step is one sync of pages")
    func coalescing() throws {
        let test = try TestSnapshots()
        for _ in 1...5 { test.change() }
        let (writing, frozen) = try test.begin()
        var steps: [[SimulatedCall]] = []
        var progress = SnapshotWriting.Progress.more
        while progress == .more {
            let count = test.fileSystem.calls.count
            progress = try writing.step(durableLSN: 0)
            steps.append(Array(test.fileSystem.calls[count...]))
        }
        #expect(progress == .waitingForLog)
        #expect(try writing.step(durableLSN: 9) == .waitingForLog)
        let writes = steps.flatMap { $0 }.filter { $0.call == .write }
        #expect(writes.allSatisfy { $0.path.hasPrefix("pages/") && $0.byteCount <= 2 * 4096 })
        #expect(writes.contains { $0.byteCount == 2 * 4096 })
        #expect(writes.reduce(0) { $0 + $1.byteCount } == frozen.count * 4096)
        for step in steps where step.contains(where: { $0.call == .write }) {
            #expect(step.filter { $0.call == .sync }.count == 1)
            #expect(step.last?.call == .sync)
            #expect(Set(step.map(\.path)).count == 1)
            let byteCount = step.filter { $0.call == .write }.reduce(0) { $0 + $1.byteCount }
            #expect(byteCount <= 3 * 4096)
        }
        // All space was obtained before the first write.
        let calls = test.fileSystem.calls
        let firstWrite = try #require(calls.firstIndex { $0.call == .write })
        #expect(calls[firstWrite...].allSatisfy { $0.call != .create && $0.call != .allocate })
        #expect(try writing.step(durableLSN: 10) == .committed)
        #expect(try writing.step(durableLSN: 10) == .committed)
        test.space.committed(frozen)
        test.check()
        #expect(test.faults == [])
    }

    @Test("a file that is removed and made again is read as it is then")
    func remade() throws {
        var limits = TestSnapshots.limits
        limits.openExtentCountMax = 64
        let test = try TestSnapshots(seed: 8, limits: limits)
        for _ in 1...6 { test.change() }
        try test.snapshot()
        for round in 1...12 {
            // Shrinks to nothing and grows again, so that the files at the end come and go.
            if round % 4 < 2 {
                for entry in test.entries { test.space.free(entry.reference) }
                test.entries = []
            } else {
                for _ in 1...6 { test.change() }
            }
            try test.snapshot()
            try test.store.trim(sparePageCount: 0)
            test.check()
            #expect(test.faults == [], "round \(round)")
        }
        let removals = test.fileSystem.calls.filter { $0.call == .remove }
        #expect(removals.count > 3)
    }

    @Test("a file in the middle goes too, the last ones first, and room for the next pages stays")
    func trimming() throws {
        let test = try TestSnapshots(seed: 8)
        while test.entries.count < 60 { test.change() }
        try test.snapshot()
        // Few pages stay, one of them at the far end.
        let last = try #require(test.entries.max { $0.reference.number < $1.reference.number })
        for entry in test.entries where entry != last { test.space.free(entry.reference) }
        test.entries = [last]
        for _ in 1...2 { try test.snapshot() }
        let before = try test.fileSystem.list(SnapshotLayout.pages)
        let end = try #require(before.last)
        #expect(try test.store.trim(sparePageCount: 20, countMax: 2) == 2)
        var left = try test.fileSystem.list(SnapshotLayout.pages)
        let behind = before.filter { !left.contains($0) }
        #expect(behind.count == 2)
        try test.store.trim(sparePageCount: 20)
        left = try test.fileSystem.list(SnapshotLayout.pages)
        #expect(behind == before.filter { !left.contains($0) }.suffix(2))
        #expect(left.last == end)
        // Seven files of three pages, and those that have kept ones.
        #expect((8...12).contains(left.count), "\(left.count) of \(before.count)")
        #expect(try test.store.trim(sparePageCount: 20) == 0)
        // The next pages find room in the files that are left.
        let made = test.fileSystem.calls.count
        for _ in 1...3 { try test.snapshot() }
        let created = test.fileSystem.calls[made...].filter {
            $0.call == .create && $0.path.hasPrefix(SnapshotLayout.pages)
        }
        #expect(created == [])
        test.check()
        #expect(test.faults == [])
    }

    @Test("a file that is removed while somebody reads ahead reads as zeros")
    func removedMeanwhile() throws {
        let test = try TestSnapshots(seed: 8)
        for _ in 1...6 { test.change() }
        try test.snapshot()
        let again = try TestSnapshots(test.fileSystem, seed: 9, epoch: 2)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 6 * 4096, alignment: 4096)
        defer { buffer.deallocate() }
        test.fileSystem.fail(
            SimulatedFault([.open], pathPart: SnapshotLayout.extent(1), code: 2, isPersistent: true)
        )
        let files = try PageFiles.open(again.fileSystem, extentPageCount: 3)
        let isRead = files.read(first: 1, count: 6, into: buffer)
        #expect(isRead)
        #expect(!buffer[..<4096].allSatisfy { $0 == 0 })
        #expect(buffer[(3 * 4096)...].allSatisfy { $0 == 0 })
    }

    @Test("a file that a crash has left short gets its whole length before a page is written")
    func short() throws {
        let made = SimulatedFileSystem()
        try made.makeDirectory(SnapshotLayout.pages)
        var disk = made.disk
        disk.place(SnapshotLayout.extent(0), [UInt8](repeating: 0, count: 4096))
        let test = try TestSnapshots(SimulatedFileSystem(disk))
        try test.snapshot()
        let calls = test.fileSystem.calls.filter { $0.path == SnapshotLayout.extent(0) }
        let allocate = try #require(calls.firstIndex { $0.call == .allocate })
        let write = try #require(calls.firstIndex { $0.call == .write })
        #expect(allocate < write)
        #expect(calls[allocate].byteCount == 3 * 4096)
    }

    @Test("pages are read by several threads while a snapshot is written")
    func concurrency() async throws {
        let test = try TestSnapshots()
        for _ in 1...3 { test.change() }
        try test.snapshot()
        let store = test.store
        let entries = test.entries.map { ($0.reference, $0.seed) }
        let checksum = PageFormat.storeChecksum(
            uuid: (TestSnapshots.identity.uuid.high, TestSnapshots.identity.uuid.low))
        for _ in 1...3 { test.change() }
        let (writing, _) = try test.begin()
        let faults = try await withThrowingTaskGroup(of: [PageFault].self) { group in
            for task in 1...3 {
                group.addTask {
                    let buffer = UnsafeMutableRawBufferPointer.allocate(
                        byteCount: 4096, alignment: 4096)
                    defer { buffer.deallocate() }
                    var faults: [PageFault] = []
                    for turn in 0..<200 {
                        let (reference, _) = entries[(turn * task) % entries.count]
                        guard store.pages.read(first: reference.number, count: 1, into: buffer)
                        else { return [.unreadable] }
                        let fault = PageFormat.verify(
                            UnsafeRawBufferPointer(buffer), is: reference, storeChecksum: checksum)
                        if let fault { faults.append(fault) }
                    }
                    return faults
                }
            }
            group.addTask {
                while try writing.step(durableLSN: .max) != .committed {}
                return []
            }
            return try await group.reduce([]) { $0 + $1 }
        }
        #expect(faults == [])
        #expect(store.newest?.number == 2)
    }
}
