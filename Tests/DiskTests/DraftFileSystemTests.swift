import HoldfastDisk
import HoldfastSimulation
import Testing

@Suite struct DraftFileSystemTests {
    private static let changing: Set<DiskError.Call> = [
        .create, .makeDirectory, .rename, .remove, .write, .writeDurably, .sync, .syncDirectory,
        .allocate, .lock,
    ]

    /// A directory with two files of a few blocks.
    private func base() throws -> SimulatedFileSystem {
        let fileSystem = SimulatedFileSystem()
        try fileSystem.makeDirectory("d")
        for (name, byte) in [("d/a", UInt8(1)), ("d/b", 2)] {
            let file = try fileSystem.createFile(name)
            try file.write([UInt8](repeating: byte, count: 10_000), at: 0)
        }
        return SimulatedFileSystem(fileSystem.disk)
    }

    @Test("what is written is read back, and nothing below is changed")
    func drafts() throws {
        let base = try base()
        let before = base.disk
        let draft = DraftFileSystem(base)
        let reader = try draft.openFile("d/a", for: .reading)
        let writer = try draft.openFile("d/a", for: .readingAndWriting)
        #expect(try writer.lock())
        try writer.write([9, 9, 9], at: 4_095)
        #expect(try reader.read(byteCount: 5, at: 4_094) == [1, 9, 9, 9, 1])
        try writer.allocate(byteCount: 20_000)
        try writer.write([7], at: 19_998)
        #expect(try reader.byteCount() == 20_000)
        #expect(try reader.read(byteCount: 9, at: 9_998) == [1, 1, 0, 0, 0, 0, 0, 0, 0])
        #expect(try reader.read(byteCount: 9, at: 19_997) == [0, 7, 0])
        let whole = try reader.read(byteCount: 20_000, at: 0)
        #expect(whole.filter { $0 == 1 }.count == 9_997)

        try draft.rename("d/a", to: "d/c")
        try draft.rename("d/b", to: "d/a")
        #expect(try draft.list("d") == ["a", "c"])
        #expect(try draft.openFile("d/a", for: .reading).read(byteCount: 1, at: 0) == [2])
        #expect(try draft.openFile("d/c", for: .reading).read(byteCount: 2, at: 4_094) == [1, 9])
        #expect(throws: DiskError.self) { _ = try draft.openFile("d/b", for: .reading) }
        _ = try draft.createFile("d/b")
        #expect(throws: DiskError.self) { _ = try draft.createFile("d/b") }
        try draft.remove("d/b")
        #expect(throws: DiskError.self) { try draft.remove("d/b") }
        try draft.makeDirectory("e")
        #expect(throws: DiskError.self) { try draft.makeDirectory("d") }
        #expect(try draft.list("e") == [])
        try draft.createFile("e/f").sync()
        try draft.syncDirectory("e")
        #expect(try draft.list("") == ["d", "e"])
        // An open file stays readable, whatever becomes of its name.
        #expect(try reader.read(byteCount: 1, at: 0) == [1])

        #expect(base.calls.allSatisfy { !Self.changing.contains($0.call) })
        #expect(base.disk.files == before.files)
        #expect(base.disk.contents("d/a") == before.contents("d/a"))
    }

    @Test("what cannot be read below can be written over")
    func unreadable() throws {
        let base = try base()
        base.fail(
            SimulatedFault(
                [.read], pathPart: "d/a", code: DiskError.inputOutput, isPersistent: true))
        let file = try DraftFileSystem(base).openFile("d/a", for: .readingAndWriting)
        try file.write([UInt8](repeating: 5, count: 4_096), at: 4_096)
        #expect(try file.read(byteCount: 4_096, at: 4_096).allSatisfy { $0 == 5 })
        #expect(throws: DiskError.self) { _ = try file.read(byteCount: 1, at: 0) }
    }
}
