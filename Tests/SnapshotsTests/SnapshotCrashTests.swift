import HoldfastDisk
import HoldfastPages
import HoldfastRecords
import HoldfastSimulation
import HoldfastSnapshots
import Testing

/// F1, F3, F4: a crash between any two calls and inside every write of a row of snapshots.
@Suite struct SnapshotCrashTests {
    static let seeds: [UInt64] = [1, 2, 3, 4]

    /// Three openings with some snapshots each, one of them given up half way, one opening ended by
    /// a kill in the middle of a snapshot; all moments at which it may crash.
    static func moments(seed: UInt64) throws -> [SimulatedMoment] {
        var random = SeededRandom(seed: seed)
        var fileSystem = SimulatedFileSystem()
        var moments: [SimulatedMoment] = []
        for opening in 1...3 {
            fileSystem.keepsMoments = true
            let test = try TestSnapshots(fileSystem, seed: seed, epoch: UInt32(opening))
            #expect(test.faults == [], "seed \(seed), opening \(opening)")
            for round in 1...3 {
                if round == 2 {
                    test.change()
                    let (writing, frozen) = try test.begin()
                    for _ in 0..<Int(random.next() % 6) {
                        _ = try writing.step(durableLSN: 0)
                    }
                    writing.abandon()
                    test.space.abandoned(frozen)
                    test.lastLSN -= 10
                }
                try test.snapshot()
                _ = try test.store.trim(sparePageCount: 0)
            }
            test.change()
            let (writing, _) = try test.begin()
            for _ in 0..<Int(random.next() % 12) { _ = try writing.step(durableLSN: 0) }
            moments += fileSystem.moments
            let note = fileSystem.note
            fileSystem = SimulatedFileSystem(
                opening == 2
                    ? fileSystem.disk.afterPowerLoss(.random(fileSystem.disk, seed: seed))
                    : fileSystem.disk.afterKill())
            fileSystem.note = note
        }
        return moments
    }

    /// Opens and says what is wrong: with the newest snapshot, with the one before, and with what
    /// comes after.
    static func faults(
        of disk: SimulatedDisk, note: CrashNote, isGoingOn: Bool, epoch: UInt32 = 100
    ) -> [String] {
        do {
            let fileSystem = SimulatedFileSystem(disk)
            let test = try TestSnapshots(fileSystem, seed: 9, epoch: epoch)
            var faults = test.faults
            let number = test.store.newest?.number ?? 0
            if number < note.committed { faults.append("newest is \(number) of \(note.committed)") }
            if test.lastLSN > note.durableLSN {
                faults.append("snapshot \(number) is ahead of the log")
            }
            if note.committed > 1 {
                faults += previousFaults(fileSystem.disk, of: test.store, epoch: epoch)
            }
            guard isGoingOn else { return faults }
            // The state goes on from there, and so do the next two openings.
            fileSystem.note = note.value
            for _ in 1...2 { try test.snapshot() }
            test.check()
            faults += test.faults
            let next = fileSystem.disk.afterPowerLoss(CrashChoices())
            faults += Self.faults(
                of: next, note: CrashNote(fileSystem.note), isGoingOn: false, epoch: epoch + 1)
            return faults
        } catch {
            return ["\(error)"]
        }
    }

    /// What is wrong with the snapshot before the newest one, were the newest one lost.
    static func previousFaults(
        _ disk: SimulatedDisk, of store: SnapshotStore, epoch: UInt32
    ) -> [String] {
        guard let newest = store.newest else { return [] }
        var disk = disk
        disk.delete(SnapshotLayout.slot(newest.slot))
        do {
            let test = try TestSnapshots(SimulatedFileSystem(disk), seed: 9, epoch: epoch)
            guard let previous = test.store.newest else { return ["nothing to fall back to"] }
            var faults = test.faults.map { "fallen back to \(previous.number): \($0)" }
            if previous.lastLSN != store.previousLastLSN { faults.append("another previous LSN") }
            return faults
        } catch {
            return ["\(error)"]
        }
    }

    /// Nothing, everything, each undecided thing alone present, each alone missing, and random ones.
    static func states(_ disk: SimulatedDisk, seed: UInt64) -> [CrashChoices] {
        let everything = CrashChoices.everything(disk)
        var states = [CrashChoices(), everything]
        for undecided in disk.undecided {
            var present = CrashChoices()
            var missing = everything
            switch undecided {
            case .block(let file, let index):
                let key = BlockKey(file: file, index: index)
                present.blocks[key] = .new
                missing.blocks[key] = nil
            case .byteCount(let file):
                present.newByteCounts.insert(file)
                missing.newByteCounts.remove(file)
            case .operation(let number):
                present.operations.insert(number)
                missing.operations.remove(number)
            }
            states.append(present)
            states.append(missing)
        }
        return states + (1...4).map { CrashChoices.random(disk, seed: seed &* 1_000 &+ $0) }
    }

    @Test("S10: power loss at every call leaves the two newest snapshots whole", arguments: seeds)
    func powerLoss(seed: UInt64) throws {
        for (number, moment) in try Self.moments(seed: seed).enumerated() {
            let states = Self.states(moment.disk, seed: seed &+ UInt64(number))
            for (choice, choices) in states.enumerated() {
                let faults = Self.faults(
                    of: moment.disk.afterPowerLoss(choices), note: CrashNote(moment.note),
                    isGoingOn: choice < 2 || choice == states.count - 1)
                #expect(
                    faults == [],
                    "seed \(seed), moment \(number) (\(moment.next)), choice \(choice)")
                if !faults.isEmpty { return }
            }
        }
    }

    @Test("F13: a kill at every call leaves the two newest snapshots whole", arguments: seeds)
    func kill(seed: UInt64) throws {
        for (number, moment) in try Self.moments(seed: seed).enumerated() {
            for taken in stride(from: 0, through: moment.disk.inFlightByteCount, by: 4096) {
                let faults = Self.faults(
                    of: moment.disk.afterKill(inFlightByteCount: taken),
                    note: CrashNote(moment.note), isGoingOn: true)
                #expect(
                    faults == [], "seed \(seed), moment \(number) (\(moment.next)), \(taken) bytes")
                if !faults.isEmpty { return }
            }
        }
    }

    @Test("F3: a second crash while the store goes on after a first", arguments: seeds)
    func crashAfterCrash(seed: UInt64) throws {
        let moments = try Self.moments(seed: seed)
        for number in stride(from: Int(seed), to: moments.count, by: 29) {
            let first = moments[number]
            for isKill in [false, true] {
                let fileSystem = SimulatedFileSystem(
                    isKill
                        ? first.disk.afterKill()
                        : first.disk.afterPowerLoss(.random(first.disk, seed: seed)))
                fileSystem.keepsMoments = true
                fileSystem.note = first.note
                let test = try TestSnapshots(fileSystem, seed: seed, epoch: 50)
                for _ in 1...2 { try test.snapshot() }
                for (second, moment) in fileSystem.moments.enumerated() {
                    let states =
                        [CrashChoices(), .everything(moment.disk)]
                        + (1...3).map { CrashChoices.random(moment.disk, seed: seed &+ $0) }
                    for (choice, choices) in states.enumerated() {
                        let faults = Self.faults(
                            of: moment.disk.afterPowerLoss(choices), note: CrashNote(moment.note),
                            isGoingOn: choice == 2)
                        #expect(
                            faults == [],
                            """
                            seed \(seed), moment \(number), kill \(isKill), then \(second) \
                            (\(moment.next)), choice \(choice)
                            """)
                        if !faults.isEmpty { return }
                    }
                }
            }
        }
    }
}
