import Glibc
import HoldfastDisk
import HoldfastHarness
import Testing

@Suite struct PosixFileSystemTests {
    /// In a directory of its own, gone afterwards.
    func withDirectory(_ body: (PosixFileSystem) throws -> Void) throws {
        let directory = try TemporaryDirectory()
        defer { withExtendedLifetime(directory) {} }
        try body(try PosixFileSystem(root: directory.path(of: "a/b"), creating: true))
    }

    @Test("what is written is read, from where it was written")
    func readAndWrite() throws {
        try withDirectory { fileSystem in
            let file = try fileSystem.createFile("one")
            try file.write([1, 2, 3], at: 5)
            try file.sync()
            #expect(try file.byteCount() == 8)
            #expect(try file.read(byteCount: 100, at: 3) == [0, 0, 1, 2, 3])
            #expect(try file.read(byteCount: 4, at: 8) == [])
            let bytes: [UInt8] = Array(repeating: 9, count: 8192)
            try bytes.withUnsafeBytes { try file.writeDurably($0, at: 4096) }
            let again = try fileSystem.openFile("one", for: .reading)
            #expect(try again.byteCount() == 12288)
            #expect(try again.read(byteCount: 8192, at: 4096) == bytes)
            #expect(throws: DiskError.self) { try again.write([1], at: 0) }
        }
    }

    @Test("reads past the cache give the same bytes, from any place, to the end of the file")
    func readingPastCache() throws {
        try withDirectory { fileSystem in
            let bytes = (0..<30_000).map { UInt8(truncatingIfNeeded: $0 * 31 >> 3) }
            let written = try fileSystem.createFile("one")
            try written.write(bytes, at: 0)
            let file = try fileSystem.openFile("one", for: .readingPastCache)
            for (offset, count) in [
                (0, 30_000), (0, 1), (4_095, 2), (4_096, 4_096), (29_999, 1), (8_192, 100_000),
                (30_000, 10), (50_000, 10),
            ] {
                let expected = bytes.dropFirst(offset).prefix(count)
                #expect(try file.read(byteCount: count, at: offset) == Array(expected))
            }
            #expect(throws: DiskError.self) { try file.write([1], at: 0) }
        }
    }

    @Test("space is reserved, names are made, changed, removed and listed")
    func names() throws {
        try withDirectory { fileSystem in
            try fileSystem.makeDirectory("log")
            let file = try fileSystem.createFile("log/a")
            try file.allocate(byteCount: 1 << 20)
            #expect(try file.byteCount() == 1 << 20)
            #expect(try file.read(byteCount: 16, at: 99_999) == [UInt8](repeating: 0, count: 16))
            try fileSystem.rename("log/a", to: "b")
            try fileSystem.syncDirectory("log")
            try fileSystem.syncDirectory("")
            #expect(try fileSystem.list("log") == [])
            #expect(try fileSystem.list("") == ["b", "log"])
            try fileSystem.remove("b")
            #expect(try fileSystem.list("") == ["log"])
            let space = try fileSystem.space()
            #expect(space.byteCount > space.freeByteCount && space.freeByteCount > 0)
        }
    }

    @Test(
        "a file that is zeroed without being written reads as zeros, whoever reads, and has its blocks"
    )
    func allocateZeros() throws {
        try withDirectory { fileSystem in
            let byteCount = 1 << 20
            let file = try fileSystem.createFile("one")
            try file.allocate(byteCount: byteCount)
            try file.write([UInt8](repeating: 7, count: byteCount), at: 0)
            let bytes = [UInt8](repeating: 9, count: 65_536)
            try bytes.withUnsafeBytes { try file.writeDurably($0, at: 131_072) }
            let reader = try fileSystem.openFile("one", for: .reading)
            #expect(try reader.read(byteCount: 1, at: 131_072) == [9])
            guard try file.allocateZeros(byteCount: byteCount) else { return }
            try file.sync()
            let zeros = [UInt8](repeating: 0, count: byteCount)
            for opened in [
                file, reader, try fileSystem.openFile("one", for: .reading),
                try fileSystem.openFile("one", for: .readingPastCache),
            ] {
                #expect(try opened.read(byteCount: byteCount + 1, at: 0) == zeros)
            }
            var information = stat()
            #expect(stat("\(fileSystem.rootPath)/one", &information) == 0)
            #expect(information.st_blocks * 512 >= byteCount)
            try bytes.withUnsafeBytes { try file.writeDurably($0, at: 4_096) }
            #expect(try reader.read(byteCount: 3, at: 4_095) == [0, 9, 9])
        }
    }

    @Test("errors say which call, on what, and why")
    func errors() throws {
        try withDirectory { fileSystem in
            var error: DiskError?
            do throws(DiskError) {
                _ = try fileSystem.openFile("nothing", for: .reading)
            } catch let thrown {
                error = thrown
            }
            #expect(error?.isNotFound == true)
            #expect(error?.isFatal == false)
            #expect(error.map { "\($0)" } == "open nothing: No such file or directory")
            _ = try fileSystem.createFile("there")
            #expect(throws: DiskError(.create, "there", code: EEXIST)) {
                _ = try fileSystem.createFile("there")
            }
        }
        #expect(DiskError(.sync, "x", code: ENOSPC).isFatal)
        #expect(DiskError(.write, "x", code: EIO).isFatal)
        #expect(!DiskError(.allocate, "x", code: ENOSPC).isFatal)
        #expect(DiskError(.allocate, "x", code: EDQUOT).isNoSpace)
        #expect(!DiskError(.open, "x", code: ENOSPC).isNoSpace)
    }

    @Test("a lock is held by one opening of the file and goes with it")
    func lock() throws {
        try withDirectory { fileSystem in
            let first = try DirectoryLock(fileSystem)
            let boot = UniqueID.currentBoot()
            try first.announce(processID: 42, bootID: boot)
            var failure: DirectoryLock.Failure?
            do throws(DirectoryLock.Failure) {
                _ = try DirectoryLock(fileSystem)
            } catch let thrown {
                failure = thrown
            }
            guard case .held(let holder)? = failure else {
                Issue.record("\(String(describing: failure))")
                return
            }
            #expect(holder == DirectoryLock.Holder(processID: 42, bootID: boot))
            withExtendedLifetime(first) {}
        }
    }

    @Test("the boot has an id, and ids read back from their text")
    func uniqueIDs() {
        #expect(UniqueID.currentBoot() != UniqueID(high: 0, low: 0))
        let id = UniqueID(high: 0x1, low: 0xFEDC_BA98_7654_3210)
        #expect("\(id)" == "00000000-0000-0001-fedc-ba9876543210")
        #expect(UniqueID("\(id)") == id)
        #expect(UniqueID("short") == nil)
    }
}
