import HoldfastDisk
import HoldfastSimulation
import Testing

/// The disks that a crash may leave behind: all of them, each once, told apart by their hashes.
@Suite struct CrashStatesTests {
    /// A file of three synced blocks, of which `changed` are written again, and one more file.
    static func moment(changed: Int, removing: Bool = false) throws -> SimulatedMoment {
        let fileSystem = SimulatedFileSystem()
        let file = try fileSystem.createFile("a")
        try file.write([UInt8](repeating: 1, count: 3 * 4096), at: 0)
        try file.sync()
        _ = try fileSystem.createFile("b")
        try fileSystem.syncDirectory("")
        for block in 0..<changed {
            try file.write([UInt8](repeating: 2, count: 4096), at: block * 4096)
        }
        if removing { try fileSystem.remove("b") }
        fileSystem.keepsMoments = true
        try file.sync()
        return fileSystem.moments[0]
    }

    static func disks(_ moment: SimulatedMoment) -> [SimulatedDisk] {
        let states = CrashStates(moment, seed: 1)
        return (0..<states.count).map { states.disk(of: states[$0]) }
    }

    @Test("F1: two blocks and a name make all of their eight subsets")
    func allSubsets() throws {
        let moment = try Self.moment(changed: 2, removing: true)
        let states = CrashStates(moment, seed: 1)
        let subsets = (0..<8).map { states.disk(of: states[$0]) }
        let seen = Set(
            subsets.map { disk in
                let bytes = disk.contents("a")!
                return [bytes[0] == 2, bytes[4096] == 2, disk.contents("b") == nil]
            })
        #expect(seen.count == 8)
        #expect(Set(subsets.map(\.stateHash)).count == 8)
        #expect(subsets.allSatisfy { $0.contents("a")![8192] == 1 })
    }

    @Test("F4: a block is also torn, zeroed and overwritten")
    func neitherOldNorNew() throws {
        let blocks = try Self.disks(Self.moment(changed: 1)).map {
            Array($0.contents("a")!.prefix(4096))
        }
        func isThere(_ isOne: ([UInt8]) -> Bool) -> Bool { blocks.contains(where: isOne) }
        #expect(isThere { $0.allSatisfy { $0 == 0 } })
        #expect(isThere { $0.prefix(512).allSatisfy { $0 == 2 } && $0[512] == 1 })
        #expect(isThere { $0.prefix(512).allSatisfy { $0 == 1 } && $0[512] == 2 })
        #expect(isThere { Set($0).count > 100 })
    }

    @Test("F1: beyond ten undecided things each of them is once missing and once alone")
    func many() throws {
        let fileSystem = SimulatedFileSystem()
        let file = try fileSystem.createFile("a")
        try file.write([UInt8](repeating: 1, count: 14 * 4096), at: 0)
        try file.sync()
        try fileSystem.syncDirectory("")
        try file.write([UInt8](repeating: 2, count: 14 * 4096), at: 0)
        fileSystem.keepsMoments = true
        try file.sync()
        let counts = Self.disks(fileSystem.moments[0]).prefix(4 * 14).map { disk in
            let bytes = disk.contents("a")!
            return (0..<14).filter { bytes[$0 * 4096] == 2 }
        }
        for block in 0..<14 {
            #expect(counts.contains([block]))
            #expect(counts.contains(Array(0..<14).filter { $0 != block }))
            #expect(counts.contains(Array(0..<block)))
            #expect(counts.contains(Array(block..<14)))
        }
    }

    @Test("F13: a kill takes the interrupted write up to any page, and loses nothing else")
    func kills() throws {
        let fileSystem = SimulatedFileSystem()
        let file = try fileSystem.createFile("a")
        fileSystem.keepsMoments = true
        try file.write([UInt8](repeating: 3, count: 2 * 4096), at: 0)
        let moment = fileSystem.moments.last!
        #expect(moment.disk.inFlightByteCount == 2 * 4096)
        let states = CrashStates(moment, seed: 1)
        let lengths = (0..<states.count).map { states[$0] }.filter { !$0.isPowerLoss }.map {
            states.disk(of: $0).contents("a")!.count
        }
        #expect(lengths == [0, 0, 4096, 4096, 8192, 8192])
    }

    @Test("the hash of a state is that of its names, lengths and bytes, however it came about")
    func hashes() throws {
        func disk(_ body: (SimulatedFileSystem) throws -> Void) throws -> UInt64 {
            let fileSystem = SimulatedFileSystem()
            try body(fileSystem)
            return fileSystem.disk.afterPowerLoss(.everything(fileSystem.disk)).stateHash
        }
        let plain = try disk { try $0.createFile("a").write([1, 2, 3], at: 0) }
        let roundabout = try disk {
            let file = try $0.createFile("b")
            try file.write([9, 2, 3], at: 0)
            try file.sync()
            try $0.rename("b", to: "a")
            try file.write([1], at: 0)
        }
        #expect(plain == roundabout)
        let others = [
            try disk { try $0.createFile("b").write([1, 2, 3], at: 0) },
            try disk { try $0.createFile("a").write([1, 2, 4], at: 0) },
            try disk { try $0.createFile("a").write([1, 2, 3, 0], at: 0) },
            try disk { _ = try $0.createFile("a") },
            try disk { _ in },
        ]
        #expect(Set(others + [plain]).count == others.count + 1)
        // What is only in the cache makes a difference, too.
        let fileSystem = SimulatedFileSystem()
        let file = try fileSystem.createFile("a")
        try file.write([1, 2, 3], at: 0)
        #expect(fileSystem.disk.stateHash != plain)
        try file.sync()
        try fileSystem.syncDirectory("")
        #expect(fileSystem.disk.stateHash == plain)
    }
}
