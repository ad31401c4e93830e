import HoldfastRecords
import HoldfastSimulation
import HoldfastStore

/// What became of a store after a fault.
package enum SweepOutcome: String, Sendable, CaseIterable {
    /// All is as it was, and the process went on.
    case harmless
    /// A request was refused, a reader got an error, and the process went on.
    case refused
    /// The process ended itself.
    case stopped
    /// An opening refused what it was given to read.
    case notOpened = "not opened"
    /// An opening went on past damage and said what is gone.
    case passed
    /// A page, or a job's birth, was found to be damaged by who needed it.
    case found
    /// The last commits are gone, and nothing could tell.
    case cut
}

/// Runs a workload with one fault and judges all that comes of it.
package struct SweepJudge {
    package struct Verdict: Sendable {
        package internal(set) var outcome = SweepOutcome.harmless
        package internal(set) var faults: [String] = []
    }

    let subject: SweepSubject
    let fault: SweepFault
    let call: Int
    var verdict = Verdict()

    /// - Returns: nil where such a fault cannot concern that call.
    package static func judge(
        _ fault: SweepFault, at call: Int, of subject: SweepSubject
    ) -> Verdict? {
        guard let simulated = fault.fault(at: call, of: subject.calls) else { return nil }
        var judge = SweepJudge(subject: subject, fault: fault, call: call)
        judge.judge(simulated)
        return judge.verdict
    }

    var seed: UInt64 { ContentHash.mix(ContentHash.of(fault.rawValue), UInt64(call)) }

    private mutating func judge(_ simulated: SimulatedFault) {
        let run = SweepRun(subject.beginning, layout: subject.layout, expected: subject.recorded)
        SweepSubject.run(run, subject.workload) { run.arm(simulated) }
        let isWhole = run.end == nil
        // A lie's error too, where it is reported in the end.
        judgeFatal(run)
        if !fault.isLie { judgeErrors(run) }
        if run.refusedReadCount > 0 { verdict.outcome = fault.isLie ? .found : .refused }
        switch run.end {
        case .stopped: verdict.outcome = .stopped
        case .refused: verdict.outcome = .notOpened
        case .cut: verdict.outcome = .cut
        case nil: break
        }
        // Another opening by the same process would only say the same.
        if isWhole, !fault.isLie { run.goOn() }
        verdict.faults += run.faults
        if case .cut = run.end { return }
        let hits = run.fileSystem.hits
        let end = run.ending()
        guard verdict.faults.isEmpty else { return }
        for (name, disk) in endings(of: end.disk) {
            if fault.isLie {
                judgeLie(name, disk, end, hits)
            } else {
                judgeState(name, disk, end, hasOpened: !isRefused(run))
            }
            if !verdict.faults.isEmpty { return }
        }
    }

    private func isRefused(_ run: SweepRun) -> Bool {
        if case .refused = run.end { true } else { false }
    }

    /// What the next process may find.
    private func endings(of disk: SimulatedDisk) -> [(String, SimulatedDisk)] {
        [
            ("kill", disk),
            ("power loss", disk.afterPowerLoss(CrashChoices())),
            ("power loss by chance", disk.afterPowerLoss(.random(disk, seed: seed))),
        ]
    }

    // MARK: Errors

    /// L8: a process whose sync or write has failed ends.
    private mutating func judgeFatal(_ run: SweepRun) {
        if run.end == nil, let hit = run.fileSystem.hits.first(where: \.isFatal) {
            verdict.faults.append("L8: passed over: \(hit.call)")
        }
    }

    /// L5: one that found no space for something that nothing refers to does not.
    private mutating func judgeErrors(_ run: SweepRun) {
        let hits = run.fileSystem.hits
        if case .stopped(let error) = run.end, !hits.isEmpty, hits.allSatisfy(\.isSurvivable) {
            verdict.faults.append("L5: ended by a lack of space: \(error)")
        }
        if case .refused(let error) = run.end, (error as? StoreFault)?.isRefusalOfData == true,
            !subject.workload.isDamaged
        {
            verdict.faults.append("F12: an error of the disk is taken for damage: \(error)")
        }
    }

    /// The next start, without the fault, finds all that was acknowledged and goes on (S1, S10).
    private mutating func judgeState(
        _ name: String, _ disk: SimulatedDisk, _ end: SweepRun.Beginning, hasOpened: Bool
    ) {
        var disk = disk
        var acknowledged = end.acknowledged
        var timeline = end.timeline
        if subject.workload.isDamaged, !hasOpened || acknowledged == subject.beginning.acknowledged
        {
            // What this start makes of the damage is the state from now on.
            do {
                let fileSystem = SimulatedFileSystem(disk)
                let store = try open(fileSystem, end.clock, 1, subject.layout)
                if store.damageReport != nil {
                    let live = Set(store.liveJobs)
                    for lsn in subject.recorded.passedLives ?? [] where !live.contains(lsn) {
                        verdict.faults.append("\(name): S13: job \(lsn) is gone")
                    }
                    timeline.cut(after: acknowledged)
                    timeline.passDamage(to: store.lastLSN, stateHash: store.stateHash)
                    acknowledged = store.lastLSN
                }
                disk = fileSystem.disk.afterKill()
            } catch {
                verdict.faults.append("\(name): a start without the fault: \(error)")
                return
            }
        }
        let judged = StateJudge(layout: subject.layout, flaw: nil, seed: seed).judge(
            disk, isLosingPower: call % 4 == 0, acknowledged: acknowledged, timeline,
            keepingMoments: false)
        verdict.faults += judged.faults.map { "\(name): \($0)" }
    }

    func open(
        _ fileSystem: SimulatedFileSystem, _ clock: SimulatedClock, _ opening: UInt64,
        _ layout: StoreLayout
    ) throws -> StoreUnderTest {
        var clock = clock
        clock.pass(1_000)
        if call % 2 == 0 { clock.reboot() }
        return try StoreUnderTest(
            fileSystem, layout: layout, clock: clock, entropy: ContentHash.mix(seed, opening))
    }
}
