import Glibc
import HoldfastDisk
import HoldfastRecords
import HoldfastSimulation
import HoldfastWAL
import Testing

/// The bytes of format 1, kept for ever. `UPDATE_GOLDEN=1` writes them anew: the difference is to be
/// reviewed, and a difference in a released format is a new format.
@Suite struct LogFormatTests {
    static let fixtures =
        String(#filePath.prefix(upTo: #filePath.lastIndex(of: "/")!))
        + "/Fixtures/v1"

    /// A store of two openings: five records, a commit in doubt that is copied, an orderly end.
    static func disk() throws -> SimulatedDisk {
        var store = try TestStore(segmentByteCount: 32 * 1024, seed: 42)
        try store.append(records: 3)
        try store.append(records: 2)
        var again = try TestStore(
            SimulatedFileSystem(store.fileSystem.disk.afterKill()), seed: 43,
            start: TestStore.start(wall: 1_060_000, boot: 65_000))
        again.frameTime = 1_070_000
        try again.append(records: 1)
        try again.log.close()
        return again.fileSystem.disk.afterKill()
    }

    static let files = [
        ("STORE", "STORE.hex"),
        (DirectoryLayout.segment(1), "segment-1.hex"),
        (DirectoryLayout.sidecar(1), "segment-1.idx.hex"),
        (DirectoryLayout.segment(2), "segment-2.hex"),
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

    @Test("F31: a store of format 1 opens, replays and verifies")
    func open() throws {
        var disk = SimulatedDisk()
        let made = SimulatedFileSystem()
        _ = try DataDirectory.open(made)
        disk = made.disk.afterKill()
        for (path, fixture) in Self.files {
            disk.place(path, try BytesText.load(fixture, in: Self.fixtures))
        }
        #expect(try TestStore.damages(disk) == [])
        let store = try TestStore(SimulatedFileSystem(disk))
        #expect(store.replayed.faults == [])
        #expect(store.replayed.lastLSN == 6)
        #expect(store.replayed.lastFrameTime == 1_070_007)
        #expect(store.log.recovery.wasClosed)
        #expect(store.log.recovery.epoch == 3)
        #expect(try store.readFaults() == [])
    }

    @Test("any 64 bytes are taken for a header only if they are one")
    func garbageHeaders() {
        var random = SeededRandom(seed: 11)
        for _ in 1...2_000 {
            let bytes = (0..<4096).map { _ in UInt8.random(in: 0...255, using: &random) }
            bytes.withUnsafeBytes { #expect(SegmentHeader(decoding: $0) == nil) }
        }
    }
}
