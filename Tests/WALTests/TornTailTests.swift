import HoldfastDisk
import HoldfastRecords
import HoldfastSimulation
import HoldfastWAL
import Testing

/// F4: a log that ends in the middle of a commit recovers to exactly what was acknowledged.
@Suite struct TornTailTests {
    @Test("S10, F4: the log cut at every byte of its last two frames")
    func everyByte() throws {
        var store = try TestStore()
        for _ in 1...2 { try store.append(records: 3) }
        var ends: [(lsn: LSN, content: Int, frame: Int)] = []
        let path = DirectoryLayout.segment(store.log.status.activeNumber)
        var start = store.log.status.activeByteCount
        ends.append((store.nextLSN - 1, start, start))
        for count in [4, 2] {
            try store.append(records: count)
            let bytes = store.fileSystem.disk.contents(path)!
            let end = store.log.status.activeByteCount
            let last = bytes[start..<end].lastIndex { $0 != 0 }!
            ends.append((store.nextLSN - 1, last + 1, end))
            start = end
        }
        let whole = store.fileSystem.disk.afterKill()
        for cut in ends[0].frame...ends[2].frame {
            var disk = whole
            disk.corrupt(
                path, at: cut, with: [UInt8](repeating: 0, count: ends[2].frame - cut))
            let again = try TestStore(SimulatedFileSystem(disk))
            let expected = ends.last { $0.content <= cut }!.lsn
            #expect(again.replayed.faults == [], "cut at \(cut)")
            #expect(again.replayed.lastLSN == expected, "cut at \(cut)")
            if again.replayed.lastLSN != expected { return }
        }
    }

    static let fates: [BlockFate] = [
        .old, .new, .torn(newSectors: 0b1), .torn(newSectors: 0b1111_1110),
        .torn(newSectors: 0b0101_0101), .zero, .garbage(seed: 1),
    ]

    /// The disk while a commit of three blocks is being written behind two that were acknowledged.
    static func midWrite() throws -> (moment: SimulatedMoment, blocks: [BlockKey], lsn: LSN) {
        var store = try TestStore()
        for _ in 1...2 { try store.append(records: 3) }
        store.fileSystem.keepsMoments = true
        try store.append(records: 3, byteCount: 3_900)
        let moment = store.fileSystem.moments.last { $0.disk.inFlightByteCount > 0 }!
        let blocks = moment.disk.undecided.compactMap { undecided -> BlockKey? in
            guard case .block(let file, let index) = undecided,
                moment.disk.path(of: file).hasSuffix(".seg")
            else { return nil }
            return BlockKey(file: file, index: index)
        }
        return (moment, blocks, store.nextLSN - 1)
    }

    @Test("S10, F4: each block of the last commit lost, torn, zeroed or rubbish, in every way")
    func everyBlock() throws {
        let (moment, blocks, last) = try Self.midWrite()
        #expect(blocks.count == 3)
        #expect(moment.note == 6)
        let count = Self.fates.count
        for number in 0..<count * count * count {
            var choices = CrashChoices()
            let chosen = [number % count, number / count % count, number / count / count]
            for (block, fate) in zip(blocks, chosen) { choices.blocks[block] = Self.fates[fate] }
            let disk = moment.disk.afterPowerLoss(choices)
            let again = try TestStore(SimulatedFileSystem(disk))
            let expected = chosen.allSatisfy { Self.fates[$0] == .new } ? last : moment.note
            #expect(again.replayed.faults == [])
            #expect(
                again.replayed.lastLSN == expected,
                "fates \(chosen.map { Self.fates[$0] })")
        }
    }

    @Test("F4: what was cut is counted, and a later damage behind the cut is found")
    func cutIsCounted() throws {
        let (moment, blocks, _) = try Self.midWrite()
        var choices = CrashChoices()
        choices.blocks[blocks[0]] = .new
        let disk = moment.disk.afterPowerLoss(choices)
        #expect(try TestStore.damages(disk).map(\.kind) == [.unfinished])
        let again = try TestStore(SimulatedFileSystem(disk))
        #expect(again.log.recovery.cutByteCount > 4_000)
        #expect(again.log.recovery.lastLSN == 6)
        var after = again.fileSystem.disk.afterKill()
        #expect(try TestStore.damages(after) == [])
        after.flipBit(DirectoryLayout.segment(1), at: 20_000, bit: 3)
        #expect(try TestStore.damages(after).map(\.kind) == [.tail])
    }
}
