import HoldfastDisk
import HoldfastEngine
import HoldfastHistory
import HoldfastRecords
import HoldfastSimulation

/// A store, its clients, its disk and its clocks, all of it by seed: requests, background work,
/// power losses and kills inside every call, errors of the disk. Judged after every step by the
/// engine's own invariants and, after each restart, by the state that the log's end must lead to;
/// in the end by what the clients saw (S1 to S6, S8).
package struct Simulator {
    package struct Result: Sendable {
        package var stepCount = 0
        package var crashCount = 0
        package var diskFaultCount = 0
        package var eventCount = 0
        /// Empty where all promises were kept.
        package var faults: [String] = []
        /// The line that repeats it.
        package var command = ""
    }

    private let seed: UInt64
    private let stepCount: Int
    private let flaw: Flaw?
    private let layout: StoreLayout
    private var random: HoldfastSimulation.SeededRandom
    private var clients: SimulatedClients
    private var fileSystem = SimulatedFileSystem()
    private var clock = SimulatedClock()
    private var store: StoreUnderTest?
    private var timeline: Timeline
    private var openingCount: UInt64 = 0
    private var result = Result()

    package init(seed: UInt64, stepCount: Int, flaw: Flaw? = nil) {
        self.seed = seed
        self.stepCount = stepCount
        self.flaw = flaw
        layout = StoreLayout(seed: seed)
        fileSystem.notesZeros = layout.notesZeros
        random = HoldfastSimulation.SeededRandom(seed: ContentHash.mix(seed, 1))
        clients = SimulatedClients(seed: ContentHash.mix(seed, 2))
        timeline = Timeline(emptyStateHash: layout.emptyStateHash)
        result.command = "make simulate SEED=\(seed) STEPS=\(stepCount)"
    }

    package mutating func run() -> Result {
        do {
            while result.stepCount < stepCount, result.faults.isEmpty {
                result.stepCount += 1
                try step()
            }
            if result.faults.isEmpty { try end() }
        } catch {
            result.faults.append("\(error)")
        }
        if !result.faults.isEmpty { result.command += "  # step \(result.stepCount)" }
        return result
    }

    // MARK: Steps

    private mutating func step() throws {
        guard let store else { return try start() }
        switch random.below(100) {
        case 0..<50: clients.ask(store)
        case 50..<72: try commit(store)
        case 72..<80: pass(store, random.pick([1, 16, 300, 1_008, 5_000]))
        case 80..<84: expire(store)
        case 84..<90: _ = try store.maintenanceStep()
        case 90:
            while try store.maintenanceStep() {}
            try store.idle()
        case 91..<93: try crash(in: .commit)
        case 93..<95: try crash(in: .maintenance)
        case 95..<96: try crash(in: .closing)
        case 96..<97: try failDisk()
        default: break
        }
        check()
    }

    private mutating func check() {
        guard let store else { return }
        result.faults += store.invariantFaults
    }

    private mutating func commit(_ store: StoreUnderTest) throws {
        try store.commit(&timeline)
        result.faults += try clients.answer(store)
    }

    private mutating func pass(_ store: StoreUnderTest, _ milliseconds: Int64) {
        store.clock.pass(milliseconds)
        clock = store.clock
    }

    private mutating func expire(_ store: StoreUnderTest) {
        store.openBatch()
        let connected = UInt32(random.below(SimulatedClients.clientCount))
        let boot = store.clock.bootMilliseconds
        store.withEngine { engine in
            _ = engine.expireLeases(
                bootMilliseconds: boot, limit: 1_000, isConnected: { $0 == connected },
                into: store.batch)
        }
    }

    // MARK: Starts

    /// Opens what is on the disk; now and then the opening is itself cut short.
    private mutating func start() throws {
        let acknowledged = fileSystem.note
        if random.oneIn(5) {
            try crashWhile { simulator in simulator.store = try simulator.open() }
            return
        }
        if random.oneIn(12) {
            // A disk that does not answer for a moment: refused, and nothing is any worse for it.
            result.diskFaultCount += 1
            fileSystem.fail(
                SimulatedFault([.read], position: 1 + random.below(6), code: DiskError.inputOutput))
            store = try? open()
            fileSystem.clearFaults()
            if store == nil {
                fileSystem.note = acknowledged
                return
            }
        } else {
            store = try open()
        }
        if let fault = timeline.fault(
            endingAt: store!.lastLSN, stateHash: store!.stateHash, acknowledged: acknowledged)
        {
            result.faults.append(fault)
        }
        timeline.cut(after: store!.lastLSN)
        result.faults += store!.faults(timeline)
    }

    private mutating func open() throws -> StoreUnderTest {
        openingCount += 1
        return try StoreUnderTest(
            fileSystem, layout: layout, clock: clock,
            entropy: ContentHash.mix(seed, openingCount), flaw: flaw)
    }

    // MARK: Faults

    private enum Place {
        case commit, maintenance, closing
    }

    private mutating func crash(in place: Place) throws {
        try crashWhile { simulator in
            guard let store = simulator.store else { return }
            switch place {
            case .commit: try store.commit(&simulator.timeline)
            case .maintenance: _ = try store.maintenanceStep()
            case .closing:
                try store.commit(&simulator.timeline)
                try store.close()
            }
        }
    }

    /// Does something to the end, and then takes it back to a moment in the middle.
    private mutating func crashWhile(_ body: (inout Simulator) throws -> Void) throws {
        result.crashCount += 1
        fileSystem.forgetMoments()
        fileSystem.keepsMoments = true
        let acknowledged = fileSystem.note
        do {
            try body(&self)
        } catch {
            result.faults.append("\(error)")
        }
        fileSystem.keepsMoments = false
        let moments = fileSystem.moments
        fileSystem.forgetMoments()
        var disk = fileSystem.disk
        var noted = max(acknowledged, fileSystem.note)
        if !moments.isEmpty {
            let moment = random.pick(moments)
            noted = moment.note
            let states = CrashStates(moment, seed: random.next())
            let state = states[random.below(states.count)]
            disk = states.disk(of: state)
            if state.isPowerLoss { clock.reboot(off: random.pick([0, 5_000, 600_000])) }
        }
        // Nobody waits for the last moment of a commit: its replies have not left.
        hangUp(disk, acknowledged: noted)
    }

    private mutating func hangUp(_ disk: SimulatedDisk, acknowledged: LSN) {
        clients.hangUp()
        store = nil
        fileSystem = SimulatedFileSystem(disk)
        fileSystem.notesZeros = layout.notesZeros
        fileSystem.note = acknowledged
        if random.oneIn(8) { clock.wallMilliseconds -= 3_600_000 }
    }

    /// A sync or a write fails, after which the process ends; or space for a file lacks, which it
    /// survives.
    private mutating func failDisk() throws {
        guard let store else { return }
        result.diskFaultCount += 1
        let hasSpace = random.oneIn(2)
        let fault =
            hasSpace
            ? SimulatedFault(
                [.sync, .write, .writeDurably, .syncDirectory], position: 1 + random.below(2),
                code: DiskError.inputOutput, writtenByteCount: random.pick([0, 512, 4_096]),
                pages: random.pick(PagesAfterFailure.allCases))
            : SimulatedFault(
                [.create, .allocate], position: 1, code: DiskError.noSpace, isPersistent: true)
        fileSystem.fail(fault)
        let acknowledged = fileSystem.note
        var hasFailed = false
        for _ in 0..<6 where !hasFailed {
            do {
                if random.oneIn(2) {
                    clients.ask(store)
                    try store.commit(&timeline)
                    result.faults += try clients.answer(store)
                } else {
                    _ = try store.maintenanceStep()
                }
            } catch {
                hasFailed = true
            }
        }
        fileSystem.clearFaults()
        guard hasFailed else { return }
        // Without space a broker may end as well: what is on the disk is all there.
        let disk =
            random.oneIn(2)
            ? fileSystem.disk.afterKill()
            : fileSystem.disk.afterPowerLoss(.random(fileSystem.disk, seed: random.next()))
        hangUp(disk, acknowledged: max(acknowledged, fileSystem.note))
    }

    // MARK: The end

    private static let drainCountMax = 400

    /// No more faults: everything is delivered, or dead, and looked at (S1, L1 to L3).
    private mutating func end() throws {
        while store == nil, result.faults.isEmpty { try start() }
        guard let store, result.faults.isEmpty else { return }
        var rounds = 0
        while result.faults.isEmpty, rounds < Self.drainCountMax {
            rounds += 1
            expire(store)
            clients.drain(store)
            try commit(store)
            check()
            let isDrained = store.withEngine { engine in
                engine.queues(after: nil, limit: .max).allSatisfy {
                    $0.ready + $0.delayed + $0.leased == 0
                }
            }
            if isDrained { break }
            pass(store, 20_000)
        }
        if rounds == Self.drainCountMax {
            result.faults.append("L1: jobs are left that nobody gets")
        }
        pass(store, 1)
        clients.lookAtAll(store)
        try commit(store)
        let verdict = HistoryChecker(isDrained: true, delayToleranceMilliseconds: 1)
            .judge(clients.events)
        result.eventCount = verdict.eventCount
        result.faults += verdict.violations.prefix(3).map(\.description)
    }
}
