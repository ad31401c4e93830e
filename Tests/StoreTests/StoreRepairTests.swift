import HoldfastDisk
import HoldfastEngine
import HoldfastModel
import HoldfastPages
import HoldfastRecords
import HoldfastSimulation
import HoldfastStore
import HoldfastWAL
import Testing

/// F33: tools on damaged stores, and their repair.
@Suite struct StoreRepairTests {
    private static let start = LogStart(
        bootID: UniqueID(high: 1, low: 1), wallMilliseconds: 2_000_000, bootMilliseconds: 9_000,
        softwareVersion: "repair")
    private static let reading: Set<DiskError.Call> = [
        .open, .list, .byteCount, .read, .space, .lock,
    ]

    private func repair(_ fileSystem: SimulatedFileSystem) -> StoreRepair {
        StoreRepair(fileSystem, StoreRig.tiny, start: Self.start)
    }

    private func inspect(_ disk: SimulatedDisk) throws -> StoreInspection {
        try StoreInspection(SimulatedFileSystem(disk), StoreRig.tiny)
    }

    private func live(_ engine: borrowing JobEngine) -> Set<LSN> {
        Set(engine.liveJobs(in: 1...max(1, engine.lastLSN)))
    }

    /// Why a start with default settings is refused, one that reads every page; nil where it is not.
    private func refusal(_ disk: SimulatedDisk) -> String? {
        let fileSystem = SimulatedFileSystem(disk)
        PageSuspicion.note("a test", in: fileSystem)
        do {
            let rig = try StoreRig(fileSystem)
            _ = rig.engine.invariantFaults()
            return rig.engine.pages.failure.map { "\($0)" }
        } catch {
            return "\(error)"
        }
    }

    /// Looks at all there is to look at; what a tool says of it is its own affair, but it comes back.
    private func lookAtEverything(_ inspection: StoreInspection) {
        _ = try? inspection.segmentUses()
        _ = try? inspection.statistics()
        _ = try? inspection.rebuild()
        for segment in (try? inspection.log.segments()) ?? [] where !segment.isCompacted {
            try? inspection.log.examine(segment: segment.number) { _ in }
        }
    }

    @Test(
        "whatever was done to it: verify says what a start says, and after a repair it starts, less what was said to be gone",
        arguments: 0..<20)
    func anything(part: Int) throws {
        let whole = QuarantineTests.whole
        let before = try inspect(whole).restore()
        let known = live(before.engine)
        let dump = before.engine.canonicalDump()
        let last = try #require(
            whole.files.filter { $0.hasSuffix(".seg") && $0.hasPrefix("log/") }.max())
        var repairedCount = 0
        for seed in UInt64(part * 50)..<UInt64(part * 50 + 50) {
            var disk = whole
            let change = disk.harm(seed: seed)
            let refusal = refusal(disk)
            let fileSystem = SimulatedFileSystem(disk)
            let inspection: StoreInspection
            do {
                inspection = try StoreInspection(fileSystem, StoreRig.tiny)
            } catch {
                #expect(refusal != nil, "\(change): \(error)")
                continue
            }
            lookAtEverything(inspection)
            let isDamageFound = (try? inspection.verify().damages.isEmpty) != true
            #expect(refusal == nil || isDamageFound, "\(change): \(refusal ?? "")")
            let plan = try repair(fileSystem).plan()
            #expect(
                fileSystem.calls.allSatisfy { Self.reading.contains($0.call) },
                "\(change): a plan only looks")
            #expect(plan.isNeeded == isDamageFound, "\(change)")
            if plan.obstacle != nil {
                // What nothing can be made of stays as it is.
                #expect(refusal != nil, "\(change): \(plan.obstacle ?? "")")
                let kept = SimulatedFileSystem(disk)
                #expect(try repair(kept).run().isWritten == false, "\(change)")
                #expect(kept.disk.files == disk.files, "\(change)")
                continue
            }
            guard plan.isNeeded else { continue }
            let report = try repair(fileSystem).run()
            #expect(report.obstacle == nil, "\(change): \(report.obstacle ?? "")")
            #expect(
                (report.isWritten, report.jobCount) == (true, plan.jobCount), "\(change)")
            #expect(report.missing == plan.missing, "\(change)")
            #expect(report.quarantined == plan.quarantined, "\(change)")
            repairedCount += 1
            // Of a last segment that is gone, or another file by now, nothing tells what it held.
            guard disk.contents(last)?.prefix(64) == whole.contents(last)?.prefix(64) else {
                continue
            }
            // Durably: nothing is left to the page cache.
            let repaired = fileSystem.disk.afterPowerLoss(CrashChoices())
            #expect(self.refusal(repaired) == nil, "\(change): \(self.refusal(repaired) ?? "")")
            let after = try inspect(repaired).restore()
            let lost = known.subtracting(live(after.engine))
            #expect(
                lost.allSatisfy { lsn in report.missing.contains { $0.contains(lsn) } },
                "\(change): lost \(lost.sorted()), said \(report.missing)")
            if report.missing.isEmpty, report.rebuilt == nil {
                let isSame = after.engine.canonicalDump() == dump
                #expect(isSame, "\(change)")
            }
            // What is left is known now, and not reported again.
            let found = try inspect(repaired).verify()
            let harmful = found.damages.filter { !isUnreferredPage($0, in: repaired) }
            #expect(harmful == [], "\(change)")
            #expect(
                found.known.filter(isLasting) == report.remaining.filter(isLasting), "\(change)")
            if found.damages.isEmpty {
                #expect(
                    try !repair(SimulatedFileSystem(repaired)).plan().isNeeded, "\(change)")
            }
        }
        #expect(repairedCount > 20)
    }

    /// A place that was taken for a page to be written later may hold whatever it held before.
    private func isUnreferredPage(_ damage: StoreDamage, in disk: SimulatedDisk) -> Bool {
        guard case .page = damage else { return false }
        return (try? inspect(disk).readEveryPage()) != nil
    }

    /// Not what is derived and made anew, or what nothing refers to.
    private func isLasting(_ damage: StoreDamage) -> Bool {
        switch damage {
        case .log(let damage): damage.kind != .sidecar
        case .page: false
        default: true
        }
    }

    /// A store with a job that lives in a segment before its snapshots, which is damaged there.
    private func withDamagedBirth() throws -> (disk: SimulatedDisk, path: String, offset: Int) {
        let disk = QuarantineTests.whole
        let state = try inspect(disk).restore()
        let log = try inspect(disk).log
        for segment in try log.segments() where segment.state == .sealed {
            var place: Int?
            try log.examine(segment: segment.number) { item in
                if case .record(let lsn, let offset, let isIndexed, _) = item, isIndexed,
                    place == nil, state.engine.liveCount(in: lsn...lsn) == 1
                {
                    place = offset
                }
            }
            guard let place else { continue }
            var damaged = disk
            damaged.flipBit(segment.path, at: place + 30, bit: 2)
            return (damaged, segment.path, place + 30)
        }
        throw NoSuchSegment()
    }

    private struct NoSuchSegment: Error {}

    @Test("what a repair leaves in the log is known until its bytes change again")
    func knownDamage() throws {
        let (disk, path, offset) = try withDamagedBirth()
        let fileSystem = SimulatedFileSystem(disk)
        let report = try repair(fileSystem).run()
        #expect(report.obstacle == nil)
        let repaired = fileSystem.disk.afterKill()
        guard repaired.files.contains(path), !report.remaining.isEmpty else {
            Issue.record("\(path) is not needed: \(report)")
            return
        }
        #expect(try inspect(repaired).verify().damages == [])
        var again = repaired
        again.flipBit(path, at: offset, bit: 6)
        let found = try inspect(again).verify()
        #expect(found.damages.contains { $0.path == path })
        #expect(found.known == [])
        // Nor does a list say anything that is not whole.
        var forgotten = repaired
        forgotten.flipBit("quarantine/known-damage", at: 40, bit: 1)
        #expect(try inspect(forgotten).verify().damages == report.remaining)
        #expect(try inspect(forgotten).verify().missing == [])
    }

    @Test("jobs without a payload are named, as far as they live")
    func unreadableJobs() throws {
        let (disk, _, _) = try withDamagedBirth()
        let whole = try inspect(QuarantineTests.whole).restore()
        let plan = try repair(SimulatedFileSystem(disk)).plan()
        #expect(plan.unreadableJobs.count + plan.lostJobs.count + Int(plan.missingRecordCount) > 0)
        #expect(Set(plan.unreadableJobs.first).isSubset(of: live(whole.engine)))
    }

    @Test("quarantine has an end: what is beyond it is counted and not kept")
    func boundedQuarantine() throws {
        var disk = QuarantineTests.whole
        let last = try #require(disk.files.filter { $0.hasSuffix(".seg") }.max())
        disk.corrupt(last, at: 8_192, with: [UInt8](repeating: 5, count: 4_096))
        let fileSystem = SimulatedFileSystem(disk)
        try fileSystem.makeDirectory("quarantine")
        for number in 0..<QuarantineUse.fileCountMax {
            _ = try fileSystem.createFile("quarantine/\(number)")
        }
        let full = SimulatedFileSystem(fileSystem.disk.afterKill())
        let report = try repair(full).run()
        #expect(report.isWritten && report.obstacle == nil)
        #expect(report.uncopiedByteCount > 0)
        #expect(report.quarantined == [])
        // With room they are kept, once however often they are met.
        let roomy = SimulatedFileSystem(disk)
        #expect(try repair(roomy).plan().quarantined.count > 0)
    }

    @Test("a state that contradicts itself beside a damaged log: one repair mends both")
    func contradictionBesideDamage() throws {
        var disk = try QuarantineTests.miscounted(QuarantineTests.whole)
        let last = try #require(
            disk.files.filter { $0.hasSuffix(".seg") && $0.hasPrefix("log/") }.max())
        disk.truncate(last, to: try #require(disk.contents(last)?.count) - 6)
        let fileSystem = SimulatedFileSystem(disk)
        let report = try repair(fileSystem).run()
        #expect(report.obstacle == nil && report.rebuilt != nil)
        let isOfState = report.remaining.contains(where: \.isOfState)
        #expect(!isOfState)
        let store = try inspect(fileSystem.disk).restore()
        let faults = store.engine.invariantFaults()
        #expect(faults == [])
    }

    @Test("a whole store is left as it is, and one that is no store is refused")
    func nothingToRepair() throws {
        let fileSystem = SimulatedFileSystem(QuarantineTests.whole)
        let report = try repair(fileSystem).run()
        #expect(!report.isNeeded && !report.isWritten && report.obstacle == nil)
        #expect(fileSystem.calls.allSatisfy { Self.reading.contains($0.call) })
        #expect(throws: StoreFault.self) { _ = try repair(SimulatedFileSystem()).run() }
    }
}
