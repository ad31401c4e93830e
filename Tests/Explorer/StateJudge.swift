import HoldfastRecords
import HoldfastSimulation

/// Opens the store on a disk that a crash left behind, and says whether it kept its promises: the
/// state is that of a batch's end and nothing acknowledged is missing (S10), nothing that was gone
/// comes back (S11), and the store goes on: commits, another crash, and all of it is there.
struct StateJudge {
    let layout: StoreLayout
    let flaw: Flaw?
    /// Of everything that is chosen here.
    let seed: UInt64

    struct Verdict {
        /// Where the log ended.
        var lastLSN: LSN = 0
        var faults: [String] = []
        /// The moments of the opening and of what followed, where they were asked for.
        var moments: [SimulatedMoment] = []
        /// What holds for those that came after the opening.
        var timeline: Timeline
    }

    /// - Parameters:
    ///   - disk: as the next process finds it.
    ///   - isLosingPower: whether the power goes right after the first opening.
    ///   - acknowledged: the last LSN that somebody was told of.
    func judge(
        _ disk: SimulatedDisk, isLosingPower: Bool, acknowledged: LSN, _ timeline: Timeline,
        keepingMoments: Bool
    ) -> Verdict {
        var verdict = Verdict(timeline: timeline)
        do {
            try judge(disk, isLosingPower, acknowledged, keepingMoments, &verdict)
        } catch {
            verdict.faults.append("\(error)")
        }
        return verdict
    }

    private func judge(
        _ disk: SimulatedDisk, _ isLosingPower: Bool, _ acknowledged: LSN,
        _ keepingMoments: Bool, _ verdict: inout Verdict
    ) throws {
        let fileSystem = SimulatedFileSystem(disk)
        fileSystem.note = acknowledged
        fileSystem.keepsMoments = keepingMoments
        var clock = SimulatedClock()
        clock.pass(1_000_000)
        clock.reboot()
        var random = SeededRandom(seed: seed)
        var store: StoreUnderTest? = try open(fileSystem, clock, 1)
        verdict.lastLSN = store!.lastLSN
        if let fault = verdict.timeline.fault(
            endingAt: store!.lastLSN, stateHash: store!.stateHash, acknowledged: acknowledged)
        {
            verdict.faults.append(fault)
            return
        }
        verdict.timeline.cut(after: store!.lastLSN)
        if isLosingPower {
            verdict.faults += store!.faults(verdict.timeline)
            store = nil
            clock.reboot()
            fileSystem.disk = fileSystem.disk.afterPowerLoss(CrashChoices())
            store = try reopen(fileSystem, clock, 2, &verdict)
        }
        guard verdict.faults.isEmpty else { return }
        try goOn(store!, &verdict)
        clock = store!.clock
        store = nil
        verdict.moments = fileSystem.moments
        fileSystem.keepsMoments = false
        switch random.below(4) {
        case 0: break  // killed
        case 1: fileSystem.disk = fileSystem.disk.afterPowerLoss(.everything(fileSystem.disk))
        case 2:
            fileSystem.disk = fileSystem.disk.afterPowerLoss(
                .random(fileSystem.disk, seed: random.next()))
        default: fileSystem.disk = fileSystem.disk.afterPowerLoss(CrashChoices())
        }
        store = try reopen(fileSystem, clock, 3, &verdict)
        verdict.faults += store!.faults(verdict.timeline)
    }

    private func open(
        _ fileSystem: SimulatedFileSystem, _ clock: SimulatedClock, _ opening: UInt64
    ) throws -> StoreUnderTest {
        try StoreUnderTest(
            fileSystem, layout: layout, clock: clock, entropy: ContentHash.mix(seed, opening),
            flaw: flaw)
    }

    /// The disk had been told everything that is known now, so this and nothing else is there.
    private func reopen(
        _ fileSystem: SimulatedFileSystem, _ clock: SimulatedClock, _ opening: UInt64,
        _ verdict: inout Verdict
    ) throws -> StoreUnderTest {
        let acknowledged = fileSystem.note
        let store = try open(fileSystem, clock, opening)
        if store.lastLSN > acknowledged {
            verdict.faults.append("S11: \(store.lastLSN) is back after \(acknowledged)")
        } else if let fault = verdict.timeline.fault(
            endingAt: store.lastLSN, stateHash: store.stateHash, acknowledged: acknowledged)
        {
            verdict.faults.append("later, \(fault)")
        }
        return store
    }

    /// Three more commits of something and whatever else there is to do.
    private func goOn(_ store: StoreUnderTest, _ verdict: inout Verdict) throws {
        let target = store.lastLSN
        var workload = Workload(seed: seed)
        var commitCount = 0
        // Some verbs find nothing to do; that nearly all of so many do cannot be.
        // What a start leaves to be done beside serving is done before anything else at times.
        if workload.oneIn(3) { while try store.maintenanceStep() {} }
        for _ in 0..<300 where commitCount < 3 {
            workload.step(on: store)
            let before = store.lastLSN
            try store.commit(&verdict.timeline)
            if store.lastLSN > before { commitCount += 1 }
            if workload.oneIn(8) { _ = try store.maintenanceStep() }
        }
        if commitCount < 3 { verdict.faults.append("does not go on behind \(target)") }
    }
}
