import HoldfastDisk
import HoldfastRecords
import HoldfastSimulation
import HoldfastWAL
import Testing

/// F6, S13, F33: no bit of a segment changes without being found, and none changes what is replayed
/// without a word.
@Suite struct DamageTests {
    struct Sample: Sendable, CustomTestStringConvertible {
        let segmentByteCount: Int
        let isClosed: Bool
        let isReopened: Bool
        var isSmallest: Bool { segmentByteCount == 16 * 1024 && !isReopened }
        var testDescription: String {
            "\(segmentByteCount) bytes\(isClosed ? ", closed" : "")\(isReopened ? ", reopened" : "")"
        }
    }

    static let samples = [
        Sample(segmentByteCount: 16 * 1024, isClosed: false, isReopened: false),
        Sample(segmentByteCount: 32 * 1024, isClosed: true, isReopened: false),
        Sample(segmentByteCount: 16 * 1024, isClosed: false, isReopened: true),
    ]

    static func disk(_ sample: Sample) throws -> (disk: SimulatedDisk, lastLSN: LSN) {
        var store = try TestStore(segmentByteCount: sample.segmentByteCount)
        for _ in 1...2 { try store.append(records: 2) }
        if sample.isClosed { try store.log.close() }
        let disk = store.fileSystem.disk.afterKill()
        guard sample.isReopened else { return (disk, store.nextLSN - 1) }
        let again = try TestStore(SimulatedFileSystem(disk))
        return (again.fileSystem.disk.afterKill(), store.nextLSN - 1)
    }

    @Test(
        "F6, F33: every byte of every segment, and every bit of those that say something",
        arguments: samples)
    func everyFlip(sample: Sample) throws {
        let (disk, last) = try Self.disk(sample)
        #expect(try TestStore.damages(disk) == [])
        for path in disk.files where path.hasSuffix(".seg") {
            let bytes = disk.contents(path)!
            for offset in bytes.indices {
                let says = bytes[offset] != 0 || offset % 4096 < 64
                for bit in says ? 0..<8 : offset % 8..<offset % 8 + 1 {
                    var damaged = disk
                    damaged.flipBit(path, at: offset, bit: bit)
                    // All of them are verified; opened are all that say something in the smallest
                    // sample, and one bit of each byte elsewhere.
                    let isOpened =
                        says ? sample.isSmallest || bit == offset % 8 : offset % 32 == 0
                    let fault = try Self.fault(damaged, last, path, offset, isOpened: isOpened)
                    #expect(fault == nil, "\(path), offset \(offset), bit \(bit)")
                    if fault != nil { return }
                }
            }
        }
    }

    static func fault(
        _ disk: SimulatedDisk, _ last: LSN, _ path: String, _ offset: Int, isOpened: Bool
    ) throws -> String? {
        let found = try TestStore.damages(disk)
        guard let first = found.first(where: { $0.path == path }) else {
            return "not found: \(found)"
        }
        guard found.contains(where: { $0.offset <= offset && offset < $0.offset + $0.byteCount })
        else { return "found elsewhere: \(first)" }
        guard isOpened else { return nil }
        do {
            let store = try TestStore(SimulatedFileSystem(disk))
            if !store.replayed.faults.isEmpty { return "\(store.replayed.faults)" }
            if store.replayed.lastLSN == last { return nil }
            // Only the last commit of a log that was not closed can be taken for a torn one.
            return store.log.recovery.cutByteCount > 0 && store.replayed.lastLSN == last - 2
                && found.contains { $0.kind == .unfinished && $0.lsns?.lowerBound == last - 1 }
                ? nil : "replayed up to \(store.replayed.lastLSN) without a word"
        } catch let error as LogError {
            guard case .damaged = error else { return "\(error)" }
            return nil
        } catch let error as StoreError {
            return "\(error)"
        }
    }

    @Test("S13: verification names every damaged range, with the LSNs that lie in it")
    func ranges() throws {
        var store = try TestStore()
        var offsets: [Int] = []
        for _ in 1...5 {
            offsets.append(store.log.status.activeByteCount)
            try store.append(records: 2)
        }
        try store.log.close()
        var disk = store.fileSystem.disk.afterKill()
        let first = DirectoryLayout.segment(1)
        disk.flipBit(first, at: offsets[1] + 60, bit: 1)
        disk.flipBit(first, at: offsets[3] + 3, bit: 1)
        let found = try TestStore.damages(disk)
        #expect(found.map(\.kind) == [.payload, .frame])
        #expect(found.map(\.lsns) == [3...4, 7...8])
        #expect(found.map(\.offset) == [offsets[1], offsets[3]])
        #expect(found.map(\.byteCount) == [4096, 4096])
        #expect("\(found[0])".contains("log/0000000000000001.seg, offset 12288"))
    }

    @Test("the tools show the segments of a store, and what is in them")
    func listing() throws {
        var store = try TestStore()
        for _ in 1...8 { try store.append(records: 3) }
        try store.log.close()
        let inspection = LogInspection(SimulatedFileSystem(store.fileSystem.disk.afterKill()))
        let segments = try inspection.segments()
        #expect(segments.map(\.number) == [1, 2])
        #expect(segments.map(\.state) == [.sealed, .last])
        #expect(segments.map(\.lsns) == [1...12, 13...24])
        #expect(segments.map(\.epoch) == [1, 1])
        #expect(segments[0].start?.softwareVersion == "test 1")
        var frames: [FrameSummary] = []
        var lsns: [LSN] = []
        try inspection.examine(segment: 2) { item in
            switch item {
            case .frame(let frame): frames.append(frame)
            case .record(let lsn, _, let isIndexed, let body):
                lsns.append(lsn)
                #expect(isIndexed == TestStore.isIndexed(lsn))
                #expect(TestStore.isBody(lsn, body))
            case .damage(let damage): Issue.record("\(damage)")
            }
        }
        #expect(lsns == Array(13...24))
        #expect(frames.map(\.offset) == [4096, 8192, 12288, 16384, 20480, 24576])
        #expect(frames.last?.content == .end)
        var summary = try inspection.verify { Issue.record("\($0)") }
        #expect(summary.wasClosed)
        #expect(summary.lastLSN == 24)
        #expect(summary.recordCount == 24)
        summary.byteCount = 0
    }

    @Test("a listing and a verification work without STORE, and change nothing")
    func damagedStore() throws {
        var store = try TestStore()
        try store.append(records: 3)
        var disk = store.fileSystem.disk.afterKill()
        disk.delete(DirectoryLayout.store)
        let fileSystem = SimulatedFileSystem(disk)
        let inspection = LogInspection(fileSystem)
        #expect(throws: StoreError.self) { try inspection.identity.get() }
        #expect(try inspection.segments().count == 1)
        #expect(try inspection.verify { _ in }.recordCount == 3)
        let harmless: Set<DiskError.Call> = [.open, .read, .byteCount, .list, .lock]
        #expect(fileSystem.calls.allSatisfy { harmless.contains($0.call) })
    }
}
