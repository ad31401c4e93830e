import HoldfastDisk
import HoldfastPages
import HoldfastSimulation
import HoldfastSnapshots
import Testing

/// F9, F11, F12: every call fails once, for every N.
@Suite struct SnapshotFailureTests {
    /// Two snapshots, then a fault, then a third one; and what is left of it all.
    ///
    /// - Returns: whether the fault came into effect at all.
    static func check(_ fault: SimulatedFault, isReopened: Bool) throws -> Bool {
        var test = try TestSnapshots(seed: 3)
        for _ in 1...2 { try test.snapshot() }
        if isReopened {
            // A store that has yet to look after its directories and put something aside.
            var disk = test.fileSystem.disk.afterKill()
            disk.place(SnapshotLayout.slot(2), [1, 2, 3])
            let fileSystem = SimulatedFileSystem(disk)
            fileSystem.note = test.fileSystem.note
            test = try TestSnapshots(fileSystem, seed: 3, epoch: 2)
        }
        let callCount = test.fileSystem.calls.count
        test.fileSystem.fail(fault)
        var thrown: SnapshotError?
        do {
            try test.snapshot()
        } catch let error as SnapshotError {
            thrown = error
        }
        let failed = test.fileSystem.calls[callCount...].filter { $0.code == fault.code }
        test.fileSystem.clearFaults()
        switch thrown {
        case nil: break
        case .full(let error):
            #expect(!error.isFatal, "\(fault): \(error)")
            #expect(test.store.failure == nil)
            try test.snapshot()
        case .read(let error):
            #expect(error.call == .read || error.call == .list, "\(fault): \(error)")
            try test.snapshot()
        case .failed:
            #expect(test.store.failure == thrown)
            #expect(throws: SnapshotError.self) { try test.begin() }
            #expect(throws: SnapshotError.self) { try test.store.reserve(sparePageCount: 1) }
            #expect(throws: SnapshotError.self) { try test.store.quarantinePassedOver() }
        case .otherVersion, .foreign: Issue.record("\(fault): \(thrown!)")
        }
        let note = CrashNote(test.fileSystem.note)
        for choices in [CrashChoices(), .everything(test.fileSystem.disk)] {
            let faults = SnapshotCrashTests.faults(
                of: test.fileSystem.disk.afterPowerLoss(choices), note: note, isGoingOn: true)
            #expect(faults == [], "\(fault)")
        }
        if let first = failed.first {
            let isSync = [.sync, .syncDirectory].contains(first.call)
            if isSync { #expect(thrown?.isFatal == true, "\(first)") }
            if first.call == .write { #expect(thrown?.isFatal == true, "\(first)") }
            if [.create, .allocate].contains(first.call), fault.code != Code.inputOutput {
                #expect(thrown?.isFatal == false, "\(first)")
            }
            // What was passed over is not put aside then, but emptied where it is.
            if [.makeDirectory, .rename].contains(first.call), fault.code != Code.inputOutput,
                !fault.isPersistent
            {
                #expect(thrown?.isFatal != true, "\(first)")
            }
        }
        return !failed.isEmpty
    }

    @Test(
        "F9: no space at call N gives the snapshot up and leaves the ones before",
        arguments: [Code.noSpace, Code.tooManyFiles], [false, true])
    func noSpace(code: Int32, isReopened: Bool) throws {
        var position = 1
        for isPersistent in [false, true] {
            position = 1
            while try Self.check(
                SimulatedFault(position: position, code: code, isPersistent: isPersistent),
                isReopened: isReopened)
            { position += 1 }
        }
        #expect(position > 10)
    }

    @Test(
        "F11: a failed sync is the end of the store",
        arguments: PagesAfterFailure.allCases, [false, true])
    func failedSync(pages: PagesAfterFailure, isReopened: Bool) throws {
        var position = 1
        while try Self.check(
            SimulatedFault(
                [.sync, .syncDirectory], position: position, code: Code.inputOutput, pages: pages),
            isReopened: isReopened)
        { position += 1 }
        #expect(position > 4)
    }

    @Test("F11: a failed or short write is the end of the store", arguments: [0, 512, 4096])
    func failedWrite(writtenByteCount: Int) throws {
        for code in [Code.inputOutput, Code.noSpace] {
            var position = 1
            while try Self.check(
                SimulatedFault(
                    [.write], position: position, code: code, writtenByteCount: writtenByteCount),
                isReopened: true)
            { position += 1 }
            #expect(position > 2)
        }
    }

    @Test("F11: a sync that fails outside a snapshot is the end of the store, too")
    func failedReserve() throws {
        var position = 1
        while true {
            let test = try TestSnapshots(seed: 3)
            test.fileSystem.fail(
                SimulatedFault(
                    [.sync, .syncDirectory], position: position, code: Code.inputOutput))
            do throws(SnapshotError) {
                while try test.store.reserve(sparePageCount: 4) {}
                break
            } catch {
                #expect(error.isFatal)
                #expect(test.store.failure == error)
                #expect(throws: error) { try test.begin() }
            }
            position += 1
        }
        #expect(position > 4)
    }

    @Test("F12: a read that fails at the opening is an error and no missing snapshot")
    func failedRead() throws {
        let test = try TestSnapshots()
        for _ in 1...3 { try test.snapshot() }
        var position = 1
        while true {
            let fileSystem = SimulatedFileSystem(test.fileSystem.disk)
            let fault = SimulatedFault(position: position, code: Code.inputOutput)
            fileSystem.fail(fault)
            do throws(SnapshotError) {
                _ = try SnapshotStore.open(
                    fileSystem, identity: TestSnapshots.identity, limits: TestSnapshots.limits)
                break
            } catch {
                guard case .read = error else {
                    Issue.record("\(error)")
                    return
                }
                #expect(!error.isFatal)
            }
            #expect(fileSystem.disk.files == test.fileSystem.disk.files)
            position += 1
        }
        #expect(position > 9)
    }

    @Test("F12: a page that cannot be read is no zeros")
    func failedPageRead() throws {
        let test = try TestSnapshots()
        try test.snapshot()
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 4096, alignment: 4096)
        defer { buffer.deallocate() }
        let number = test.entries[0].reference.number
        for call: DiskError.Call in [.open, .read] {
            let fileSystem = SimulatedFileSystem(test.fileSystem.disk)
            let store = try SnapshotStore.open(
                fileSystem, identity: TestSnapshots.identity, limits: TestSnapshots.limits)
            fileSystem.fail(SimulatedFault([call], pathPart: "pages", code: Code.inputOutput))
            let first = store.pages.read(first: number, count: 1, into: buffer)
            #expect(!first)
            let second = store.pages.read(first: number, count: 1, into: buffer)
            #expect(second)
        }
    }

    @Test("F9: a volume with room for nothing more keeps its snapshots and goes on when it has")
    func fullVolume() throws {
        let test = try TestSnapshots(seed: 4)
        for _ in 1...2 { try test.snapshot() }
        var fullCount = 0
        for round in 1...30 {
            test.fileSystem.capacityByteCount =
                round % 3 == 0 ? nil : test.fileSystem.disk.allocatedByteCount
            do {
                try test.snapshot()
            } catch SnapshotError.full {
                fullCount += 1
            }
            test.check()
            #expect(test.faults == [])
        }
        #expect(fullCount > 0)
    }

    @Test("what was reserved lets the next snapshots be written on a full volume")
    func reserve() throws {
        let test = try TestSnapshots(seed: 4)
        for _ in 1...2 { try test.snapshot() }
        while try test.store.reserve(sparePageCount: 40) {}
        #expect(test.store.pages.capacityPageCount >= 40)
        test.fileSystem.capacityByteCount = test.fileSystem.disk.allocatedByteCount
        for _ in 1...4 { try test.snapshot() }
        test.check()
        #expect(test.faults == [])
        // Kept by trimming, too, as far as it was asked for.
        test.fileSystem.capacityByteCount = nil
        let before = test.store.pages.capacityPageCount
        #expect(try test.store.trim(sparePageCount: 0) > 0)
        #expect(test.store.pages.capacityPageCount < before)
        test.check()
        #expect(test.faults == [])
    }
}
