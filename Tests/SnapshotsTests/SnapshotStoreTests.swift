import HoldfastDisk
import HoldfastHarness
import HoldfastPages
import HoldfastSimulation
import HoldfastSnapshots
import HoldfastWAL
import Testing

@Suite struct SnapshotStoreTests {
    @Test("a row of snapshots: the newest opens, the one before is kept, the third goes")
    func row() throws {
        var test = try TestSnapshots(seed: 6)
        for round in 1...12 {
            try test.snapshot()
            let newest = try #require(test.store.newest)
            #expect(newest.number == UInt64(round))
            #expect(newest.lastLSN == UInt64(round) * 10)
            #expect(newest.root == [])
            #expect(test.store.previousLastLSN == UInt64(round - 1) * 10)
            let disk = test.fileSystem.disk.afterPowerLoss(CrashChoices())
            let entries = test.entries
            let again = try TestSnapshots(SimulatedFileSystem(disk), epoch: UInt32(round + 1))
            #expect(again.faults == [])
            #expect(again.entries == entries)
            #expect(again.store.newest?.slot == newest.slot)
            #expect(again.store.previousLastLSN == test.store.previousLastLSN)
            if round % 4 == 0 {
                again.fileSystem.note = test.fileSystem.note
                test = again
            }
        }
        #expect(test.fileSystem.disk.files.filter { $0.hasPrefix("snap/") }.count == 3)
    }

    @Test("the length of an extent is the snapshot's, whatever the settings say later")
    func extentLength() throws {
        let test = try TestSnapshots(seed: 6)
        for _ in 1...3 { try test.snapshot() }
        var limits = TestSnapshots.limits
        limits.extentPageCount = 7
        let again = try TestSnapshots(
            SimulatedFileSystem(test.fileSystem.disk.afterKill()), epoch: 2, limits: limits)
        again.fileSystem.note = test.fileSystem.note
        #expect(again.faults == [])
        #expect(again.store.pages.extentPageCount == 3)
        try again.snapshot()
        again.check()
        #expect(again.faults == [])
    }

    @Test("a copy of the newest snapshot in another slot is nothing to fall back to")
    func copy() throws {
        let test = try TestSnapshots(seed: 6)
        try test.snapshot()
        var disk = test.fileSystem.disk.afterKill()
        disk.place(SnapshotLayout.slot(2), disk.contents(SnapshotLayout.slot(0))!)
        let again = try TestSnapshots(SimulatedFileSystem(disk), epoch: 2)
        #expect(again.store.newest?.number == 1)
        #expect(again.store.newest?.retained.count == 0)
        #expect(again.store.previousLastLSN == 0)
    }

    @Test("a snapshot of many pieces is whole or is not there")
    func large() throws {
        let test = try TestSnapshots(seed: 6)
        try test.snapshot()
        for byteCount in [12_000, 60_000, 300] {
            test.change()
            let frozen = test.space.freeze()
            let root = (0..<byteCount).map { UInt8(truncatingIfNeeded: $0 * 7) }
            test.lastLSN += 10
            let writing = try test.store.begin(
                number: UInt64(frozen.snapshotNumber), lastLSN: test.lastLSN, frameTime: 5,
                root: root, segments: [], frozen: frozen)
            var progress = SnapshotWriting.Progress.more
            while progress != .committed {
                let before = try SnapshotStore.open(
                    test.fileSystem, identity: TestSnapshots.identity)
                #expect(before.newest?.number == writing.number - 1)
                progress = try writing.step(durableLSN: .max)
            }
            test.space.committed(frozen)
            let after = try SnapshotStore.open(test.fileSystem, identity: TestSnapshots.identity)
            #expect(after.newest?.number == writing.number)
            #expect(after.newest?.root == root)
            #expect(after.newest?.used == test.space.usedPages)
            after.dropRoot()
            #expect(after.newest?.root == [])
            #expect(after.newest?.number == writing.number)
        }
    }

    @Test("the directories of pages and snapshots are part of a store, and of a store only")
    func dataDirectory() throws {
        let fileSystem = SimulatedFileSystem()
        let identity: StoreIdentity
        do { identity = try DataDirectory.open(fileSystem).identity }
        let store = try SnapshotStore.open(
            fileSystem, identity: identity, limits: TestSnapshots.limits)
        while try store.reserve(sparePageCount: 1) {}
        #expect(try fileSystem.list("").contains(SnapshotLayout.pages))
        #expect(try DataDirectory.open(fileSystem).identity == identity)
        var disk = fileSystem.disk
        disk.delete(DirectoryLayout.store)
        #expect(throws: StoreError.notAStore(foreign: SnapshotLayout.pages)) {
            try DataDirectory.open(SimulatedFileSystem(disk))
        }
    }

    @Test("on the kernel's files: written, opened and read again")
    func realDisk() throws {
        let directory = try TemporaryDirectory()
        defer { withExtendedLifetime(directory) {} }
        var seeds: [UInt64] = []
        var references: [PageReference] = []
        for opening: UInt32 in 1...3 {
            let fileSystem = try PosixFileSystem(root: directory.path)
            let store = try SnapshotStore.open(
                fileSystem, identity: TestSnapshots.identity, limits: TestSnapshots.limits)
            let space = PageSpace(
                limits: PageLimits(),
                storeUUID: (TestSnapshots.identity.uuid.high, TestSnapshots.identity.uuid.low),
                used: store.newest?.used ?? PageSet(),
                retained: store.newest?.retained ?? PageSet(),
                snapshotNumber: UInt32(store.nextNumber)
            ) { store.pages.read(first: $0, count: $1, into: $2) }
            space.beginStamps(epoch: opening)
            #expect((store.newest?.number ?? 0) == UInt64(opening - 1) * 4)
            for (reference, seed) in zip(references, seeds) {
                let page = space.read(reference, .array, owner: seed)
                let content = UnsafeRawBufferPointer(start: page, count: PageFormat.byteCount)
                #expect(
                    content[PageFormat.headerByteCount...].elementsEqual(
                        TestSnapshots.content(seed)))
            }
            #expect(space.failure == nil)
            for _ in 1...4 {
                for _ in 1...7 {
                    let seed = UInt64(references.count) * 77
                    let (reference, page) = space.create(.array, owner: seed)
                    (page + PageFormat.headerByteCount).copyMemory(
                        from: TestSnapshots.content(seed), byteCount: PageFormat.contentByteCount)
                    references.append(reference)
                    seeds.append(seed)
                }
                let frozen = space.freeze()
                let writing = try store.begin(
                    number: UInt64(frozen.snapshotNumber), lastLSN: UInt64(references.count),
                    frameTime: 0, root: [1, 2, 3], segments: [], frozen: frozen)
                while try writing.step(durableLSN: .max) != .committed {}
                space.committed(frozen)
            }
        }
        let inspection = SnapshotInspection(
            try PosixFileSystem(root: directory.path), identity: TestSnapshots.identity)
        let summary = try inspection.verifyPages { Issue.record("\($0)") }
        #expect(summary.wholeCount == 84)
    }
}
