import HoldfastDisk
import HoldfastRecords
import HoldfastSimulation
import HoldfastWAL
import Testing

/// F8: the tail table in a log that is opened from a snapshot: what that knows had been durable.
@Suite struct OriginTailTests {
    /// Two segments of four commits of two records, and two commits in the third.
    static func store() throws -> (disk: SimulatedDisk, origins: [LogOrigin], offsets: [Int]) {
        var store = try TestStore()
        var origins: [LogOrigin] = []
        var offsets: [Int] = []
        for _ in 1...10 {
            try store.append(records: 2)
            offsets.append(store.log.status.activeByteCount - 4096)
            origins.append(store.origin())
        }
        return (store.fileSystem.disk.afterKill(), origins, offsets)
    }

    /// How an opening ends.
    enum Outcome: Equatable {
        case opened(LSN)
        case damage(LogDamage.Kind, UInt64, Int, ClosedRange<LSN>?)
        case older(LSN)
    }

    static func outcome(_ disk: SimulatedDisk, _ origin: LogOrigin) throws -> Outcome {
        let fileSystem = SimulatedFileSystem(disk)
        let directory = try DataDirectory.open(fileSystem)
        let before = fileSystem.disk.files.map { fileSystem.disk.contents($0) }
        do throws(LogError) {
            let log = try WriteAheadLog.open(
                directory, start: TestStore.start(), from: origin, replay: { _, _, _ in })
            return .opened(log.recovery.lastLSN)
        } catch {
            #expect(fileSystem.disk.files.map { fileSystem.disk.contents($0) } == before)
            #expect(try !TestStore.damages(disk, from: origin).isEmpty)
            switch error {
            case .damaged(let damage):
                return .damage(damage.kind, damage.segmentNumber, damage.offset, damage.lsns)
            case .olderThanSnapshot(let lastLSN, origin.lastLSN):
                return .older(lastLSN)
            default:
                throw error
            }
        }
    }

    @Test("a bad commit, wherever it is, under every origin")
    func everyCommit() throws {
        let (whole, origins, offsets) = try Self.store()
        for commit in 0..<10 {
            let number = UInt64(commit / 4 + 1)
            var disk = whole
            disk.flipBit(DirectoryLayout.segment(number), at: offsets[commit] + 50, bit: 2)
            let lsns = LSN(commit * 2 + 1)...LSN(commit * 2 + 2)
            for (known, origin) in origins.enumerated() {
                let outcome = try Self.outcome(disk, origin)
                let context: Comment = "commit \(commit), origin behind commit \(known)"
                // The segment that the origin ends in is read from its beginning, unless it ends
                // there and another follows.
                let firstRead = (known + 1) / 4 * 4
                if commit < firstRead {
                    #expect(outcome == .opened(20), context)
                } else if commit == 9, known < 9 {
                    // The last commit, which nothing certifies.
                    #expect(outcome == .opened(18), context)
                } else {
                    #expect(outcome == .damage(.payload, number, offsets[commit], lsns), context)
                }
            }
        }
    }

    @Test("a commit that is zeros again: the last one is damage, or an older log, by the origin")
    func lostCommit() throws {
        let (whole, origins, offsets) = try Self.store()
        let path = DirectoryLayout.segment(3)
        var disk = whole
        disk.corrupt(path, at: offsets[9], with: [UInt8](repeating: 0, count: 4096))
        #expect(try Self.outcome(disk, origins[9]) == .older(18))
        #expect(try Self.outcome(disk, origins[8]) == .opened(18))
        #expect(try Self.outcome(disk, origins[2]) == .opened(18))
        // Something is left of it.
        disk.corrupt(path, at: offsets[9] + 600, with: [1])
        #expect(try Self.outcome(disk, origins[9]) == .damage(.frame, 3, offsets[9], 19...20))
        #expect(try Self.outcome(disk, origins[8]) == .opened(18))
        // The one before: what follows certifies it.
        disk = whole
        disk.corrupt(path, at: offsets[8], with: [UInt8](repeating: 0, count: 4096))
        for known in [5, 7, 8, 9] {
            #expect(
                try Self.outcome(disk, origins[known])
                    == .damage(.frame, 3, offsets[8], 17...18))
        }
    }

    @Test("X in the segment behind the origin's, and X right behind the origin")
    func borders() throws {
        let (whole, origins, offsets) = try Self.store()
        // The origin ends with the second segment; the third has lost all its commits.
        var disk = whole
        for commit in [8, 9] {
            disk.corrupt(
                DirectoryLayout.segment(3), at: offsets[commit],
                with: [UInt8](repeating: 0, count: 4096))
        }
        #expect(try Self.outcome(disk, origins[7]) == .opened(16))
        #expect(try Self.outcome(disk, origins[6]) == .opened(16))
        #expect(try Self.outcome(disk, origins[8]) == .older(16))
        #expect(try Self.outcome(disk, origins[9]) == .older(16))
        // The third segment is gone as a whole.
        disk.delete(DirectoryLayout.segment(3))
        #expect(try Self.outcome(disk, origins[9]) == .older(16))
        #expect(
            try Self.outcome(disk, origins[7]) == .opened(16),
            "nothing says that there was a third one")
        // The second had been sealed when the ninth commit was made.
        var sealed = origins[8]
        sealed.lastLSN = 16
        guard case .damage(.missingSegment, 3, _, _) = try Self.outcome(disk, sealed) else {
            Issue.record("\(try Self.outcome(disk, sealed))")
            return
        }
    }

    @Test("frames behind X that do not certify it are cut with it, behind the origin only")
    func unsyncedWindow() throws {
        let (whole, origins, offsets) = try Self.store()
        let path = DirectoryLayout.segment(3)
        var disk = whole
        let place = offsets[9] + 8192
        disk.corrupt(
            path, at: place,
            with: TailRuleTests.frame(disk, path, at: place, lsn: 22, durableLSN: 20))
        #expect(try Self.outcome(disk, origins[9]) == .opened(20))
        var later = origins[9]
        later.lastLSN = 21
        #expect(try Self.outcome(disk, later) == .damage(.frame, 3, offsets[9] + 4096, 21...21))
    }

    @Test("commits that the snapshot knows are not in doubt and are not copied")
    func inDoubt() throws {
        let (whole, origins, _) = try Self.store()
        let known = try TestStore(SimulatedFileSystem(whole), from: origins[9])
        #expect(known.log.recovery.inDoubtRecordCount == 0)
        let unknown = try TestStore(SimulatedFileSystem(whole), from: origins[8])
        #expect(unknown.log.recovery.inDoubtRecordCount == 2)
        // A crash loop under both, with everything before released.
        for (store, origin) in [(known, origins[9]), (unknown, origins[8])] {
            var origin = origin
            origin.segments = []
            try store.log.release(
                store.log.sealedSegments.filter { $0.nextLSN <= origin.lastLSN + 1 }
                    .map(\.number))
            var disk = store.fileSystem.disk.afterKill()
            for round in 1...6 {
                let again = try TestStore(
                    SimulatedFileSystem(disk), seed: UInt64(round), from: origin)
                #expect(again.replayed.lastLSN == 20)
                #expect(again.replayed.faults == [])
                #expect(again.log.recovery.epoch == UInt32(round + 2))
                disk =
                    round % 2 == 0
                    ? again.fileSystem.disk.afterKill()
                    : again.fileSystem.disk.afterPowerLoss(CrashChoices())
                #expect(disk.files.filter { $0.hasSuffix(".seg") }.count <= 2)
                #expect(try TestStore.damages(disk, from: origin) == [])
            }
        }
    }

    @Test("a segment outside the sequence: left over if the snapshot knows it all, else damage")
    func strays() throws {
        let (whole, origins, _) = try Self.store()
        // A second one that nobody names, with records 9 to 16: the third is made to follow none.
        var origin = origins[9]
        origin.segments = []
        #expect(try Self.outcome(whole, origin) == .opened(20))
        let opened = try TestStore(SimulatedFileSystem(whole), from: origin)
        let files = opened.fileSystem.disk.files
        #expect(!files.contains(DirectoryLayout.segment(1)))
        // The predecessor of the segment that the origin ends in is not needed either.
        #expect(!files.contains(DirectoryLayout.segment(2)))
        // Without its successor, and with records that the snapshot does not know.
        var stray = whole
        stray.delete(DirectoryLayout.segment(2))
        let early = LogOrigin(lastLSN: 16, frameTime: 0, segments: [])
        #expect(try Self.outcome(stray, early) == .opened(20))
        let it = TailRuleTests.header(whole, DirectoryLayout.segment(1))
        var foreign = stray
        let place = 5 * 4096 + 4096
        foreign.corrupt(
            DirectoryLayout.segment(1), at: place,
            with: TailRuleTests.frame(
                foreign, DirectoryLayout.segment(1), at: place, lsn: 17, durableLSN: 8))
        #expect(it.number == 1)
        guard case .damage(.strayedSegment, 1, place, 17...17) = try Self.outcome(foreign, early)
        else {
            Issue.record("\(try Self.outcome(foreign, early))")
            return
        }
    }
}
