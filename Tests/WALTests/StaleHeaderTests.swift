import HoldfastDisk
import HoldfastRecords
import HoldfastSimulation
import HoldfastWAL
import Testing

/// F7: a spare file's header is written anew where the file becomes another segment than it was
/// prepared for. Where one of the two writes is lost, the old header stays beside the new one.
@Suite struct StaleHeaderTests {
    private static func header(_ disk: SimulatedDisk, _ number: UInt64) throws -> SegmentHeader {
        let bytes = try #require(disk.contents(DirectoryLayout.segment(number)))
        return try #require(bytes.withUnsafeBytes { SegmentHeader(decoding: $0) })
    }

    private static func stale(_ header: SegmentHeader, number: UInt64) -> [UInt8] {
        SegmentHeader(
            uuid: header.uuid, number: number, salt: header.salt ^ 1, byteCount: header.byteCount,
            alignment: header.alignment
        ).encoded()
    }

    @Test(
        "F7: one of the two copies is enough, whichever it is",
        arguments: 1...4 as ClosedRange<UInt64>)
    func oneCopy(number: UInt64) throws {
        let (disk, _) = try PassingDamageTests.disk()
        let header = try Self.header(disk, number)
        for (offset, kind) in [
            (0, LogDamage.Kind.firstHeader), (header.frames.upperBound, .lastHeader),
        ] {
            var damaged = disk
            damaged.corrupt(
                DirectoryLayout.segment(number), at: offset,
                with: Self.stale(header, number: number % 4 + 1))
            #expect(try TestStore.damages(damaged).map(\.kind) == [kind])
            let again = try TestStore(SimulatedFileSystem(damaged), seed: 5)
            #expect(again.replayed.lastLSN == 48)
            #expect(again.replayed.faults == [])
        }
    }

    @Test("S13: a last segment with another's number is gone, and what it held is named")
    func bothCopies() throws {
        var (disk, _) = try PassingDamageTests.disk(closing: false)
        let header = try Self.header(disk, 4)
        for offset in [0, header.frames.upperBound] {
            disk.corrupt(
                DirectoryLayout.segment(4), at: offset, with: Self.stale(header, number: 3))
        }
        let passed = try PassedLog(disk)
        #expect(passed.heard.handed == Array(1...36))
        #expect(passed.heard.told.map(\.kind) == [.wrongNumber])
        #expect(passed.log.recovery.missing.first?.lowerBound == 37)
        // No LSN is given out twice.
        #expect(passed.log.firstNextLSN > 48)
    }
}
