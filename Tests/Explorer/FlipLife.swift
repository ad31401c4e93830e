import HoldfastSimulation

/// The life of a store that goes from end to end, and what it leaves behind at each.
struct FlipLife {
    struct Ending {
        /// As the next process finds it.
        let disk: SimulatedDisk
        let timeline: Timeline
        let clock: SimulatedClock
    }

    let layout: FlipLayout
    let seed: UInt64
    let storeLayout: StoreLayout
    private var timeline: Timeline
    private var clock = SimulatedClock()
    private let fileSystem = SimulatedFileSystem()
    private var workload: Workload
    private var store: StoreUnderTest?
    private var openingCount: UInt64 = 0

    init(_ layout: FlipLayout, seed: UInt64) throws {
        self.layout = layout
        self.seed = seed
        storeLayout = layout.storeLayout
        timeline = Timeline(emptyStateHash: storeLayout.emptyStateHash)
        workload = Workload(seed: ContentHash.mix(seed, UInt64(layout.rawValue)))
        for _ in 0..<40 { try live() }
    }

    private mutating func open(_ fileSystem: SimulatedFileSystem) throws -> StoreUnderTest {
        openingCount += 1
        return try StoreUnderTest(
            fileSystem, layout: storeLayout, clock: clock,
            entropy: ContentHash.mix(seed, openingCount))
    }

    private mutating func live() throws {
        let store = try self.store ?? open(fileSystem)
        self.store = store
        workload.step(on: store)
        if workload.oneIn(2) {
            try store.commit(&timeline)
            store.clock.pass(workload.pause())
        }
        if workload.oneIn(3) { _ = try store.maintenanceStep() }
        if workload.oneIn(12) { while try store.maintenanceStep() {} }
        if workload.oneIn(40) {
            try store.commit(&timeline)
            try store.idle()
        }
        clock = store.clock
        guard workload.oneIn(50) else { return }
        try store.commit(&timeline)
        self.store = nil
    }

    /// Goes on until the process ends again.
    mutating func nextEnding() throws -> Ending {
        for _ in 0..<4 { try live() }
        let store = try self.store ?? open(fileSystem)
        self.store = store
        try store.commit(&timeline)
        clock = store.clock
        var disk = fileSystem.disk.afterKill()
        switch layout {
        case .killed: break
        case .closed:
            try store.close()
            self.store = nil
            disk = fileSystem.disk.afterKill()
        case .reopened:
            let other = SimulatedFileSystem(disk)
            _ = try open(other)
            disk = other.disk.afterKill()
        }
        return Ending(disk: disk, timeline: timeline, clock: clock)
    }
}
