import HoldfastDisk
import HoldfastRecords
import HoldfastSimulation
import HoldfastWAL
import Testing

/// Sealed segments that are read though nobody asks for them.
@Suite struct ScrubTests {
    /// One round; what it found, and how many steps it took.
    static func round(_ log: WriteAheadLog) throws -> (found: [LogDamage], steps: Int) {
        var found: [LogDamage] = []
        var steps = 0
        while try log.scrubStep({ found.append($0) }) { steps += 1 }
        return (found, steps)
    }

    @Test("S13: what was altered is named with its LSNs, each round anew, and the log goes on")
    func finds() throws {
        var store = try TestStore()
        for _ in 1...18 { try store.append(records: 3) }
        let compacted = try store.log.compact(
            Array(store.log.sealedSegments.prefix(2)), survivors: CompactionTests.survivors)
        let whole = store.fileSystem.disk
        #expect(try Self.round(store.log).found == [])
        #expect(try Self.round(store.log).steps == 5)
        let third = DirectoryLayout.segment(3)
        let frames = [4096, 8192, 12288, 16384, 20480]
        let cases: [(path: String, offset: Int, kind: LogDamage.Kind, lsns: ClosedRange<LSN>?)] = [
            (third, 20, .firstHeader, nil), (third, 32768 - 4096, .lastHeader, nil),
            (third, frames[0] + 60, .start, nil), (third, frames[1] + 4, .frame, 25...27),
            (third, frames[2] + 60, .payload, 28...30),
            (third, frames[3] + 4000, .padding, 31...33),
            (third, frames[4] + 4, .frame, 34...36),
            (DirectoryLayout.segment(1), frames[2] + 50, .payload, 4...6),
        ]
        for (path, offset, kind, lsns) in cases {
            var disk = whole
            disk.flipBit(path, at: offset, bit: 3)
            store.fileSystem.disk = disk
            for _ in 1...2 {
                let found = try Self.round(store.log).found
                #expect(found.map(\.kind) == [kind])
                #expect(found.map(\.lsns) == [lsns])
                #expect(found.map(\.path) == [path])
            }
        }
        let path = try #require(whole.files.first { $0.hasSuffix(".cmp") })
        for (offset, kind) in [
            (20, .compactedHeader), (4100, .compactedRecord), (compacted.end, .compactedIndex),
            (8191, .padding),
        ] as [(Int, LogDamage.Kind)] {
            var disk = whole
            disk.flipBit(path, at: offset, bit: 3)
            store.fileSystem.disk = disk
            #expect(try Self.round(store.log).found.map(\.kind) == [kind])
        }
        store.fileSystem.disk = whole
        try store.append(records: 1)
    }

    @Test("a large segment takes many steps, and a step reads about a MiB")
    func pieces() throws {
        var store = try TestStore(segmentByteCount: 4 << 20)
        for _ in 1...40 { try store.append(records: 20, byteCount: 15_000) }
        #expect(store.log.sealedSegments.count == 3)
        let before = store.fileSystem.calls.count
        let (found, steps) = try Self.round(store.log)
        #expect(found == [])
        #expect((9...15).contains(steps), "\(steps)")
        let read = store.fileSystem.calls[before...].filter { $0.call == .read }
            .reduce(0) { $0 + $1.byteCount }
        #expect(read < steps * (3 << 20))
        // A frame in the middle of the second one.
        let second = store.log.sealedSegments[1]
        var disk = store.fileSystem.disk
        disk.flipBit(DirectoryLayout.segment(2), at: second.end / 2, bit: 3)
        store.fileSystem.disk = disk
        let damage = try #require(try Self.round(store.log).found.first)
        #expect(damage.kind == .payload)
        #expect(damage.lsns?.count == 20)
    }

    @Test("F12: where the disk does not answer, the round goes on behind it")
    func unreadable() throws {
        var store = try TestStore()
        for _ in 1...14 { try store.append(records: 3) }
        for position in 1...8 {
            store.fileSystem.fail(SimulatedFault([.read], position: position, code: 5))
            let found = try Self.round(store.log).found
            #expect(found.map(\.kind) == [.unreadable], "read \(position)")
            store.fileSystem.clearFaults()
            #expect(try Self.round(store.log).found == [])
        }
        store.fileSystem.fail(
            SimulatedFault([.read], pathPart: "2.seg", code: 5, isPersistent: true))
        let found = try Self.round(store.log).found
        #expect(found.map(\.segmentNumber) == [2])
        #expect(throws: Never.self) { try store.append(records: 1) }
    }

    @Test("a file that is gone is missing, and one that cannot be opened for want is tried again")
    func unopened() throws {
        var store = try TestStore()
        for _ in 1...14 { try store.append(records: 3) }
        for (code, kind) in [(2, .missingSegment), (5, .unreadable)] as [(Int32, LogDamage.Kind)] {
            store.fileSystem.fail(
                SimulatedFault([.open], pathPart: "2.seg", code: code, isPersistent: true))
            let found = try Self.round(store.log).found
            #expect(found.map(\.kind) == [kind])
            #expect(found.map(\.segmentNumber) == [2])
            store.fileSystem.clearFaults()
        }
        for code: Int32 in [12, 23, 24] {
            store.fileSystem.fail(SimulatedFault([.open], pathPart: "1.seg", code: code))
            #expect(throws: LogError.self) { try store.log.scrubStep { Issue.record("\($0)") } }
            #expect(try Self.round(store.log).found == [])
        }
        try store.append(records: 1)
    }

    @Test("a compacted segment is read in pieces too, its index once")
    func compactedPieces() throws {
        var store = try TestStore(segmentByteCount: 4 << 20)
        for _ in 1...40 { try store.append(records: 20, byteCount: 15_000) }
        let group = Array(store.log.sealedSegments.prefix(2))
        let compacted = try store.log.compact(group) {
            ($0.firstLSN..<$0.nextLSN).filter(TestStore.isIndexed)
        }
        try store.log.release(group)
        try store.log.release(store.log.sealedSegments.filter { !$0.isCompacted })
        #expect(store.log.sealedSegments == [compacted])
        let before = store.fileSystem.calls.count
        let (found, steps) = try Self.round(store.log)
        #expect(found == [])
        #expect((2...9).contains(steps), "\(steps)")
        let read = store.fileSystem.calls[before...].filter { $0.call == .read }
            .reduce(0) { $0 + $1.byteCount }
        #expect(read < compacted.byteCount * 3 / 2, "\(read) of \(compacted.byteCount)")
        let byteCount = store.log.scrubProgress.byteCount
        #expect(byteCount == compacted.byteCount)
        var disk = store.fileSystem.disk
        let path = try #require(disk.files.first { $0.hasSuffix(".cmp") })
        disk.flipBit(path, at: compacted.end - 100_000, bit: 3)
        store.fileSystem.disk = disk
        #expect(try Self.round(store.log).found.map(\.kind) == [.compactedRecord])
        #expect(store.log.scrubProgress.roundCount == 2)
        #expect(store.log.scrubProgress.segmentNumber == compacted.number)
    }

    @Test("a segment that is released between two steps is passed over")
    func released() throws {
        var store = try TestStore()
        for _ in 1...18 { try store.append(records: 3) }
        var found: [LogDamage] = []
        #expect(try store.log.scrubStep { found.append($0) })
        try store.log.release([1, 2])
        #expect(try Self.round(store.log).steps == 2)
        #expect(found == [])
        try store.log.release(store.log.sealedSegments)
        #expect(try Self.round(store.log).steps == 0)
    }
}
