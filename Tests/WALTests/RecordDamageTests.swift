import HoldfastDisk
import HoldfastRecords
import HoldfastSimulation
import HoldfastWAL
import Testing

/// S13: damage to a sealed segment that no opening replays, and that has no sidecar yet, costs the
/// records that it lies in and no other.
@Suite struct RecordDamageTests {
    private static let path = DirectoryLayout.segment(1)

    private struct Sample {
        let disk: SimulatedDisk
        let origin: LogOrigin
        /// Where the indexed records of the first segment lie.
        let extents: [LSN: Range<Int>]
        let frames: [FrameSummary]
    }

    private static func sample() throws -> Sample {
        var store = try TestStore()
        for _ in 1...8 { try store.append(records: 6) }
        let disk = store.fileSystem.disk.afterKill()
        #expect(disk.files.allSatisfy { !$0.hasSuffix(".idx") })
        var extents: [LSN: Range<Int>] = [:]
        var frames: [FrameSummary] = []
        try LogInspection(SimulatedFileSystem(disk)).examine(segment: 1) { item in
            switch item {
            case .frame(let frame): if frame.content == .records { frames.append(frame) }
            case .record(let lsn, let offset, let isIndexed, let body):
                if isIndexed { extents[lsn] = offset..<offset + 12 + body.count }
            case .damage(let damage): Issue.record("\(damage)")
            }
        }
        #expect(frames.count > 2 && extents.count == frames.count * 4)
        return Sample(disk: disk, origin: store.origin(), extents: extents, frames: frames)
    }

    private func absent(_ disk: SimulatedDisk, _ sample: Sample) throws -> Set<LSN> {
        let store = try TestStore(SimulatedFileSystem(disk), from: sample.origin)
        var absent: Set<LSN> = []
        try store.log.read(sample.extents.keys.sorted()) { lsn, body in
            if let body {
                #expect(TestStore.isBody(lsn, body))
            } else {
                absent.insert(lsn)
            }
        }
        return absent
    }

    @Test("F12: a read that fails while the index is made costs no record")
    func failedScan() throws {
        let sample = try Self.sample()
        let fileSystem = SimulatedFileSystem(sample.disk)
        let store = try TestStore(fileSystem, from: sample.origin)
        fileSystem.fail(
            SimulatedFault([.read], pathPart: Self.path, code: DiskError.inputOutput))
        var found: Set<LSN> = []
        try store.log.read(sample.extents.keys.sorted()) { lsn, body in
            if body != nil { found.insert(lsn) }
        }
        #expect(found == Set(sample.extents.keys))
    }

    @Test("F6, S13: a flipped bit costs the one record that it lies in")
    func everyByte() throws {
        let sample = try Self.sample()
        for frame in sample.frames {
            for offset in frame.offset..<frame.offset + 48 + frame.payloadByteCount + 8 {
                var disk = sample.disk
                disk.flipBit(Self.path, at: offset, bit: offset % 8)
                let expected = Set(sample.extents.filter { $0.value.contains(offset) }.keys)
                let absent = try absent(disk, sample)
                #expect(absent == expected, "offset \(offset)")
                if absent != expected { return }
            }
        }
    }

    @Test("S2: bytes within a damaged record are not taken for another record")
    func recordWithinRecord() throws {
        // A job may hold what a record looks like: here the second one of its own frame.
        let other = TestStore.body(2, byteCount: 90)
        let impostor = Array("impostor".utf8)
        var record = [UInt8](repeating: 0, count: 12)
        record.withUnsafeMutableBytes { bytes in
            let words = [
                1 << 31 | UInt32(impostor.count), 2, impostor.withUnsafeBytes(RecordFormat.crc32c),
            ]
            for (index, word) in words.enumerated() {
                bytes.storeBytes(of: word.littleEndian, toByteOffset: index * 4, as: UInt32.self)
            }
        }
        record += impostor
        var store = try TestStore()
        store.batch.open(firstLSN: 1, frameTime: store.frameTime + 1)
        for body in [record, other] {
            _ = store.batch.append(bodyByteCount: body.count, isIndexed: true) {
                $0.copyBytes(from: body)
            }
        }
        try store.log.append(store.batch)
        (store.nextLSN, store.frameTime) = (3, store.frameTime + 1)
        for _ in 1...8 { try store.append(records: 6) }
        var disk = store.fileSystem.disk.afterKill()
        // The length of the first record.
        disk.flipBit(Self.path, at: 8192 + 48, bit: 6)
        let again = try TestStore(SimulatedFileSystem(disk), from: store.origin())
        try again.log.read([1, 2]) { lsn, body in
            #expect(body == nil || lsn == 2 && body!.elementsEqual(other))
        }
    }

    @Test("what is read past damage is not kept: the segment may be restored from a copy")
    func noSidecar() throws {
        let sample = try Self.sample()
        var disk = sample.disk
        let offset = try #require(sample.extents[7]).upperBound - 1
        disk.flipBit(Self.path, at: offset, bit: 0)
        let fileSystem = SimulatedFileSystem(disk)
        let store = try TestStore(fileSystem, from: sample.origin)
        try store.log.read([7, 8]) { lsn, body in #expect((body == nil) == (lsn == 7)) }
        disk = fileSystem.disk.afterKill()
        #expect(disk.contents(DirectoryLayout.sidecar(1)) == nil)
        disk.flipBit(Self.path, at: offset, bit: 0)
        #expect(try absent(disk, sample) == [])
    }
}
