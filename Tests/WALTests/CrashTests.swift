import HoldfastDisk
import HoldfastRecords
import HoldfastSimulation
import HoldfastWAL
import Testing

/// F1, F3: a crash between any two calls and inside every write, by power loss and by kill.
/// A state that recovers is taken further: three more commits and a second crash.
@Suite struct CrashTests {
    static let seeds: [UInt64] = [1, 2, 3]

    /// Opens twice, appends, rolls and prepares; all moments at which it may crash.
    static func moments(seed: UInt64) throws -> [SimulatedMoment] {
        let fileSystem = SimulatedFileSystem()
        fileSystem.keepsMoments = true
        var random = SeededRandom(seed: seed)
        for round in 1...3 {
            var store = try TestStore(fileSystem, seed: seed)
            for _ in 1...5 {
                try store.append(records: Int(random.next() % 6) + 1)
                if round == 2 { _ = try store.log.prepareSpareSegments() }
            }
            if round == 2 { try store.log.close() }
        }
        return fileSystem.moments
    }

    /// Recovers, goes on and recovers again; says what is wrong.
    static func faults(of disk: SimulatedDisk, acknowledged: LSN) -> [String] {
        do {
            var store = try TestStore(SimulatedFileSystem(disk), seed: 99)
            var faults = store.replayed.faults
            if store.replayed.lastLSN < acknowledged {
                faults.append("only \(store.replayed.lastLSN) of \(acknowledged)")
            }
            if store.replayed.lastLSN > acknowledged + 6 { faults.append("too much") }
            let recovered = store.replayed.lastLSN
            // Whatever this opening showed is durable from now on, and what it did not is gone.
            for _ in 1...3 { try store.append(records: 2) }
            faults += try store.readFaults()
            let next = store.fileSystem.disk.afterPowerLoss(CrashChoices())
            let again = try TestStore(SimulatedFileSystem(next), seed: 100)
            faults += again.replayed.faults
            if again.replayed.lastLSN != recovered + 6 {
                faults.append("\(again.replayed.lastLSN) instead of \(recovered + 6) later")
            }
            faults += try TestStore.damages(again.fileSystem.disk.afterKill())
                .map(\.description)
            return faults
        } catch {
            return ["\(error)"]
        }
    }

    @Test("S10, S11, F1: power loss at every call loses nothing acknowledged", arguments: seeds)
    func powerLoss(seed: UInt64) throws {
        for (number, moment) in try Self.moments(seed: seed).enumerated() {
            let states =
                [CrashChoices(), .everything(moment.disk)]
                + (1...4).map { CrashChoices.random(moment.disk, seed: seed &* 1_000 &+ $0) }
            for (choice, choices) in states.enumerated() {
                let faults = Self.faults(
                    of: moment.disk.afterPowerLoss(choices), acknowledged: moment.note)
                #expect(
                    faults == [],
                    "seed \(seed), moment \(number) (\(moment.next)), choice \(choice)")
                if !faults.isEmpty { return }
            }
        }
    }

    @Test("S10, F13: a kill at every call loses nothing acknowledged", arguments: seeds)
    func kill(seed: UInt64) throws {
        for (number, moment) in try Self.moments(seed: seed).enumerated() {
            for taken in stride(from: 0, through: moment.disk.inFlightByteCount, by: 4096) {
                let faults = Self.faults(
                    of: moment.disk.afterKill(inFlightByteCount: taken),
                    acknowledged: moment.note)
                #expect(
                    faults == [], "seed \(seed), moment \(number) (\(moment.next)), \(taken) bytes")
                if !faults.isEmpty { return }
            }
        }
    }

    @Test("F3: a second crash at every call of recovery", arguments: seeds)
    func crashInRecovery(seed: UInt64) throws {
        let moments = try Self.moments(seed: seed)
        for number in stride(from: 5, to: moments.count, by: 47) {
            let first = moments[number]
            let disk = first.disk.afterPowerLoss(.random(first.disk, seed: seed))
            let fileSystem = SimulatedFileSystem(disk)
            fileSystem.keepsMoments = true
            let recovered = try TestStore(fileSystem, seed: 7).replayed.lastLSN
            for (second, moment) in fileSystem.moments.enumerated() {
                let states =
                    [CrashChoices(), .everything(moment.disk)]
                    + (1...3).map { CrashChoices.random(moment.disk, seed: seed &+ $0) }
                for (choice, choices) in states.enumerated() {
                    let faults = Self.faults(
                        of: moment.disk.afterPowerLoss(choices), acknowledged: first.note)
                    #expect(
                        faults == [],
                        """
                        seed \(seed), moment \(number), recovered \(recovered), then \(second) \
                        (\(moment.next)), choice \(choice)
                        """)
                    if !faults.isEmpty { return }
                }
            }
        }
    }

    @Test("S11, F5: what a lying cache showed at an open is still there after the next power loss")
    func lyingCache() throws {
        var store = try TestStore(segmentByteCount: 64 * 1024)
        try store.append(records: 3)
        // The commit is written and never reaches the disk, though reads show it.
        store.fileSystem.isLying = true
        try store.append(records: 2)
        let killed = SimulatedFileSystem(store.fileSystem.disk.afterKill())
        let second = try TestStore(killed)
        #expect(second.replayed.lastLSN == 5)
        let third = try TestStore(
            SimulatedFileSystem(second.fileSystem.disk.afterPowerLoss(CrashChoices())))
        #expect(third.replayed.lastLSN == 5)
        #expect(third.replayed.faults == [])
    }

    @Test("a crash loop of 50 openings does not grow the store")
    func crashLoop() throws {
        var store = try TestStore()
        for _ in 1...3 { try store.append(records: 4) }
        let last = store.nextLSN - 1
        var disk = store.fileSystem.disk.afterKill()
        var sizes: [Int] = []
        for round in 1...50 {
            let again = try TestStore(SimulatedFileSystem(disk), seed: UInt64(round))
            #expect(again.replayed.lastLSN == last)
            #expect(try again.readFaults() == [])
            if round % 3 == 0 { while try again.log.prepareSpareSegments() {} }
            disk =
                round % 2 == 0
                ? again.fileSystem.disk.afterKill()
                : again.fileSystem.disk.afterPowerLoss(CrashChoices())
            sizes.append(disk.allocatedByteCount)
        }
        #expect(sizes[10...].max()! <= sizes[..<10].max()!, "\(sizes)")
        #expect(disk.files.filter { $0.hasSuffix(".seg") }.count <= 3)
        #expect(try TestStore.damages(disk) == [])
    }
}
