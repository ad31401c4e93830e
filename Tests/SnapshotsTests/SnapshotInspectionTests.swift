import HoldfastDisk
import HoldfastPages
import HoldfastSimulation
import HoldfastSnapshots
import Testing

@Suite struct SnapshotInspectionTests {
    static func inspect(
        _ disk: SimulatedDisk
    ) throws -> (SnapshotInspection, SnapshotInspection.PageSummary, [UInt32: PageFault]) {
        let inspection = SnapshotInspection(
            SimulatedFileSystem(disk), identity: TestSnapshots.identity)
        var damaged: [UInt32: PageFault] = [:]
        let summary = try inspection.verifyPages { damaged[$0.number] = $0.fault }
        return (inspection, summary, damaged)
    }

    @Test("a sound store: the slots and all pages of the two newest snapshots")
    func sound() throws {
        let test = try TestSnapshots()
        for _ in 1...4 { try test.snapshot() }
        let reserved = test.space.reserve()
        try test.snapshot()
        let (inspection, summary, damaged) = try Self.inspect(test.fileSystem.disk)
        #expect(damaged == [:])
        let newest = try #require(test.store.newest)
        #expect(inspection.newestSlot == newest.slot)
        #expect(inspection.previousSlot != newest.slot)
        guard case .whole(let found) = inspection.slots[newest.slot] else {
            Issue.record("\(inspection.slots)")
            return
        }
        #expect(found.number == newest.number)
        #expect(found.lastLSN == newest.lastLSN)
        #expect(found.usedPageCount == newest.used.count)
        #expect(found.segments == newest.segments)
        #expect(newest.used.contains(reserved.number))
        #expect(summary.pageCount >= newest.used.count)
        #expect(summary.wholeCount + summary.unwrittenCount == summary.pageCount)
        #expect(summary.damagedCount == 0)
    }

    @Test("F6, F7: a changed page, a page in another's place and a lost file are named")
    func damaged() throws {
        let test = try TestSnapshots()
        for _ in 1...4 { try test.snapshot() }
        let disk = test.fileSystem.disk.afterKill()
        let first = test.entries[0].reference.number
        let second = test.entries[1].reference.number
        func place(_ number: UInt32) -> (String, Int) {
            (SnapshotLayout.extent(Int(number - 1) / 3), Int(number - 1) % 3 * 4096)
        }
        for bit in stride(from: 0, to: 4096 * 8, by: 97) {
            var changed = disk
            let (path, offset) = place(first)
            changed.flipBit(path, at: offset + bit / 8, bit: bit % 8)
            #expect(Array(try Self.inspect(changed).2.keys) == [first], "bit \(bit)")
        }
        var misplaced = disk
        let (path, offset) = place(second)
        let page = disk.contents(path)![offset..<offset + 4096]
        let (otherPath, otherOffset) = place(first)
        misplaced.corrupt(otherPath, at: otherOffset, with: Array(page))
        #expect(try Self.inspect(misplaced).2 == [first: .number(second)])
        var lost = disk
        lost.delete(path)
        #expect(try Self.inspect(lost).1.unwrittenCount > 0)
    }

    @Test("a slot that cannot be read, is damaged or is empty is said to be so")
    func slots() throws {
        let test = try TestSnapshots()
        for _ in 1...2 { try test.snapshot() }
        var disk = test.fileSystem.disk.afterKill()
        disk.flipBit(SnapshotLayout.slot(1), at: 4100, bit: 0)
        let fileSystem = SimulatedFileSystem(disk)
        fileSystem.fail(
            SimulatedFault([.read], pathPart: SnapshotLayout.slot(0), code: Code.inputOutput))
        let inspection = SnapshotInspection(fileSystem, identity: TestSnapshots.identity)
        guard case .unreadable = inspection.slots[0],
            case .passedOver(_, 2) = inspection.slots[1]
        else {
            Issue.record("\(inspection.slots)")
            return
        }
        #expect(inspection.slots[2] == .empty)
        #expect(inspection.newestSlot == nil)
        #expect(try inspection.verifyPages { _ in }.pageCount == 0)
    }
}
