package import HoldfastSimulation

/// One life of a store by seed, with a copy of the disk for every moment of it: commits, background
/// work, restarts after a close, a kill and a power loss.
package struct Recording {
    package let seed: UInt64
    package let layout: StoreLayout
    package let moments: [SimulatedMoment]
    package let timeline: Timeline
    /// - Parameters:
    ///   - operationCount: verbs.
    ///   - flaw: of the store.
    /// - Throws: where the store fails without any crash.
    package init(seed: UInt64, operationCount: Int, flaw: Flaw? = nil) throws {
        let layout = StoreLayout(seed: seed)
        let fileSystem = SimulatedFileSystem()
        fileSystem.notesZeros = layout.notesZeros
        fileSystem.keepsMoments = true
        var workload = Workload(seed: seed)
        var timeline = Timeline(emptyStateHash: layout.emptyStateHash)
        var clock = SimulatedClock()
        var openings: UInt64 = 0
        func open() throws -> StoreUnderTest {
            openings += 1
            return try StoreUnderTest(
                fileSystem, layout: layout, clock: clock,
                entropy: ContentHash.mix(seed, openings),
                flaw: flaw?.showsAtRecovery == true ? nil : flaw)
        }
        /// Returns how the store's process ends, if it does.
        func operate(_ store: StoreUnderTest) throws -> Ending? {
            workload.step(on: store)
            if workload.oneIn(3) {
                try store.commit(&timeline)
                store.clock.pass(workload.pause())
            }
            if workload.oneIn(4) { _ = try store.maintenanceStep() }
            if workload.oneIn(20) { while try store.maintenanceStep() {} }
            if workload.oneIn(40) {
                try store.commit(&timeline)
                try store.idle()
            }
            defer { clock = store.clock }
            guard workload.oneIn(45) else { return nil }
            if workload.oneIn(2) { try store.commit(&timeline) }
            let ending = Ending.allCases[workload.below(Ending.allCases.count)]
            if ending == .close { try store.close() }
            return ending
        }
        var store: StoreUnderTest? = try open()
        for _ in 0..<operationCount {
            guard let ending = try operate(store!) else { continue }
            // Its locks end with the process.
            store = nil
            if ending == .powerLoss {
                fileSystem.disk = fileSystem.disk.afterPowerLoss(
                    .random(fileSystem.disk, seed: workload.next()))
                clock.reboot()
            }
            store = try open()
            timeline.cut(after: store!.lastLSN)
        }
        try store?.commit(&timeline)
        try store?.close()
        self.seed = seed
        self.layout = layout
        self.timeline = timeline
        moments = fileSystem.moments
    }

    private enum Ending: CaseIterable {
        case close, kill, powerLoss
    }
}

extension Flaw {
    /// Whether a run without crashes would trip over it.
    var showsAtRecovery: Bool { self == .changesStateAtOpen || self == .cannotGoOn }
}
