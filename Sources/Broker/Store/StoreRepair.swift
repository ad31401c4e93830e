package import HoldfastDisk
internal import HoldfastEngine
internal import HoldfastPages
internal import HoldfastRecords
internal import HoldfastSnapshots
package import HoldfastWAL

/// Has a damaged store go on without what is damaged, as `--on-damage quarantine` does, but by a
/// person's decision: first what it would come to is said, then it is done, then it is looked at.
///
/// All of it is a start and an end in order: the passing opening, the state made anew where its pages
/// cannot be used, and two snapshots behind the damage. The plan is that very start, on a draft of the
/// directory; so the plan says what will be, and no job that it has is missing afterwards.
package struct StoreRepair {
    /// Damaged pages, and what pages say that cannot be, are seen when the state is read, which damage
    /// to the log may have put off.
    private static let roundCountMax = 3

    private let fileSystem: any FileSystem
    private let configuration: StoreConfiguration
    private let start: LogStart

    /// - Parameter start: of the opening that the repair is.
    package init(
        _ fileSystem: any FileSystem, _ configuration: StoreConfiguration = StoreConfiguration(),
        start: LogStart
    ) {
        self.fileSystem = fileSystem
        self.configuration = configuration
        self.start = start
    }

    /// What a repair would do. Changes nothing on the disk; takes as much memory as it would write.
    ///
    /// - Throws: where it cannot be said which store this is.
    package func plan() throws(StoreFault) -> RepairReport { try planned().report }

    /// Does it, where there is something to do and the plan says that it can be done.
    ///
    /// - Throws: where another process has the directory, or the disk fails. A repair that was
    ///   interrupted is begun anew by the next one, or by a start with `--on-damage quarantine`; until
    ///   then the store is refused as before.
    package func run() throws(StoreFault) -> RepairReport {
        let (plan, planned) = try self.planned()
        guard plan.isNeeded, plan.obstacle == nil, let planned else { return plan }
        var (report, done) = try repaired(fileSystem, plan)
        report.isWritten = true
        guard report.obstacle == nil else { return report }
        if let lost = Self.first(of: planned.live, missingIn: done.live) {
            report.obstacle = "job \(lost) should be there, and is not"
        }
        return report
    }

    // MARK: The plan

    private func planned() throws(StoreFault) -> (report: RepairReport, state: Repaired?) {
        let before = try examine(fileSystem)
        let report = RepairReport(damages: before.damages, cause: before.cause)
        guard report.isNeeded else { return (report, nil) }
        do throws(StoreFault) {
            let (report, state) = try repaired(DraftFileSystem(fileSystem), report)
            return (report, state)
        } catch {
            var report = report
            report.obstacle = "\(error)"
            return (report, nil)
        }
    }

    /// What is damaged and not known to be, and why a start would be refused. What the disk does not
    /// give back is damage as well.
    private func examine(
        _ fileSystem: any FileSystem
    ) throws(StoreFault) -> (damages: [StoreDamage], cause: String?) {
        let inspection: StoreInspection
        do throws(StoreError) {
            inspection = try StoreInspection(fileSystem, configuration)
        } catch {
            throw .directory(error)
        }
        do throws(StoreFault) {
            let found = try inspection.verify()
            return (found.damages, found.unknown)
        } catch {
            return ([.start("\(error)")], "\(error)")
        }
    }

    // MARK: The repair

    /// What came out of it, as far as it is compared with something.
    private struct Repaired {
        /// Jobs that are not done, rising; nil where they are too many to be looked at.
        var live: [LSN]?
    }

    /// What one start came to.
    private struct Round {
        let report: DamageReport?
        let live: [LSN]?
        let jobCount: Int
        let leased: [LSN]
        let unreadable: [LSN]
        /// Of those, the ones born before the last record that is gone.
        let doubtfulJobCount: Int
    }

    private func repaired(
        _ fileSystem: any FileSystem, _ plan: RepairReport
    ) throws(StoreFault) -> (RepairReport, Repaired) {
        var report = RepairReport(damages: plan.damages, cause: plan.cause)
        let before = try quarantine(fileSystem)
        var after = (damages: plan.damages, cause: plan.cause)
        var state = Repaired()
        for _ in 0..<Self.roundCountMax {
            let round = try round(fileSystem, plan.damages)
            state.live = round.live
            report.add(round.report)
            report.jobCount = round.jobCount
            report.unreadableJobs = NamedJobs(round.unreadable)
            if report.rebuilt == nil, round.report?.gapCounts.gapCount ?? 0 > 0 {
                report.voidedJobs = NamedJobs(round.leased)
                report.doubtfulJobCount = round.doubtfulJobCount
            }
            after = try examine(fileSystem)
            // What pages say together is looked at by a start that meets no damage to the log.
            if after.cause == nil, !after.damages.contains(where: \.isOfState) { break }
        }
        report.missing = LSNRanges.merged(report.missing)
        report.missingRecordCount = report.missing.reduce(0) {
            $0 + ($1.upperBound - $1.lowerBound + 1)
        }
        report.remaining = after.damages
        report.obstacle = after.cause.map { "a broker would refuse the store all the same: \($0)" }
        if report.rebuilt == nil { report.lostJobs = lostJobs(in: report.missing) }
        do throws(DiskError) {
            if after.cause == nil {
                try note(report, in: fileSystem)
                if try PageSuspicion.isNoted(in: fileSystem) {
                    try PageSuspicion.clear(in: fileSystem)
                }
            }
        } catch {
            throw .directory(.disk(error))
        }
        report.quarantined = try quarantine(fileSystem).filter { !before.contains($0) }
        return (report, state)
    }

    private func round(
        _ fileSystem: any FileSystem, _ damages: [StoreDamage]
    ) throws(StoreFault) -> Round {
        // So that every page is read before any is relied upon.
        PageSuspicion.note("a repair", in: fileSystem)
        var configuration = configuration
        configuration.onDamage = .quarantine
        let store = try Store(fileSystem, configuration, start: start)
        let (directory, log, upkeep) = (store.directory, store.log, store.upkeep)
        defer { withExtendedLifetime(directory) {} }
        let report = store.damageReport
        var engine = store.takeEngine(bootMilliseconds: start.bootMilliseconds)
        // Where the log is well, something else may be damaged that snapshots leave behind them.
        if report?.damageCount ?? 0 == 0 { try Store.leaveBehind(&engine, upkeep) }
        let unreadable: [LSN]
        do throws(LogError) {
            unreadable = try Self.unreadable(damages, engine, log)
            try log.close()
            try LogInspection(fileSystem).mend(
                damages.compactMap { if case .log(let damage) = $0 { damage } else { nil } })
        } catch {
            throw .log(error)
        }
        let isCounted = engine.jobCount <= StoreInspection.checkedJobCountMax
        let lastMissing = report?.missing.last?.upperBound
        let round = Round(
            report: report,
            live: isCounted ? engine.liveJobs(in: 1...max(1, engine.lastLSN)) : nil,
            jobCount: engine.jobCount, leased: engine.leasedJobs, unreadable: unreadable,
            doubtfulJobCount: lastMissing.map { engine.liveCount(in: 1...max(1, $0)) } ?? 0)
        // What is read of a page that fails is nothing.
        if let failure = engine.pages.failure { throw .page(failure) }
        return round
    }

    /// The live jobs whose births lie in damaged places and cannot be read any more.
    private static func unreadable(
        _ damages: [StoreDamage], _ engine: borrowing JobEngine, _ log: WriteAheadLog
    ) throws(LogError) -> [LSN] {
        var births: Set<LSN> = []
        for lsns in damages.compactMap(\.lsns) {
            // Of a hostile file's numbers only those count that there can be.
            guard births.count < unreadableCountMax, lsns.lowerBound <= engine.lastLSN else {
                continue
            }
            let known = max(1, lsns.lowerBound)...max(1, min(lsns.upperBound, engine.lastLSN))
            births.formUnion(engine.liveJobs(in: known))
        }
        var unreadable: [LSN] = []
        try log.read(births.sorted()) { lsn, body in if body == nil { unreadable.append(lsn) } }
        return unreadable.sorted()
    }

    /// Births that are looked for, about.
    private static let unreadableCountMax = 1_000_000

    // MARK: What is lost

    /// Jobs that readable records speak of, though their births are gone, and that had not ended.
    private func lostJobs(in missing: [ClosedRange<LSN>]) -> NamedJobs {
        if missing.isEmpty { return NamedJobs() }
        var lost: Set<LSN> = []
        do {
            let parts = try LogParts(try StoreInspection(fileSystem, configuration))
            try parts.forEachRecord { lsn, _, body in
                guard let record = try? EngineRecord(lsn: lsn, body: body) else { return }
                let jobs = record.jobs.filter { job in
                    missing.contains { $0.contains(job) }
                }
                if [RecordType.ack.name, RecordType.cancel.name].contains(record.typeName) {
                    lost.subtract(jobs)
                } else if lost.count < Self.unreadableCountMax {
                    lost.formUnion(jobs)
                }
            }
        } catch {
            // The ranges say it then.
            return NamedJobs()
        }
        return NamedJobs(lost.sorted())
    }

    /// The first of these that are not among those; both rise. nil where one of them is not known.
    private static func first(of expected: [LSN]?, missingIn found: [LSN]?) -> LSN? {
        guard let expected, let found else { return nil }
        let known = Set(found)
        return expected.first { !known.contains($0) }
    }

    // MARK: What is put aside

    private func note(
        _ report: RepairReport, in fileSystem: any FileSystem
    ) throws(DiskError) {
        let old = KnownDamage(in: fileSystem)
        var known = KnownDamage()
        known.note(missing: old.missing)
        // What a rebuilding says is missing was mostly given back, and is damage to nobody.
        if report.rebuilt == nil { known.note(missing: report.missing) }
        for damage in report.remaining { known.note(damage, in: fileSystem) }
        for place in old.places { known.keep(place) }
        if known != old { try known.write(in: fileSystem) }
    }

    private func quarantine(
        _ fileSystem: any FileSystem
    ) throws(StoreFault) -> [RepairReport.Quarantined] {
        do throws(DiskError) {
            guard try fileSystem.list("").contains(SnapshotLayout.quarantine) else { return [] }
            var files: [RepairReport.Quarantined] = []
            for name in try fileSystem.list(SnapshotLayout.quarantine) {
                let path = "\(SnapshotLayout.quarantine)/\(name)"
                guard path != KnownDamage.path else { continue }
                let file = try fileSystem.openFile(path, for: .reading)
                files.append(.init(path: path, byteCount: try file.byteCount()))
            }
            return files
        } catch {
            throw .directory(.disk(error))
        }
    }
}

extension RepairReport {
    /// What one of several starts met.
    fileprivate mutating func add(_ report: DamageReport?) {
        guard let report else { return }
        missing += report.missing
        uncopiedByteCount += report.uncopiedByteCount
        guard let rebuilt = report.rebuilt else { return }
        self.rebuilt = rebuilt
        missing += rebuilt.missing
        voidedJobs = NamedJobs()
        voidedJobs.count = rebuilt.counts.leasedCount
        doubtfulJobCount = rebuilt.counts.doubtfulCount
    }
}
