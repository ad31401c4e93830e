import HoldfastDisk
import HoldfastSimulation
import HoldfastWAL
import Testing

@Suite struct DataDirectoryTests {
    /// Opens and returns why not; checks that nothing was changed.
    static func refusal(_ fileSystem: SimulatedFileSystem) throws -> StoreError? {
        let before = fileSystem.disk.files.map { fileSystem.disk.contents($0) }
        let callCount = fileSystem.calls.count
        do throws(StoreError) {
            _ = try DataDirectory.open(fileSystem, processID: 1, bootID: TestStore.bootID)
            return nil
        } catch {
            #expect(fileSystem.disk.files.map { fileSystem.disk.contents($0) } == before)
            let changes: Set<DiskError.Call> = [
                .create, .makeDirectory, .rename, .remove, .write, .writeDurably, .allocate,
            ]
            #expect(fileSystem.calls[callCount...].allSatisfy { !changes.contains($0.call) })
            return error
        }
    }

    @Test("a store keeps its identity")
    func identity() throws {
        let fileSystem = SimulatedFileSystem()
        let identity: StoreIdentity
        do {
            let directory = try DataDirectory.open(
                fileSystem, segmentByteCount: 1 << 20, entropy: TestStore.entropy(seed: 3))
            #expect(directory.isNew)
            identity = directory.identity
        }
        #expect(identity.segmentByteCount == 1 << 20)
        let disk = fileSystem.disk.afterPowerLoss(CrashChoices())
        let again = try DataDirectory.open(
            SimulatedFileSystem(disk), segmentByteCount: 16 * 1024)
        #expect(!again.isNew)
        #expect(again.identity == identity)
    }

    @Test("F30: a second broker is refused and is told the first one's process id")
    func secondBroker() throws {
        let fileSystem = SimulatedFileSystem()
        do {
            let first = try DataDirectory.open(
                fileSystem, processID: 4711, bootID: TestStore.bootID)
            let error = try #require(try Self.refusal(fileSystem))
            #expect(
                error
                    == .inUse(by: DirectoryLock.Holder(processID: 4711, bootID: TestStore.bootID)))
            #expect("\(error)".contains("pid 4711"))
            #expect(first.isNew)
            #expect(
                try LogInspection(fileSystem).runningBroker()?.processID == 4711)
        }
        #expect(try LogInspection(fileSystem).runningBroker() == nil)
        #expect(try Self.refusal(fileSystem) == nil)
    }

    @Test("F31: a store of another format version is refused politely")
    func otherVersion() throws {
        let fileSystem = SimulatedFileSystem()
        _ = try DataDirectory.open(fileSystem)
        var disk = fileSystem.disk
        var bytes = disk.contents(DirectoryLayout.store)!
        bytes[8] = 2
        let checksum = Checksum.crc32c(Array(bytes[..<60]))
        for index in 0..<4 {
            bytes[60 + index] = UInt8(truncatingIfNeeded: checksum >> (8 * index))
        }
        disk.corrupt(DirectoryLayout.store, at: 0, with: bytes)
        let error = try #require(try Self.refusal(SimulatedFileSystem(disk)))
        #expect(error == .otherVersion(found: 2, known: 1))
        #expect("\(error)".contains("format 2"))
    }

    @Test("F6: every flipped bit of STORE is found")
    func damagedStore() throws {
        let fileSystem = SimulatedFileSystem()
        _ = try DataDirectory.open(fileSystem)
        for bit in 0..<64 * 8 {
            var disk = fileSystem.disk
            disk.flipBit(DirectoryLayout.store, at: bit / 8, bit: bit % 8)
            guard case .damagedStore? = try Self.refusal(SimulatedFileSystem(disk)) else {
                Issue.record("bit \(bit)")
                return
            }
        }
        for byteCount in [0, 10, 63] {
            var disk = fileSystem.disk
            disk.truncate(DirectoryLayout.store, to: byteCount)
            guard case .damagedStore? = try Self.refusal(SimulatedFileSystem(disk)) else {
                Issue.record("\(byteCount) bytes")
                return
            }
        }
    }

    @Test("a directory with other files is not taken for a place to make a store")
    func foreignFiles() throws {
        var disk = SimulatedDisk()
        disk.place("letter.txt", [1, 2, 3])
        #expect(try Self.refusal(SimulatedFileSystem(disk)) == .notAStore(foreign: "letter.txt"))
    }

    @Test("F30: STORE lost and a log still there is not taken for an empty directory")
    func lostStore() throws {
        let store = try TestStore()
        var disk = store.fileSystem.disk.afterKill()
        disk.delete(DirectoryLayout.store)
        guard case .notAStore? = try Self.refusal(SimulatedFileSystem(disk)) else {
            Issue.record("it was opened")
            return
        }
    }

    @Test("F30: a segment of another store is refused by its name")
    func foreignSegment() throws {
        let mine = try TestStore(SimulatedFileSystem(), seed: 1)
        let other = try TestStore(SimulatedFileSystem(), seed: 2)
        var disk = mine.fileSystem.disk.afterKill()
        disk.place(
            DirectoryLayout.segment(2),
            other.fileSystem.disk.contents(DirectoryLayout.segment(1))!)
        let error = try #require(try Self.refusal(SimulatedFileSystem(disk)))
        #expect(
            error
                == .foreignSegment(
                    path: DirectoryLayout.segment(2), uuid: other.log.identity.uuid,
                    own: mine.log.identity.uuid))
    }

    @Test("F1: a crash while a store is made leaves one that can be opened, or made")
    func crashWhileMaking() throws {
        let fileSystem = SimulatedFileSystem()
        fileSystem.keepsMoments = true
        _ = try DataDirectory.open(fileSystem, entropy: TestStore.entropy(seed: 1))
        for (number, moment) in fileSystem.moments.enumerated() {
            var disks = [moment.disk.afterKill(), moment.disk.afterPowerLoss(CrashChoices())]
            for seed in 1...8 as ClosedRange<UInt64> {
                disks.append(moment.disk.afterPowerLoss(.random(moment.disk, seed: seed)))
            }
            for (choice, disk) in disks.enumerated() {
                #expect(throws: Never.self, "moment \(number), choice \(choice)") {
                    _ = try DataDirectory.open(SimulatedFileSystem(disk))
                }
            }
        }
    }
}
