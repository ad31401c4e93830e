import HoldfastRecords
import HoldfastSimulation
import HoldfastSnapshots
import Testing

/// Snapshots whose checksums are good and that say what cannot be: each is passed over for the one
/// before, as one that was torn is.
@Suite struct ForgedSnapshotTests {
    struct Case: Sendable, CustomStringConvertible {
        let description: String
        /// In the header, or in the first entry of the listing.
        let offset: Int
        let value: UInt64
        /// 8 or 4 bytes of it.
        var byteCount = 8
    }

    /// See docs/snapshots.md.
    static let headers = [
        Case(description: "number 0", offset: 32, value: 0),
        Case(description: "a number behind which none is left", offset: 32, value: 0xFFFF_FFFF),
        Case(description: "a last LSN beyond all", offset: 40, value: RecordFormat.lsnMax + 1),
        Case(description: "a time beyond all", offset: 48, value: UInt64(Int64.max / 2) + 1),
        Case(description: "a root longer than any file", offset: 56, value: .max / 2),
        Case(description: "a set of pages longer than any file", offset: 72, value: .max / 2),
        Case(description: "no page in a file of them", offset: 68, value: 0, byteCount: 4),
    ]

    static let listings = [
        Case(description: "a segment's number beyond all", offset: 0, value: 1 << 53 + 1),
        Case(description: "a first LSN of 0", offset: 16, value: 0),
        Case(description: "records up to one before the first", offset: 24, value: 9),
        Case(description: "records beyond all", offset: 24, value: RecordFormat.lsnMax + 2),
        Case(description: "more living births than records", offset: 32, value: 11),
        Case(description: "a kind that there is not", offset: 48, value: 2, byteCount: 4),
    ]

    private static func expectPassedOver(
        _ forged: Case, inListing isListing: Bool, reason: String
    ) throws {
        let test = try TestSnapshots()
        for _ in 1...3 { try test.snapshot() }
        let newest = try #require(test.store.newest)
        var disk = test.fileSystem.disk.afterKill()
        disk.forge(SnapshotLayout.slot(newest.slot)) { bytes in
            let listing = 4_096 + Int(ChecksumRepair.integer(UInt64.self, bytes, 56))
            let offset = forged.offset + (isListing ? listing : 0)
            if forged.byteCount == 8 {
                ChecksumRepair.put(forged.value, &bytes, offset)
            } else {
                ChecksumRepair.put(UInt32(forged.value), &bytes, offset)
            }
        }
        let again = try TestSnapshots(SimulatedFileSystem(disk), epoch: 2)
        #expect(again.faults == [])
        #expect(again.store.newest?.number == newest.number - 1)
        #expect(again.store.passedOver.map(\.reason) == [reason])
    }

    @Test("a header that cannot be", arguments: headers)
    func header(forged: Case) throws {
        try Self.expectPassedOver(forged, inListing: false, reason: "its header is impossible")
    }

    @Test("a listing that cannot be", arguments: listings)
    func listing(forged: Case) throws {
        try Self.expectPassedOver(forged, inListing: true, reason: "its content is impossible")
    }
}
