import HoldfastDisk
import HoldfastSimulation
import Testing

/// The twin does what the seam's promises allow, and nothing else.
@Suite struct SimulatedFileSystemTests {
    static let block = [UInt8](repeating: 7, count: 4096)

    /// A file of two blocks, of which the first is on the disk and the second is not.
    static func halfSynced() throws -> (SimulatedFileSystem, any File) {
        let fileSystem = SimulatedFileSystem()
        let file = try fileSystem.createFile("a")
        try fileSystem.syncDirectory("")
        try file.write(block, at: 0)
        try file.sync()
        try file.write(block, at: 4096)
        return (fileSystem, file)
    }

    @Test("what was not synced may be gone, what was is there")
    func unsynced() throws {
        let (fileSystem, file) = try Self.halfSynced()
        let disk = fileSystem.disk
        #expect(disk.undecided.count == 2)
        #expect(disk.afterPowerLoss(CrashChoices()).contents("a") == Self.block)
        #expect(
            disk.afterPowerLoss(.everything(disk)).contents("a") == Self.block + Self.block)
        #expect(disk.afterKill().contents("a") == Self.block + Self.block)
        try file.sync()
        #expect(fileSystem.disk.undecided.isEmpty)
        #expect(
            fileSystem.disk.afterPowerLoss(CrashChoices()).contents("a") == Self.block + Self.block)
    }

    @Test("length and content are decided each for itself; blocks tear by sectors")
    func fates() throws {
        let (fileSystem, _) = try Self.halfSynced()
        let disk = fileSystem.disk
        guard case .byteCount(let file)? = disk.undecided.first else {
            Issue.record("\(disk.undecided)")
            return
        }
        var choices = CrashChoices()
        choices.newByteCounts = [file]
        let zeros = [UInt8](repeating: 0, count: 4096)
        #expect(disk.afterPowerLoss(choices).contents("a") == Self.block + zeros)
        choices.blocks[BlockKey(file: file, index: 1)] = .torn(newSectors: 0b10)
        let torn = disk.afterPowerLoss(choices).contents("a")![4096...]
        #expect(torn.prefix(512).allSatisfy { $0 == 0 })
        #expect(torn.dropFirst(512).prefix(512).allSatisfy { $0 == 7 })
        #expect(torn.dropFirst(1024).allSatisfy { $0 == 0 })
        choices.blocks[BlockKey(file: file, index: 1)] = .garbage(seed: 1)
        let garbage = disk.afterPowerLoss(choices).contents("a")
        #expect(garbage != Self.block + zeros)
        #expect(garbage == disk.afterPowerLoss(choices).contents("a"))
    }

    @Test("names are certain only after the directory was synced; a rename is one step")
    func names() throws {
        let fileSystem = SimulatedFileSystem()
        try fileSystem.makeDirectory("log")
        try fileSystem.makeDirectory("pool")
        try fileSystem.syncDirectory("")
        let file = try fileSystem.createFile("pool/x")
        try file.write(Self.block, at: 0)
        try file.sync()
        #expect(fileSystem.disk.afterPowerLoss(CrashChoices()).files == [])
        try fileSystem.syncDirectory("pool")
        try fileSystem.rename("pool/x", to: "log/y")
        #expect(fileSystem.disk.files == ["log/y"])
        #expect(fileSystem.disk.afterPowerLoss(CrashChoices()).files == ["pool/x"])
        let all = fileSystem.disk.afterPowerLoss(.everything(fileSystem.disk))
        #expect(all.files == ["log/y"])
        try fileSystem.syncDirectory("log")
        let after = fileSystem.disk.afterPowerLoss(CrashChoices())
        #expect(after.files == ["log/y"])
        #expect(after.contents("log/y") == Self.block)
        try fileSystem.remove("log/y")
        #expect(fileSystem.disk.files == [])
        #expect(fileSystem.disk.afterPowerLoss(CrashChoices()).files == ["log/y"])
    }

    @Test("a rename makes its file's earlier names certain too")
    func renameSettlesCreation() throws {
        let fileSystem = SimulatedFileSystem()
        try fileSystem.makeDirectory("log")
        try fileSystem.makeDirectory("pool")
        try fileSystem.syncDirectory("")
        _ = try fileSystem.createFile("pool/x")
        try fileSystem.rename("pool/x", to: "pool/z")
        try fileSystem.rename("pool/z", to: "log/y")
        try fileSystem.syncDirectory("log")
        for seed in 1...20 as ClosedRange<UInt64> {
            let disk = fileSystem.disk.afterPowerLoss(.random(fileSystem.disk, seed: seed))
            #expect(disk.files == ["log/y"], "seed \(seed)")
        }
    }

    @Test("a durable write is durable, and nothing else becomes so")
    func durableWrite() throws {
        let (fileSystem, file) = try Self.halfSynced()
        try Self.block.withUnsafeBytes { try file.writeDurably($0, at: 8192) }
        let bytes = fileSystem.disk.afterPowerLoss(CrashChoices()).contents("a")!
        #expect(bytes.count == 12288)
        #expect(bytes[4096..<8192].allSatisfy { $0 == 0 })
        #expect(Array(bytes[8192...]) == Self.block)
    }

    @Test("call N fails, once or for good, by kind and path, and takes effect in part")
    func faults() throws {
        let (fileSystem, file) = try Self.halfSynced()
        fileSystem.fail(
            SimulatedFault([.write], pathPart: "a", position: 2, code: 28, writtenByteCount: 100))
        try file.write(Self.block, at: 8192)
        #expect(throws: DiskError(.write, "a", code: 28)) { try file.write(Self.block, at: 12288) }
        #expect(try file.byteCount() == 12388)
        try file.write(Self.block, at: 12288)
        fileSystem.fail(SimulatedFault([.read], code: 5, isPersistent: true))
        for _ in 1...3 {
            #expect(throws: DiskError(.read, "a", code: 5)) { try file.read(byteCount: 1, at: 0) }
        }
        fileSystem.clearFaults()
        #expect(try file.read(byteCount: 1, at: 0) == [7])
        #expect(fileSystem.calls.filter { $0.code == 5 }.count == 3)
    }

    @Test(
        "F11: after a failed sync the cache shows what is not there, or what is",
        arguments: PagesAfterFailure.allCases)
    func failedSync(pages: PagesAfterFailure) throws {
        let (fileSystem, file) = try Self.halfSynced()
        fileSystem.fail(SimulatedFault([.sync], code: 5, pages: pages))
        #expect(throws: DiskError.self) { try file.sync() }
        // The second one says yes and has done nothing, unless the pages are still to be written.
        try file.sync()
        let shown = try file.read(byteCount: 4096, at: 4096)
        #expect(shown == (pages == .reverted ? [UInt8](repeating: 0, count: 4096) : Self.block))
        let bytes = fileSystem.disk.afterPowerLoss(CrashChoices()).contents("a")!
        #expect(bytes.dropFirst(4096).allSatisfy { $0 == 0 } == (pages != .keptDirty))
    }

    @Test(
        "F11: a sync that says yes and has done nothing is followed by one that fails, or by such alone",
        arguments: PagesAfterFailure.allCases, [false, true])
    func lateError(pages: PagesAfterFailure, lasts: Bool) throws {
        let (fileSystem, file) = try Self.halfSynced()
        fileSystem.fail(SimulatedFault(.lateError(code: 5, pages: pages), isPersistent: lasts))
        try file.sync()
        let shown = try file.read(byteCount: 4096, at: 4096)
        #expect(shown == (pages == .reverted ? [UInt8](repeating: 0, count: 4096) : Self.block))
        #expect(fileSystem.disk.afterPowerLoss(CrashChoices()).contents("a") == Self.block)
        #expect(throws: DiskError(.sync, "a", code: 5)) { try file.sync() }
        #expect(fileSystem.hits.map { $0.lie == nil } == [false, true])
        if lasts {
            let other = try fileSystem.createFile("b")
            for file in [file, other] { #expect(throws: DiskError.self) { try file.sync() } }
            fileSystem.clearFaults()
        }
        try file.sync()
        let bytes = fileSystem.disk.afterPowerLoss(CrashChoices()).contents("a")!
        #expect(bytes.dropFirst(4096).allSatisfy { $0 == 0 } == (pages != .keptDirty))
    }

    @Test("a lying disk says yes")
    func lying() throws {
        let (fileSystem, file) = try Self.halfSynced()
        fileSystem.isLying = true
        try file.sync()
        #expect(fileSystem.disk.afterKill().contents("a") == Self.block + Self.block)
        #expect(fileSystem.disk.afterPowerLoss(CrashChoices()).contents("a") == Self.block)
    }

    @Test("F9: a volume has an end, and what was reserved is not taken away")
    func capacity() throws {
        let fileSystem = SimulatedFileSystem()
        fileSystem.capacityByteCount = 4 * 4096
        let file = try fileSystem.createFile("a")
        try file.allocate(byteCount: 3 * 4096)
        let other = try fileSystem.createFile("b")
        #expect(throws: DiskError(.write, "b", code: 28)) {
            try other.write(Self.block + Self.block, at: 0)
        }
        #expect(try other.byteCount() == 4096)
        try file.write(Self.block + Self.block + Self.block, at: 0)
        #expect(throws: DiskError(.allocate, "a", code: 28)) {
            try file.allocate(byteCount: 5 * 4096)
        }
        try fileSystem.remove("b")
        try file.allocate(byteCount: 4 * 4096)
        #expect(try fileSystem.space().freeByteCount == 0)
    }

    @Test("every moment is kept, and a kill in a write leaves a part of it")
    func moments() throws {
        let (fileSystem, file) = try Self.halfSynced()
        fileSystem.keepsMoments = true
        fileSystem.note = 9
        try (Self.block + Self.block).withUnsafeBytes { try file.writeDurably($0, at: 0) }
        let moments = fileSystem.moments
        #expect(moments.count == 2)
        #expect(moments.map(\.disk.inFlightByteCount) == [0, 8192])
        #expect(moments[1].note == 9)
        var old = moments[1].disk
        old.corrupt("a", at: 0, with: [UInt8](repeating: 1, count: 8192))
        let taken = old.afterKill(inFlightByteCount: 5_000).contents("a")!
        #expect(Array(taken[..<4096]) == Self.block)
        #expect(taken[4096...].allSatisfy { $0 == 1 })
    }

    @Test("a lock is one opening's")
    func locks() throws {
        let fileSystem = SimulatedFileSystem()
        do {
            let first = try fileSystem.createFile("LOCK")
            let second = try fileSystem.openFile("LOCK", for: .reading)
            #expect(try first.lock())
            #expect(try !second.lock())
            withExtendedLifetime(first) {}
        }
        #expect(try fileSystem.openFile("LOCK", for: .reading).lock())
    }
}
