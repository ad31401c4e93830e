import Glibc
import HoldfastDisk
import HoldfastPages
import HoldfastSimulation
import HoldfastSnapshots
import HoldfastWAL
import Testing

/// The bytes of format 1, kept for ever. `UPDATE_GOLDEN=1` writes them anew: the difference is to be
/// reviewed, and a difference in a released format is a new format.
@Suite struct SnapshotFormatTests {
    static let fixtures =
        String(#filePath.prefix(upTo: #filePath.lastIndex(of: "/")!)) + "/Fixtures/v1"

    /// One snapshot of four pages.
    static func disk() throws -> SimulatedDisk {
        let test = try TestSnapshots(seed: 42)
        test.change()
        let (writing, frozen) = try test.begin()
        while try writing.step(durableLSN: 10) != .committed {}
        test.space.committed(frozen)
        return test.fileSystem.disk.afterKill()
    }

    static let files = [
        (SnapshotLayout.slot(0), "snapshot.hex"), (SnapshotLayout.extent(0), "pages-0.hex"),
        (SnapshotLayout.extent(1), "pages-1.hex"),
    ]

    @Test("what is written today is what format 1 is", arguments: files)
    func golden(path: String, fixture: String) throws {
        let bytes = try #require(try Self.disk().contents(path))
        if getenv("UPDATE_GOLDEN") != nil {
            let file = try #require(fopen("\(Self.fixtures)/\(fixture)", "w"))
            fputs(BytesText.text(bytes), file)
            fclose(file)
        }
        #expect(
            BytesText.text(bytes) == BytesText.text(try BytesText.load(fixture, in: Self.fixtures)))
    }

    @Test("F31: a snapshot of format 1 opens, and its pages are what they were")
    func open() throws {
        var disk = try Self.disk()
        for path in disk.files { disk.delete(path) }
        for (path, fixture) in Self.files {
            disk.place(path, try BytesText.load(fixture, in: Self.fixtures))
        }
        let test = try TestSnapshots(SimulatedFileSystem(disk), epoch: 2)
        #expect(test.store.newest?.number == 1)
        #expect(test.store.newest?.lastLSN == 10)
        #expect(test.faults == [])
    }

    @Test("F6: a snapshot with any byte changed is passed over")
    func everyByte() throws {
        let disk = try Self.disk()
        let path = SnapshotLayout.slot(0)
        let count = disk.contents(path)!.count
        #expect(count == 8192)
        for offset in 0..<count {
            var damaged = disk
            damaged.flipBit(path, at: offset, bit: offset % 8)
            let store = try SnapshotStore.open(
                SimulatedFileSystem(damaged), identity: TestSnapshots.identity)
            #expect(store.newest == nil, "byte \(offset)")
            #expect(store.passedOver.count == 1, "byte \(offset)")
            // Behind the header the number can be trusted.
            #expect(store.passedOver.first?.number == (offset < 4096 ? nil : 1), "byte \(offset)")
            if store.newest != nil { return }
        }
    }

    @Test("F7: a shortened snapshot is passed over")
    func shortened() throws {
        let disk = try Self.disk()
        let path = SnapshotLayout.slot(0)
        for byteCount in stride(from: 1, to: 8192, by: 61) {
            var damaged = disk
            damaged.truncate(path, to: byteCount)
            let store = try SnapshotStore.open(
                SimulatedFileSystem(damaged), identity: TestSnapshots.identity)
            #expect(store.newest == nil)
            #expect(store.passedOver.count == 1)
        }
    }

    @Test("F20: a header that says anything, under a good checksum, is refused or read, no more")
    func headers() throws {
        let disk = try Self.disk()
        let path = SnapshotLayout.slot(0)
        let header = Array(disk.contents(path)![..<92])
        var random = SeededRandom(seed: 5)
        for _ in 1...3_000 {
            var bytes = header
            let offset = 32 + Int(random.next() % 56)
            let length = Int(random.next() % 8) + 1
            for index in offset..<min(offset + length, 88) {
                bytes[index] =
                    [0, 1, 0x7F, 0x80, 0xFF, UInt8(truncatingIfNeeded: random.next())][
                        Int(random.next() % 6)]
            }
            let checksum = Checksum.crc32c(bytes)
            bytes += (0..<4).map { UInt8(truncatingIfNeeded: checksum >> (8 * $0)) }
            var damaged = disk
            damaged.corrupt(path, at: 0, with: bytes)
            _ = try SnapshotStore.open(
                SimulatedFileSystem(damaged), identity: TestSnapshots.identity)
        }
    }

    @Test("F31: a snapshot of a later format is refused politely, and so is another store's")
    func others() throws {
        let disk = try Self.disk()
        let path = SnapshotLayout.slot(0)
        var header = Array(disk.contents(path)![..<92])
        header[8] = 2
        let checksum = Checksum.crc32c(header)
        header += (0..<4).map { UInt8(truncatingIfNeeded: checksum >> (8 * $0)) }
        var later = disk
        later.corrupt(path, at: 0, with: header)
        #expect(throws: SnapshotError.otherVersion(slot: 0, found: 2, known: 1)) {
            try SnapshotStore.open(
                SimulatedFileSystem(later), identity: TestSnapshots.identity)
        }
        let other = StoreIdentity(
            uuid: UniqueID(high: 1, low: 2), segmentByteCount: 32_768, keyLow: 0, keyHigh: 0)
        let error = SnapshotError.foreign(
            slot: 0, uuid: TestSnapshots.identity.uuid, own: other.uuid)
        #expect("\(error)".contains("snap/0"))
        #expect(throws: error) {
            try SnapshotStore.open(SimulatedFileSystem(disk), identity: other)
        }
    }
}
