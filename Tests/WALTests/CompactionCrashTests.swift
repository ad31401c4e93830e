import HoldfastDisk
import HoldfastRecords
import HoldfastSimulation
import HoldfastWAL
import Testing

/// Compaction on a disk that crashes and fails.
@Suite struct CompactionCrashTests {
    /// A life under snapshots: segments are compacted, listed, released, and compacted again. The
    /// moments at which it may crash, each with the two snapshots that are kept then.
    static func moments() throws -> [ReleaseTests.Moment] {
        var store = try CompactionTests.store(commits: 13)
        var kept = [store.origin(), store.origin()]
        var result: [ReleaseTests.Moment] = []
        store.fileSystem.keepsMoments = true
        func note(_ store: TestStore) {
            result += store.fileSystem.moments.suffix(from: result.count).map {
                ReleaseTests.Moment(moment: $0, origins: kept)
            }
        }
        var replaced: [SegmentSummary] = []
        for round in 1...3 {
            // All that is sealed, the last one left out so that it stays beside.
            let group = Array(
                store.log.sealedSegments.filter { !replaced.contains($0) }.dropLast())
            _ = try store.log.compact(group, survivors: CompactionTests.survivors)
            replaced += group
            note(store)
            for _ in 1...2 {
                try store.append(records: 3)
                note(store)
                var origin = store.origin()
                origin.segments.removeAll { replaced.contains($0) }
                kept = [kept[1], origin]
            }
            try store.log.release(replaced)
            for _ in 1...3 where round < 3 { try store.append(records: 3) }
            note(store)
        }
        return result
    }

    @Test("F1, I4, I11: a crash at every moment of compaction loses nothing that is wanted")
    func crash() throws {
        let moments = try Self.moments()
        #expect(moments.contains { $0.moment.next.path.hasSuffix(".cmp") })
        for (number, moment) in moments.enumerated() {
            let disk = moment.moment.disk
            let states =
                [
                    disk.afterPowerLoss(CrashChoices()),
                    disk.afterPowerLoss(.everything(disk)), disk.afterKill(),
                ]
                + (1...2).map {
                    disk.afterPowerLoss(.random(disk, seed: UInt64(number) &* 10 &+ $0))
                }
            for (choice, state) in states.enumerated() {
                let faults = Self.crashFaults(state, moment)
                #expect(
                    faults == [],
                    "moment \(number) (\(moment.moment.next)), choice \(choice)")
                if !faults.isEmpty { return }
            }
        }
    }

    static func crashFaults(_ disk: SimulatedDisk, _ moment: ReleaseTests.Moment) -> [String] {
        do {
            var faults: [String] = []
            var next = disk
            for origin in [moment.origin, moment.origins[0]] {
                var store = try TestStore(SimulatedFileSystem(next), seed: 9, from: origin)
                faults += store.replayed.faults
                if store.replayed.lastLSN < moment.moment.note { faults.append("too little") }
                // The survivors of what is listed, and all that is behind.
                let wanted = Set(origin.segments.flatMap(CompactionTests.survivors))
                    .union((origin.lastLSN + 1..<store.nextLSN).filter(TestStore.isIndexed))
                try store.log.read(Array(wanted)) { lsn, body in
                    if body.map({ TestStore.isBody(lsn, $0) }) != true {
                        faults.append("\(lsn) is absent or wrong")
                    }
                }
                let listed = Set(
                    (origin.segments + origin.olderSegments).filter(\.isCompacted).map(\.salt))
                let files = store.fileSystem.disk.files.filter { $0.hasSuffix(".cmp") }
                if files.count != listed.count { faults.append("\(files)") }
                try store.append(records: 1)
                next = store.fileSystem.disk.afterPowerLoss(CrashChoices())
                faults += try TestStore.damages(next, from: origin).map(\.description)
            }
            return faults
        } catch {
            return ["\(error)"]
        }
    }

    @Test("F9, F11: every call of a compaction fails once", arguments: [5, 28] as [Int32])
    func everyCall(code: Int32) throws {
        let whole = try CompactionTests.store()
        let disk = whole.fileSystem.disk.afterKill()
        for position in 1... {
            let store = try TestStore(SimulatedFileSystem(disk), seed: 8)
            let group = Array(store.log.sealedSegments.prefix(2))
            let origin = store.origin()
            store.fileSystem.fail(SimulatedFault(position: position, code: code))
            var isDone = false
            do {
                _ = try store.log.compact(group, survivors: CompactionTests.survivors)
                isDone = true
            } catch {
                store.fileSystem.clearFaults()
                if !error.isFatal {
                    #expect(!store.fileSystem.disk.files.contains { $0.hasSuffix(".cmp") })
                    #expect(try store.readFaults() == [])
                    _ = try store.log.compact(group, survivors: CompactionTests.survivors)
                }
            }
            let state = store.fileSystem.disk.afterPowerLoss(
                .random(store.fileSystem.disk, seed: UInt64(position)))
            let again = try TestStore(SimulatedFileSystem(state), from: origin)
            #expect(again.replayed.faults == [], "call \(position)")
            #expect(try again.readFaults() == [], "call \(position)")
            if isDone { break }
        }
    }
}
