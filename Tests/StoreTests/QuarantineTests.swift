import HoldfastDisk
import HoldfastEngine
import HoldfastPages
import HoldfastRecords
import HoldfastSimulation
import HoldfastSnapshots
import HoldfastStore
import HoldfastWAL
import Testing

/// F6, F7 and S13: starts that go on past damage.
@Suite struct QuarantineTests {
    private static let passing: StoreConfiguration = {
        var configuration = StoreRig.tiny
        configuration.onDamage = .quarantine
        return configuration
    }()

    /// A store that was closed in order, with a good deal behind its last snapshot.
    static let whole: SimulatedDisk = {
        do {
            let (rig, _) = try StoreInspectionTests.compacted()
            let leased = try rig.lease("kept", count: 5)
            try rig.snapshot()
            for round in 0..<12 {
                try rig.enqueue("late", count: 8, payloadByteCount: 900)
                try rig.ack(try rig.lease("late", count: round % 3))
            }
            try rig.ack(Array(leased.prefix(2)))
            try rig.close()
            return rig.disk.disk.afterKill()
        } catch {
            preconditionFailure("the store cannot be made: \(error)")
        }
    }()

    private func jobs(_ engine: borrowing JobEngine) -> Set<LSN> {
        Set(engine.liveJobs(in: 1...engine.lastLSN))
    }

    /// Starts, and where a page fails that the start did not need, once more, as a broker does that
    /// ends because of it.
    private func open(_ disk: SimulatedDisk, _ seed: UInt64) throws -> StoreRig {
        let fileSystem = SimulatedFileSystem(disk)
        let rig = try StoreRig(fileSystem, Self.passing, seed: seed)
        _ = rig.engine.invariantFaults()
        guard let failure = rig.engine.pages.failure else { return rig }
        PageSuspicion.note("\(failure)", in: fileSystem)
        return try StoreRig(
            SimulatedFileSystem(fileSystem.disk.afterKill()), Self.passing, seed: seed + 1)
    }

    @Test(
        "S13: what is not named as gone is as it was, and no later start refuses", arguments: 0..<16
    )
    func anything(part: Int) throws {
        let before = try StoreInspection(SimulatedFileSystem(Self.whole), StoreRig.tiny).restore()
        let live = jobs(before.engine)
        var passedCount = 0
        for seed in UInt64(part * 25)..<UInt64(part * 25 + 25) {
            var disk = Self.whole
            let change = disk.damage(seed: seed)
            // For all that is left, a last segment that is gone never was.
            let segments = Self.whole.files.filter { $0.hasSuffix(".seg") && $0.hasPrefix("log/") }
            if let last = segments.max(), !disk.files.contains(last) { continue }
            let rig: StoreRig
            do {
                rig = try open(disk, seed)
            } catch {
                Issue.record("\(change): \(error)")
                continue
            }
            let after = jobs(rig.engine)
            let report = rig.damageReport
            let missing = (report?.missing ?? []) + (report?.rebuilt?.missing ?? [])
            let lost = live.subtracting(after)
            #expect(
                lost.allSatisfy { lsn in missing.contains { $0.contains(lsn) } },
                "\(change): lost \(lost.sorted()), said \(missing)")
            if missing.isEmpty, report?.rebuilt == nil {
                #expect(after == live, "\(change)")
            }
            if report != nil { passedCount += 1 }
            #expect(rig.engine.invariantFaults() == [], "\(change)")
            // What is read of them is what was written, or nothing.
            var wrong: [LSN] = []
            try rig.log.read(after.sorted()) { lsn, body in
                if let body, !isBirth(body, lsn) { wrong.append(lsn) }
            }
            #expect(wrong == [], "\(change)")
            // The same with the next start, which refuses damage.
            let next = try StoreInspection(
                SimulatedFileSystem(rig.disk.disk.afterKill()), StoreRig.tiny
            ).restore()
            #expect(next.engine.canonicalDump() == rig.dump(), "\(change)")
            // New work is done as ever, and no id is given twice.
            let new = try rig.enqueue("new", count: 3)
            #expect(new.allSatisfy { $0 > before.engine.lastLSN }, "\(change)")
            #expect(try rig.lease("new", count: 3).count == 3, "\(change)")
            try rig.snapshot()
            let dump = rig.dump()
            try rig.losePower()
            #expect(rig.dump() == dump, "\(change)")
        }
        #expect(passedCount > 5)
    }

    private func isBirth(_ body: UnsafeRawBufferPointer, _ lsn: LSN) -> Bool {
        guard let birth = BirthFacts(lsn: lsn, body: body) else { return false }
        return birth.queue.rawValue < 8
    }

    @Test("without a snapshot the state is made anew from what is left", arguments: 0..<8)
    func noSnapshots(part: Int) throws {
        let before = try StoreInspection(SimulatedFileSystem(Self.whole), StoreRig.tiny).restore()
        let live = jobs(before.engine)
        for seed in UInt64(2_000 + part * 10)..<UInt64(2_000 + part * 10 + 10) {
            var disk = Self.whole
            for path in disk.files where path.hasPrefix("snap/") {
                disk.flipBit(path, at: 9, bit: 1)
            }
            let change = disk.damage(seed: seed)
            let segments = Self.whole.files.filter {
                $0.hasSuffix(".seg") && $0.hasPrefix("log/")
            }
            if let last = segments.max(), !disk.files.contains(last) { continue }
            let rig: StoreRig
            do {
                rig = try open(disk, seed)
            } catch {
                Issue.record("\(change): \(error)")
                continue
            }
            let report = rig.damageReport
            let missing = (report?.missing ?? []) + (report?.rebuilt?.missing ?? [])
            let lost = live.subtracting(jobs(rig.engine))
            #expect(
                lost.allSatisfy { lsn in missing.contains { $0.contains(lsn) } },
                "\(change): lost \(lost.sorted()), said \(missing)")
            #expect(rig.engine.invariantFaults() == [], "\(change)")
        }
    }

    @Test("a crash in the middle of such a start is no obstacle", arguments: 0..<8)
    func crashes(part: Int) throws {
        for seed in UInt64(part)..<UInt64(part) + 1 {
            var damaged = Self.whole
            let change = damaged.damage(seed: 1_000 + seed)
            let whole = SimulatedFileSystem(damaged)
            whole.keepsMoments = true
            _ = try StoreRig(whole, Self.passing, seed: seed)
            var dumps: Set<[UInt8]> = []
            let moments = whole.moments
            for number in stride(from: 0, to: moments.count, by: 5) {
                let disk = moments[number].disk.afterPowerLoss(CrashChoices())
                dumps.insert(try open(disk, seed).dump())
            }
            #expect(dumps.count <= 2, "\(change)")
        }
    }

    // MARK: Pages

    /// A page of the newest snapshot that no start reads.
    private func damagedPage(_ disk: SimulatedDisk) throws -> SimulatedDisk {
        for path in disk.files where path.hasPrefix("pages/") {
            let bytes = disk.contents(path) ?? []
            for page in 0..<bytes.count / 4_096 {
                var damaged = disk
                damaged.flipBit(path, at: page * 4_096 + 100, bit: 3)
                let inspection = try StoreInspection(SimulatedFileSystem(damaged), StoreRig.tiny)
                guard (try? inspection.restore()) != nil else { continue }
                let verification = try inspection.verify()
                let isNeeded = verification.damages.contains {
                    if case .page = $0 { true } else { false }
                }
                if isNeeded, verification.jobCount == nil { return damaged }
            }
        }
        throw NoSuchPage()
    }

    private struct NoSuchPage: Error {}

    @Test("a broker that ended because of a page does not come and go for ever")
    func suspectPage() throws {
        let damaged = SimulatedFileSystem(try damagedPage(Self.whole))
        PageSuspicion.note("page 7", in: damaged)
        #expect(throws: StoreFault.self) { _ = try StoreRig(damaged) }
        // It stays so, and nothing was changed.
        let again = SimulatedFileSystem(damaged.disk.afterKill())
        #expect(throws: StoreFault.self) { _ = try StoreRig(again) }
        let rig = try StoreRig(SimulatedFileSystem(damaged.disk.afterKill()), Self.passing)
        #expect(rig.damageReport?.rebuilt != nil)
        #expect(!rig.disk.disk.files.contains("SUSPECT"))
    }

    @Test("a suspicion that is not confirmed is forgotten")
    func unconfirmedSuspicion() throws {
        let whole = SimulatedFileSystem(Self.whole)
        PageSuspicion.note("page 7", in: whole)
        PageSuspicion.note("page 7", in: whole)
        let rig = try StoreRig(SimulatedFileSystem(whole.disk.afterPowerLoss(CrashChoices())))
        #expect(rig.damageReport == nil)
        #expect(!rig.disk.disk.files.contains("SUSPECT"))
    }

    /// The newest snapshot counts one dead job more in its first queue than there is. All checksums are
    /// good.
    static func miscounted(_ disk: SimulatedDisk) throws -> SimulatedDisk {
        let fileSystem = SimulatedFileSystem(disk)
        let inspection = try StoreInspection(fileSystem, StoreRig.tiny)
        let slot = try #require(inspection.snapshots.newestSlot)
        let name = try #require(
            inspection.restore().engine.queues(after: nil, limit: 1).first?.name)
        let path = "snap/\(slot)"
        // See docs/snapshots.md and docs/engine-root.md.
        let bytes = try #require(disk.contents(path))
        let text = [UInt8(name.utf8.count)] + Array(name.utf8)
        let root = 4_096..<4_096 + Int(ChecksumRepair.integer(UInt64.self, bytes, 56))
        let found = root.first { Array(bytes[$0..<$0 + text.count]) == text }
        let policy = try #require(found) + text.count
        var changed = disk
        changed.forge(path) { $0[policy + 28 + 4 + 16] += 1 }
        return changed
    }

    @Test(
        "a state that contradicts itself is refused where it is suspected, and made anew where it may be"
    )
    func contradiction() throws {
        let miscounted = try Self.miscounted(Self.whole)
        // Pages are read when they are needed: nobody has looked.
        _ = try StoreRig(SimulatedFileSystem(miscounted))
        let suspected = SimulatedFileSystem(miscounted)
        PageSuspicion.note("a decision that did not fit", in: suspected)
        do {
            _ = try StoreRig(suspected)
            Issue.record("it is served")
        } catch let fault as StoreFault {
            guard case .page(let failure) = fault else { throw fault }
            #expect(failure.isContradiction)
        }
        let rig = try StoreRig(SimulatedFileSystem(suspected.disk.afterKill()), Self.passing)
        #expect(rig.damageReport?.rebuilt != nil)
        #expect(rig.engine.invariantFaults().isEmpty)
        #expect(!rig.disk.disk.files.contains("SUSPECT"))
    }
}
