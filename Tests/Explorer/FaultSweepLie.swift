import HoldfastRecords
import HoldfastSimulation
import HoldfastStore

// After a lie the disk is not what the store was told. What is there is there, or it is said what is
// not; other bytes than a job was born with are never handed out (S2, S13).
extension SweepJudge {
    /// Opens what the disk has come to, looks at all of it, goes on with it, and opens it again.
    ///
    /// - Parameter end: what had been acknowledged, and what the state was.
    mutating func judgeLie(
        _ name: String, _ disk: SimulatedDisk, _ end: SweepRun.Beginning, _ hits: [SimulatedHit]
    ) {
        let fileSystem = SimulatedFileSystem(disk)
        var found = Findings(end: end, hits: hits)
        do {
            var store: StoreUnderTest? = try open(fileSystem, end.clock, 1, subject.layout)
            look(at: store!, &found, acknowledged: end.acknowledged)
            guard found.goesOn else { return close(name, found) }
            try work(store!, &found.timeline)
            let acknowledged = fileSystem.note
            let clock = store!.clock
            // What is said of what was there before holds for what is there now, and everything up
            // to here is certified by the START of this opening.
            found.end.acknowledged = acknowledged
            found.end.lives = [acknowledged: store!.liveJobs]
            found.end.evidence = LogEvidence()
            store = nil
            fileSystem.disk =
                call % 3 == 0
                ? fileSystem.disk.afterPowerLoss(CrashChoices()) : fileSystem.disk.afterKill()
            store = try open(fileSystem, clock, 2, subject.layout)
            look(at: store!, &found, acknowledged: acknowledged)
            close("\(name), later", found)
        } catch {
            // Said, and nothing is done.
            found.outcome = fileSystem.activity == Activity.opening ? .notOpened : .stopped
            judgeRefusal(fileSystem, error, &found)
            close(name, found)
        }
    }

    private struct Findings {
        var end: SweepRun.Beginning
        let hits: [SimulatedHit]
        var timeline: Timeline
        var outcome = SweepOutcome.harmless
        var faults: [String] = []

        init(end: SweepRun.Beginning, hits: [SimulatedHit]) {
            self.end = end
            self.hits = hits
            timeline = end.timeline
        }

        /// Whether there is more to be judged.
        var goesOn: Bool { faults.isEmpty && [.harmless, .cut, .passed].contains(outcome) }
    }

    private mutating func close(_ name: String, _ found: Findings) {
        verdict.faults += found.faults.map { "\(name): \($0)" }
        if found.outcome != .harmless { verdict.outcome = found.outcome }
    }

    private func look(
        at store: StoreUnderTest, _ found: inout Findings, acknowledged: LSN
    ) {
        let hash = store.stateHash
        if store.pageFailure != nil {
            found.outcome = .found
            return
        }
        let live = store.liveJobs
        if let report = store.damageReport {
            found.outcome = .passed
            judge(missing: report, live, &found, acknowledged)
            found.timeline.passDamage(to: store.lastLSN, stateHash: hash)
        } else if let fault = found.timeline.fault(
            endingAt: store.lastLSN, stateHash: hash, acknowledged: acknowledged)
        {
            if isMadeAnew(live, found) {
                found.outcome = .passed
                found.timeline.cut(after: store.lastLSN)
                found.timeline.passDamage(to: store.lastLSN, stateHash: hash)
                return judgeBirths(live, store, &found)
            }
            guard store.lastLSN < acknowledged,
                found.end.evidence.isWithout(
                    store.lastLSN, through: acknowledged, found.hits),
                found.timeline.stateHash(at: store.lastLSN) == hash
            else {
                found.faults.append(fault)
                return
            }
            found.outcome = .cut
        }
        found.timeline.cut(after: store.lastLSN)
        judgeBirths(live, store, &found)
    }

    /// Whether an opening that was to go on past damage, and failed in the end, had made the state
    /// anew: another one, but no job is missing.
    private func isMadeAnew(_ live: [LSN], _ found: Findings) -> Bool {
        guard subject.workload.isDamaged, let known = found.end.lives[found.end.acknowledged] else {
            return false
        }
        let lasting = subject.recorded.passedLives.map { Set(known).intersection($0) }
        return lasting?.isSubset(of: live) ?? false
    }

    private func judgeBirths(_ live: [LSN], _ store: StoreUnderTest, _ found: inout Findings) {
        do {
            for (lsn, hash) in try store.contentHashes(ofBirths: live) {
                guard let hash else {
                    // Whoever leases it is told.
                    found.outcome = .found
                    continue
                }
                if hash != found.timeline.contentHash(ofBirth: lsn) {
                    found.faults.append("S2: job \(lsn) has other bytes than it was born with")
                }
            }
        } catch {
            found.faults.append("reading births: \(error)")
        }
    }

    /// Every job that is gone is named, but for those of commits of which nothing is left.
    private func judge(
        missing report: DamageReport, _ live: [LSN], _ found: inout Findings, _ acknowledged: LSN
    ) {
        let missing = report.missing + (report.rebuilt?.missing ?? [])
        let live = Set(live)
        guard let known = found.end.jobs(at: acknowledged) else { return }
        for lsn in known where !live.contains(lsn) && !missing.contains(where: { $0.contains(lsn) })
        {
            if found.end.evidence.isWithout(lsn - 1, through: acknowledged, found.hits) { continue }
            found.faults.append("S13: job \(lsn) is gone, and nobody says so: \(missing)")
        }
    }

    private func work(_ store: StoreUnderTest, _ timeline: inout Timeline) throws {
        if call % 8 == 7 { return }
        var workload = Workload(seed: seed)
        for _ in 0..<4 { workload.step(on: store) }
        try store.commit(&timeline)
        try store.idle()
        for _ in 0..<3 { workload.step(on: store) }
        try store.commit(&timeline)
        for _ in 0..<call % 4 { _ = try store.maintenanceStep() }
    }

    /// It was refused for what is on the disk; verify says the same, and a start that is told to go
    /// on names what is gone.
    private func judgeRefusal(
        _ fileSystem: SimulatedFileSystem, _ error: any Error, _ found: inout Findings
    ) {
        let disk = fileSystem.disk.afterKill()
        guard found.outcome == .notOpened else { return }
        guard (error as? StoreFault)?.isRefusalOfData == true else {
            found.faults.append("no refusal of what is on the disk: \(error)")
            return
        }
        let damages: [StoreDamage]
        do {
            damages = try StoreInspection(
                SimulatedFileSystem(disk), subject.layout.configuration
            ).verify().damages
        } catch {
            // Which store it is cannot be said.
            return
        }
        if damages.isEmpty { found.faults.append("F33: verify names nothing, and \(error)") }
        var layout = subject.layout
        layout.configuration.onDamage = .quarantine
        do {
            let other = SimulatedFileSystem(disk)
            let store = try open(other, found.end.clock, 3, layout)
            let live = store.liveJobs
            if store.pageFailure != nil { return }
            if let report = store.damageReport {
                judge(missing: report, live, &found, found.end.acknowledged)
            }
            judgeBirths(live, store, &found)
            found.outcome = .notOpened
        } catch {
            // There are stores that nobody can go on with; it is said.
            guard (error as? StoreFault)?.isRefusalOfData == true else {
                found.faults.append("past the damage: \(error)")
                return
            }
        }
    }
}
