import HoldfastDisk
import HoldfastSimulation
import HoldfastSnapshots
import Testing

@Suite struct SnapshotQuarantineTests {
    static func damaged(_ test: TestSnapshots, slot: Int) -> SimulatedFileSystem {
        var disk = test.fileSystem.disk.afterKill()
        disk.flipBit(SnapshotLayout.slot(slot), at: 5_000, bit: 3)
        let fileSystem = SimulatedFileSystem(disk)
        fileSystem.note = test.fileSystem.note
        return fileSystem
    }

    static func quarantined(_ disk: SimulatedDisk) -> [String] {
        disk.files.filter { $0.hasPrefix(SnapshotLayout.quarantine + "/") }
    }

    @Test("a snapshot that was passed over is put aside, durably, before the first page is written")
    func order() throws {
        let test = try TestSnapshots()
        for _ in 1...3 { try test.snapshot() }
        let newest = try #require(test.store.newest)
        let fileSystem = Self.damaged(test, slot: newest.slot)
        let again = try TestSnapshots(fileSystem, epoch: 2)
        #expect(again.faults == [])
        #expect(again.store.newest?.number == newest.number - 1)
        #expect(again.store.passedOver.map(\.slot) == [newest.slot])
        #expect(again.store.passedOver.map(\.number) == [newest.number])
        #expect(
            again.store.passedOver.map(\.reason) == ["its content does not match its checksum"])
        #expect(again.store.nextNumber == newest.number + 1)
        let opened = fileSystem.calls
        let changes: Set<DiskError.Call> = [
            .create, .makeDirectory, .rename, .remove, .write, .allocate, .sync, .syncDirectory,
        ]
        #expect(opened.allSatisfy { !changes.contains($0.call) })

        try again.snapshot()
        let calls = fileSystem.calls[opened.count...]
        let path = "\(SnapshotLayout.quarantine)/snapshot-\(newest.slot)-1"
        let rename = try #require(calls.firstIndex { $0.call == .rename })
        #expect(calls[rename].path == path)
        let synced = try [SnapshotLayout.quarantine, SnapshotLayout.snapshots].map { directory in
            try #require(
                calls[rename...].firstIndex { $0.call == .syncDirectory && $0.path == directory })
        }
        let firstWrite = try #require(calls.firstIndex { $0.call == .write })
        #expect(synced.allSatisfy { $0 < firstWrite })
        #expect(Self.quarantined(fileSystem.disk.afterPowerLoss(CrashChoices())) == [path])
        // Once is enough.
        let count = fileSystem.calls.count
        try again.store.quarantinePassedOver()
        #expect(fileSystem.calls.count == count)
    }

    @Test(
        "F9: a full volume keeps the space of a snapshot that was passed over for the next one",
        arguments: [false, true])
    func full(hasNames: Bool) throws {
        let test = try TestSnapshots()
        for _ in 1...3 { try test.snapshot() }
        while try test.store.reserve(sparePageCount: 40, slotByteCount: 9 * 4096) {}
        let newest = try #require(test.store.newest)
        let fileSystem = Self.damaged(test, slot: newest.slot)
        fileSystem.capacityByteCount = fileSystem.disk.allocatedByteCount
        if !hasNames {
            fileSystem.fail(
                SimulatedFault(
                    [.create, .makeDirectory, .rename], pathPart: SnapshotLayout.quarantine,
                    code: DiskError.noSpace, isPersistent: true))
        }
        let again = try TestSnapshots(fileSystem, epoch: 2)
        #expect(again.store.passedOver.map(\.slot) == [newest.slot])
        for _ in 1...5 { try again.snapshot() }
        #expect(again.faults == [])
        #expect(Self.quarantined(fileSystem.disk) == [])
        let disk = fileSystem.disk.afterPowerLoss(CrashChoices())
        let later = try TestSnapshots(SimulatedFileSystem(disk), epoch: 3)
        #expect(later.store.newest?.number == again.store.newest?.number)
        #expect(later.store.passedOver == [])
    }

    @Test("a snapshot that was passed over and emptied does not come back with a power loss")
    func emptied() throws {
        let test = try TestSnapshots()
        for _ in 1...3 { try test.snapshot() }
        let newest = try #require(test.store.newest)
        let fileSystem = Self.damaged(test, slot: newest.slot)
        fileSystem.capacityByteCount = fileSystem.disk.allocatedByteCount
        let again = try TestSnapshots(fileSystem, epoch: 2)
        try again.store.quarantinePassedOver()
        let disk = fileSystem.disk.afterPowerLoss(CrashChoices())
        let later = try TestSnapshots(SimulatedFileSystem(disk), epoch: 3)
        #expect(later.store.newest?.number == newest.number - 1)
        #expect(later.store.passedOver == [])
    }

    @Test("asked for before any writing, it is done by then")
    func alone() throws {
        let test = try TestSnapshots()
        for _ in 1...2 { try test.snapshot() }
        let fileSystem = Self.damaged(test, slot: test.store.newest!.slot)
        let again = try TestSnapshots(fileSystem, epoch: 2)
        try again.store.quarantinePassedOver()
        let rename = try #require(fileSystem.calls.firstIndex { $0.call == .rename })
        #expect(
            Set(fileSystem.calls[rename...].filter { $0.call == .syncDirectory }.map(\.path))
                == [SnapshotLayout.quarantine, SnapshotLayout.snapshots])
        let disk = fileSystem.disk.afterPowerLoss(CrashChoices())
        #expect(Self.quarantined(disk).count == 1)
        #expect(try TestSnapshots(SimulatedFileSystem(disk), epoch: 3).store.passedOver == [])
    }

    @Test("what was put aside is bounded, and the oldest goes first")
    func bounded() throws {
        var test = try TestSnapshots()
        for _ in 1...3 { try test.snapshot() }
        for round in 1...9 {
            let fileSystem = Self.damaged(test, slot: test.store.newest!.slot)
            test = try TestSnapshots(fileSystem, epoch: UInt32(round + 1))
            #expect(test.store.passedOver.count == 1)
            try test.snapshot()
            #expect(test.faults == [])
            let names = Self.quarantined(fileSystem.disk.afterPowerLoss(CrashChoices()))
            #expect(names.count == min(round, 4))
            for sequence in max(1, round - 3)...round {
                #expect(names.contains { $0.hasSuffix("-\(sequence)") }, "\(names)")
            }
        }
    }

    @Test("a slot that is empty or holds zeros only is nothing to report")
    func empty() throws {
        let made = SimulatedFileSystem()
        try made.makeDirectory(SnapshotLayout.snapshots)
        var disk = made.disk
        disk.place(SnapshotLayout.slot(0), [])
        disk.place(SnapshotLayout.slot(1), [UInt8](repeating: 0, count: 10_000))
        let test = try TestSnapshots(SimulatedFileSystem(disk))
        #expect(test.store.passedOver == [])
        for _ in 1...3 { try test.snapshot() }
        #expect(Self.quarantined(test.fileSystem.disk) == [])
    }
}
