import HoldfastDisk
import HoldfastEngine
import HoldfastRecords
import HoldfastSimulation
import HoldfastSnapshots
import HoldfastStore
import HoldfastWAL
import Testing

/// F6, F33: one change anywhere in a store.
@Suite struct StoreDamageTests {
    private static let whole: SimulatedDisk = {
        do {
            let (rig, _) = try StoreInspectionTests.compacted()
            _ = try rig.lease("kept", count: 5)
            try rig.snapshot()
            try rig.enqueue("late", count: 3)
            return rig.disk.disk.afterKill()
        } catch {
            preconditionFailure("the store cannot be made: \(error)")
        }
    }()

    private func dump(_ disk: SimulatedDisk) throws -> [UInt8] {
        let store = try StoreInspection(SimulatedFileSystem(disk), StoreRig.tiny).restore()
        return store.engine.canonicalDump()
    }

    @Test(
        "whatever is changed, tools go on; and what verify calls whole starts as it was",
        arguments: 0..<12)
    func anything(part: Int) throws {
        let before = try dump(Self.whole)
        var found = 0
        for seed in UInt64(part * 40)..<UInt64(part * 40 + 40) {
            var disk = Self.whole
            let change = disk.damage(seed: seed)
            let inspection = try StoreInspection(SimulatedFileSystem(disk), StoreRig.tiny)
            let verification = try inspection.verify()
            _ = try inspection.segmentUses()
            _ = try inspection.statistics()
            if verification.damages.isEmpty {
                #expect(try dump(disk) == before, "\(change)")
                #expect(verification.jobCount != nil, "\(change)")
            } else {
                found += 1
            }
            do throws(RebuildFault) {
                let report = try inspection.rebuild()
                #expect(report.lastLSN > 0, "\(change)")
            } catch {
                if case .notNeeded = error {
                    // A start succeeds: then with the state as it was, or with an older commit.
                    _ = try dump(disk)
                }
            }
        }
        #expect(found > 10)
    }

    @Test(
        "a newest snapshot with good checksums that cannot be gone on from is refused, and says why",
        arguments: [
            (32, 1 << 31 - 1, "its number leaves none for those that come"),
            (40, 1, "it ends with another record than its header says"),
        ])
    func forged(offset: Int, value: UInt64, reason: String) throws {
        try expectRefused(reason) { bytes in ChecksumRepair.put(value, &bytes, offset) }
    }

    @Test("a newest snapshot that lists records behind its own last is refused")
    func forgedListing() throws {
        try expectRefused("it lists records that are not its own") { bytes in
            let listing = 4_096 + Int(ChecksumRepair.integer(UInt64.self, bytes, 56))
            let last = ChecksumRepair.integer(UInt64.self, bytes, 40)
            ChecksumRepair.put(last + 2, &bytes, listing + 24)
        }
    }

    /// See docs/snapshots.md for the offsets that `change` writes to.
    private func expectRefused(_ reason: String, _ change: (inout [UInt8]) -> Void) throws {
        let inspection = try StoreInspection(SimulatedFileSystem(Self.whole), StoreRig.tiny)
        let slot = try #require(inspection.snapshots.newestSlot)
        var disk = Self.whole
        disk.forge("snap/\(slot)", change)
        do {
            _ = try StoreRig(SimulatedFileSystem(disk))
            Issue.record("it is served")
        } catch let fault as StoreFault {
            guard case .root(_, let fault) = fault else { throw fault }
            #expect(fault.reason == reason)
        }
    }

    @Test("after a rebuilding no job is missing that was there before it", arguments: 0..<8)
    func rebuilt(part: Int) throws {
        let live = try StoreInspection(SimulatedFileSystem(Self.whole), StoreRig.tiny).restore()
        let jobs = live.engine.liveJobs(in: 1...live.engine.lastLSN)
        var count = 0
        for seed in UInt64(part * 40)..<UInt64(part * 40 + 40) {
            var disk = Self.whole
            // All snapshots are gone, and one thing more is damaged.
            for path in disk.files where path.hasPrefix("snap/") {
                disk.flipBit(path, at: 9, bit: 1)
            }
            let whole = disk
            let change = disk.damage(seed: seed)
            let fileSystem = SimulatedFileSystem(disk)
            let report: RebuildReport
            do throws(RebuildFault) {
                report = try StoreRebuilding.run(fileSystem, StoreRig.tiny)
            } catch {
                let after = fileSystem.disk
                #expect(
                    after.files.filter { !$0.hasPrefix("LOCK") }
                        == disk.files.filter { !$0.hasPrefix("LOCK") }, "\(change)")
                continue
            }
            count += 1
            let store = try StoreInspection(SimulatedFileSystem(fileSystem.disk), StoreRig.tiny)
                .restore()
            // Of what came after the last record that is left nothing says that it ever was.
            let missing = jobs.filter {
                $0 <= report.lastLSN && store.engine.liveCount(in: $0...$0) == 0
            }
            // Only where the log itself was damaged can a birth be lost, and then it is said.
            let isLogWhole =
                disk.files.filter { $0.hasPrefix("log/") }.allSatisfy {
                    disk.contents($0) == whole.contents($0)
                } && disk.files.count == whole.files.count
            if isLogWhole { #expect(missing == [], "\(change)") }
            if !missing.isEmpty {
                let lost = report.missing
                #expect(
                    missing.allSatisfy { lsn in lost.contains { $0.contains(lsn) } },
                    "\(change): lost \(missing), said \(lost), of \(whole.files)")
            }
        }
        #expect(count > 0)
    }
}
