import HoldfastDisk
import HoldfastRecords
import HoldfastSimulation
import HoldfastWAL
import Testing

/// F9, F11, F12: every call fails once, for every N.
@Suite struct FailureTests {
    struct Case: CustomStringConvertible, Sendable {
        let code: Int32
        let isPersistent: Bool
        let pages: PagesAfterFailure
        let writtenByteCount: Int
        let description: String
    }

    static let noSpace: Int32 = 28
    static let inputOutput: Int32 = 5
    static let cases = [
        Case(
            code: inputOutput, isPersistent: false, pages: .keptClean, writtenByteCount: 0,
            description: "EIO once"),
        Case(
            code: inputOutput, isPersistent: false, pages: .reverted, writtenByteCount: 4096,
            description: "EIO once, pages reverted, a short write"),
        Case(
            code: inputOutput, isPersistent: true, pages: .keptClean, writtenByteCount: 100,
            description: "EIO for good"),
        Case(
            code: noSpace, isPersistent: false, pages: .keptClean, writtenByteCount: 4096,
            description: "ENOSPC once"),
        Case(
            code: noSpace, isPersistent: true, pages: .reverted, writtenByteCount: 0,
            description: "ENOSPC for good"),
    ]

    /// Opens, appends and rolls until something fails; returns what was acknowledged.
    static func run(_ fileSystem: SimulatedFileSystem) -> (acknowledged: LSN, faults: [String]) {
        var faults: [String] = []
        do {
            var store = try TestStore(fileSystem, seed: 5)
            for round in 1...8 {
                if round % 3 == 0 { _ = try? store.log.prepareSpareSegments() }
                let before = fileSystem.note
                do {
                    try store.append(records: 3, byteCount: round == 5 ? 6_000 : nil)
                } catch let error as LogError {
                    if fileSystem.note != before { faults.append("acknowledged \(before) late") }
                    if error.isFatal {
                        // Nothing is acknowledged from now on, though the disk would answer.
                        fileSystem.clearFaults()
                        if (try? store.append(records: 1)) != nil {
                            faults.append("append goes on")
                        }
                        if (try? store.log.close()) != nil { faults.append("close goes on") }
                        if (try? store.log.prepareSpareSegments()) != nil {
                            faults.append("preparation goes on")
                        }
                        if (try? store.log.read([1]) { _, _ in }) != nil {
                            faults.append("reading goes on")
                        }
                    } else {
                        // No space for a segment: the very same batch may be appended later.
                        fileSystem.clearFaults()
                        try store.log.append(store.batch)
                        store.nextLSN = store.batch.nextLSN
                        fileSystem.note = store.nextLSN - 1
                    }
                    break
                }
            }
        } catch is StoreError {
        } catch is LogError {
        } catch {
            faults.append("\(error)")
        }
        return (fileSystem.note, faults)
    }

    @Test("S15, L8, F9, F11: call N fails for every N", arguments: cases)
    func everyCall(failure: Case) throws {
        let whole = SimulatedFileSystem()
        _ = Self.run(whole)
        let count = whole.calls.count
        #expect(count > 50)
        for position in 1...count {
            let fileSystem = SimulatedFileSystem()
            fileSystem.fail(
                SimulatedFault(
                    position: position, code: failure.code, isPersistent: failure.isPersistent,
                    writtenByteCount: failure.writtenByteCount, pages: failure.pages))
            var (acknowledged, faults) = Self.run(fileSystem)
            fileSystem.clearFaults()
            let disk = fileSystem.disk
            let seed = UInt64(position)
            for (name, next) in [
                ("kill", disk.afterKill()), ("loss", disk.afterPowerLoss(CrashChoices())),
                ("chance", disk.afterPowerLoss(.random(disk, seed: seed))),
            ] {
                do {
                    var again = try TestStore(SimulatedFileSystem(next), seed: 6)
                    faults += again.replayed.faults
                    if again.replayed.lastLSN < acknowledged {
                        faults.append("\(name): \(again.replayed.lastLSN) of \(acknowledged)")
                    }
                    try again.append(records: 1)
                    faults += try again.readFaults()
                } catch {
                    faults.append("\(name): \(error)")
                }
            }
            let call =
                fileSystem.calls.indices.contains(position - 1)
                ? "\(fileSystem.calls[position - 1])" : "?"
            #expect(faults == [], "\(failure), call \(position): \(call)")
            acknowledged = 0
            if !faults.isEmpty { return }
        }
    }

    @Test("F9: a volume that fills up refuses batches, keeps what it has, and goes on with space")
    func fillsUp() throws {
        let fileSystem = SimulatedFileSystem()
        fileSystem.capacityByteCount = 200 * 1024
        var store = try TestStore(fileSystem)
        var error: LogError?
        for _ in 1...100 {
            do {
                try store.append(records: 3)
            } catch let thrown as LogError {
                error = thrown
                break
            }
        }
        guard case .full? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(try store.readFaults() == [])
        fileSystem.capacityByteCount = nil
        try store.log.append(store.batch)
        store.nextLSN = store.batch.nextLSN
        try store.append(records: 2)
        #expect(try store.readFaults() == [])
        let again = try TestStore(SimulatedFileSystem(fileSystem.disk.afterKill()))
        #expect(again.replayed.lastLSN == store.nextLSN - 1)
    }

    @Test("F12: a read that fails is that reader's error, and the log goes on")
    func readFails() throws {
        var store = try TestStore()
        try store.append(records: 5)
        store.fileSystem.fail(
            SimulatedFault([.read], pathPart: ".seg", code: Self.inputOutput))
        #expect(throws: LogError.self) { try store.log.read([1, 2]) { _, _ in } }
        #expect(try store.readFaults() == [])
        try store.append(records: 1)
    }
}
