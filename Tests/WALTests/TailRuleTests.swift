import HoldfastDisk
import HoldfastRecords
import HoldfastSimulation
import HoldfastWAL
import Testing

/// F8: every row of the tail table, on bytes made by hand.
@Suite struct TailRuleTests {
    @Test(
        "F8: the rule by itself",
        arguments: [
            (lsn: 6, certified: 5, later: [], isCut: true),
            (lsn: 6, certified: 5, later: [5, 5], isCut: true),
            (lsn: 6, certified: 5, later: [5, 6], isCut: false),
            (lsn: 6, certified: 6, later: [], isCut: false),
            (lsn: 6, certified: 0, later: [9], isCut: false),
            (lsn: 1, certified: 0, later: [], isCut: true),
        ] as [(lsn: LSN, certified: LSN, later: [LSN], isCut: Bool)])
    func rule(row: (lsn: LSN, certified: LSN, later: [LSN], isCut: Bool)) {
        let verdict = TailRule.verdict(
            at: row.lsn, certifiedLSN: row.certified, laterDurableLSNs: row.later)
        #expect(verdict == (row.isCut ? .cut : .damage))
    }

    /// A store with frames 1…2, 3…4 and 5…6 in its first segment, not closed.
    static func store() throws -> (disk: SimulatedDisk, path: String, offsets: [Int], end: Int) {
        var store = try TestStore()
        var offsets: [Int] = []
        for _ in 1...3 {
            offsets.append(store.log.status.activeByteCount)
            try store.append(records: 2)
        }
        return (
            store.fileSystem.disk.afterKill(), DirectoryLayout.segment(1), offsets,
            store.log.status.activeByteCount
        )
    }

    static func header(_ disk: SimulatedDisk, _ path: String) -> SegmentHeader {
        disk.contents(path)!.withUnsafeBytes { SegmentHeader(decoding: $0)! }
    }

    /// A frame of one plain record, for this place.
    static func frame(
        _ disk: SimulatedDisk, _ path: String, at offset: Int, lsn: LSN, durableLSN: LSN,
        epoch: UInt32 = 1
    ) -> [UInt8] {
        let payload: [UInt8] = [4, 0, 0, 0, 1, 2, 3, 4]
        var bytes = [UInt8](repeating: 0, count: 4096)
        bytes.replaceSubrange(48..<56, with: payload)
        bytes.withUnsafeMutableBytes { bytes in
            FrameHeader(
                payloadByteCount: payload.count, firstLSN: lsn, recordCount: 1, epoch: epoch,
                durableLSN: durableLSN, frameTime: 2_000_000,
                payloadChecksum: Checksum.crc32c(payload)
            ).encode(into: bytes, salt: header(disk, path).salt, offset: offset)
        }
        return bytes
    }

    /// The damage that opening reports; nil where it opens.
    static func damage(
        _ disk: SimulatedDisk, from origin: LogOrigin? = nil, isVerified: Bool = true
    ) throws -> LogDamage? {
        let fileSystem = SimulatedFileSystem(disk)
        let directory = try DataDirectory.open(fileSystem)
        let before = fileSystem.disk.files.map { fileSystem.disk.contents($0) }
        do throws(LogError) {
            _ = try WriteAheadLog.open(directory, start: TestStore.start(), from: origin) {
                _, _, _ in
            }
            return nil
        } catch {
            guard case .damaged(let damage) = error else { throw error }
            // Refused means: nothing was touched.
            #expect(fileSystem.disk.files.map { fileSystem.disk.contents($0) } == before)
            if isVerified { #expect(try !TestStore.damages(disk, from: origin).isEmpty) }
            return damage
        }
    }

    @Test("F8: nothing behind X is the end of the log")
    func nothingBehind() throws {
        let (disk, _, _, _) = try Self.store()
        #expect(try TestStore(SimulatedFileSystem(disk)).replayed.lastLSN == 6)
    }

    @Test("F8: frames behind X that do not certify it are cut with it")
    func unsyncedWindow() throws {
        let (whole, path, _, end) = try Self.store()
        var disk = whole
        disk.corrupt(
            path, at: end + 4096,
            with: Self.frame(disk, path, at: end + 4096, lsn: 8, durableLSN: 6))
        let store = try TestStore(SimulatedFileSystem(disk))
        #expect(store.replayed.lastLSN == 6)
        #expect(store.log.recovery.cutByteCount > 4096)
    }

    @Test("F8: a frame behind X that certifies it makes X damage, with its LSNs")
    func certifiedGap() throws {
        let (whole, path, _, end) = try Self.store()
        var disk = whole
        disk.corrupt(
            path, at: end + 4096,
            with: Self.frame(disk, path, at: end + 4096, lsn: 9, durableLSN: 8))
        let damage = try #require(try Self.damage(disk))
        #expect(damage.kind == .frame)
        #expect(damage.segmentNumber == 1)
        #expect(damage.offset == end)
        #expect(damage.byteCount == 4096)
        #expect(damage.lsns == 7...8)
    }

    @Test("F8: a header that holds and records that do not, certified: damage of known extent")
    func damagedPayload() throws {
        let (whole, path, offsets, _) = try Self.store()
        var disk = whole
        disk.flipBit(path, at: offsets[1] + 50, bit: 2)
        let damage = try #require(try Self.damage(disk))
        #expect(damage.kind == .payload)
        #expect(damage.offset == offsets[1])
        #expect(damage.lsns == 3...4)
    }

    @Test("F8: the same in the last commit, which nothing certifies: cut")
    func tornLastCommit() throws {
        let (whole, path, offsets, _) = try Self.store()
        var disk = whole
        disk.flipBit(path, at: offsets[2] + 50, bit: 2)
        let store = try TestStore(SimulatedFileSystem(disk))
        #expect(store.replayed.lastLSN == 4)
        #expect(store.log.recovery.cutByteCount > 0)
    }

    @Test("F8: the padding of a certified frame counts")
    func damagedPadding() throws {
        let (whole, path, offsets, _) = try Self.store()
        var disk = whole
        disk.flipBit(path, at: offsets[2] - 1, bit: 7)
        let damage = try #require(try Self.damage(disk))
        #expect(damage.kind == .padding)
        #expect(damage.offset == offsets[1])
        #expect(damage.lsns == 3...4)
    }

    @Test("F8: a lost frame of a closed log is damage, though nothing but its end certifies it")
    func closedLog() throws {
        var store = try TestStore()
        try store.append(records: 2)
        let offset = store.log.status.activeByteCount
        try store.append(records: 2)
        try store.log.close()
        var disk = store.fileSystem.disk.afterKill()
        disk.corrupt(
            DirectoryLayout.segment(1), at: offset, with: [UInt8](repeating: 0, count: 4096))
        let damage = try #require(try Self.damage(disk))
        #expect(damage.offset == offset)
        #expect(damage.lsns == 3...4)
    }

    @Test("F8: copied frames are certified by the name of their segment")
    func copiesAreCertified() throws {
        let (whole, _, _, _) = try Self.store()
        let again = try TestStore(SimulatedFileSystem(whole))
        #expect(again.log.recovery.inDoubtRecordCount == 2)
        var disk = again.fileSystem.disk.afterKill()
        disk.corrupt(
            DirectoryLayout.segment(2), at: 8192, with: [UInt8](repeating: 0, count: 4096))
        let damage = try #require(try Self.damage(disk))
        #expect(damage.kind == .frame)
        #expect(damage.lsns == 5...6)
    }

    @Test("F8: a bad frame in a sealed segment is damage", arguments: [0, 1, 2])
    func sealedSegment(position: Int) throws {
        let (whole, path, offsets, _) = try Self.store()
        var again = try TestStore(SimulatedFileSystem(whole))
        try again.append(records: 1)
        var disk = again.fileSystem.disk.afterKill()
        disk.corrupt(path, at: offsets[position], with: [UInt8](repeating: 0xA5, count: 512))
        // The third frame was in doubt: it is behind the cut, and its copy is what counts.
        if position == 2 {
            #expect(try TestStore(SimulatedFileSystem(disk)).replayed.lastLSN == 7)
            #expect(try TestStore.damages(disk).map(\.kind) == [.tail])
            return
        }
        let damage = try #require(try Self.damage(disk))
        #expect(damage.kind == .frame)
        #expect(damage.offset == offsets[position])
        #expect(damage.lsns == LSN(2 * position + 1)...LSN(2 * position + 2))
    }

    @Test("F8: no START and nothing behind it: not begun. A frame behind it: damage")
    func start() throws {
        var store = try TestStore()
        try store.append(records: 2)
        let (before, path) = (store.fileSystem.disk, DirectoryLayout.segment(1))
        var disk = before.afterKill()
        disk.corrupt(path, at: 4096, with: [UInt8](repeating: 0, count: 4096))
        let damage = try #require(try Self.damage(disk))
        #expect(damage.kind == .start)
        disk.corrupt(path, at: 8192, with: [UInt8](repeating: 0, count: 4096))
        #expect(try TestStore(SimulatedFileSystem(disk)).replayed.lastLSN == 0)
    }

    @Test("F7: headers: one copy is enough to open, none is damage")
    func headers() throws {
        let (whole, path, _, _) = try Self.store()
        var disk = whole
        disk.flipBit(path, at: 17, bit: 0)
        let store = try TestStore(SimulatedFileSystem(disk))
        #expect(store.replayed.lastLSN == 6)
        #expect(store.log.recovery.damagedHeaderCount == 1)
        #expect(try TestStore.damages(disk).map(\.kind) == [.firstHeader])
        disk.flipBit(path, at: TestStore.segmentByteCount - 4096 + 40, bit: 0)
        #expect(try Self.damage(disk)?.kind == .segmentHeader)
    }

    @Test("F7: a segment that is missing, renamed, truncated, or a copy of another")
    func files() throws {
        var store = try TestStore()
        for _ in 1...15 { try store.append(records: 2) }
        let disk = store.fileSystem.disk.afterKill()
        let second = DirectoryLayout.segment(2)

        var missing = disk
        missing.delete(second)
        let damage = try #require(try Self.damage(missing))
        #expect(damage.kind == .missingSegment)
        #expect(damage.segmentNumber == 2)

        var renamed = missing
        renamed.place(DirectoryLayout.segment(7), disk.contents(second)!)
        #expect(try Self.damage(renamed)?.kind == .wrongNumber)

        var truncated = disk
        truncated.truncate(second, to: 20_000)
        let short = try #require(try Self.damage(truncated))
        #expect(short.kind == .wrongByteCount)
        #expect(short.offset == 20_000)

        var swapped = disk
        swapped.place(second, disk.contents(DirectoryLayout.segment(1))!)
        #expect(try Self.damage(swapped)?.kind == .wrongNumber)
    }

    @Test("F7: a frame written to another place, or left from a former life, is never taken")
    func misdirectedAndStale() throws {
        let (whole, path, offsets, end) = try Self.store()
        var disk = whole
        let bytes = disk.contents(path)!
        // The third frame once more behind itself.
        disk.corrupt(path, at: end, with: Array(bytes[offsets[2]..<end]))
        #expect(try TestStore(SimulatedFileSystem(disk)).replayed.lastLSN == 6)
        // The frames of a former life where they stood, behind a START of this one: a recycled file
        // whose zeros did not arrive. All but the salt is as it would have to be.
        let stale = Array(bytes[offsets[0]..<end])
        let other = try TestStore(SimulatedFileSystem(), seed: 77)
        var recycled = other.fileSystem.disk.afterKill()
        recycled.corrupt(path, at: offsets[0], with: stale)
        let opened = try TestStore(SimulatedFileSystem(recycled))
        #expect(opened.replayed.lastLSN == 0)
        #expect(opened.replayed.faults == [])
    }
}
