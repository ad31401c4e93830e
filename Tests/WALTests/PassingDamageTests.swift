import HoldfastDisk
import HoldfastRecords
import HoldfastSimulation
import HoldfastWAL
import Testing

/// S13: what does not lie in damaged bytes is handed on, whatever else is damaged.
@Suite struct PassingDamageTests {
    /// Four segments of four commits with three records each, 1…48.
    static func disk(closing: Bool = true) throws -> (disk: SimulatedDisk, origins: [LogOrigin]) {
        let (store, origins) = try OriginTests.store(closing: closing)
        return (store.fileSystem.disk.afterKill(), origins)
    }

    static func all(but lost: ClosedRange<LSN>..., behind: LSN = 0) -> [LSN] {
        (behind + 1..<49).filter { lsn in !lost.contains { $0.contains(lsn) } }
    }

    static let frames = [8192, 12288, 16384, 20480]

    @Test("S13: a log without damage opens as in refusing mode, byte by byte")
    func undamaged() throws {
        for closing in [false, true] {
            let (disk, origins) = try Self.disk(closing: closing)
            for origin in [nil, origins[3], origins[9]] {
                let refusing = try PassedLog(disk, from: origin, isPassing: false)
                let passing = try PassedLog(disk, from: origin)
                #expect(passing.heard.told == [])
                #expect(passing.heard.handed == refusing.heard.handed)
                #expect(passing.log.recovery.missing == [])
                #expect(passing.log.recovery.wasClosed == closing)
                #expect(passing.log.firstNextLSN == 49)
                #expect(passing.fileSystem.disk.files == refusing.fileSystem.disk.files)
            }
        }
    }

    @Test("S13: a bad frame in a segment, sealed or last", arguments: [2, 4] as [UInt64])
    func frames(number: UInt64) throws {
        let (disk, _) = try Self.disk()
        let path = DirectoryLayout.segment(number)
        for (position, offset) in Self.frames.enumerated() {
            let lsn = LSN(number - 1) * 12 + LSN(position) * 3 + 1
            let cases: [(byte: Int, kind: LogDamage.Kind, lost: [LSN])] = [
                (9, .frame, [lsn, lsn + 1, lsn + 2]),
                // The checksum of the first record, and its length. Plain records do not answer
                // for themselves.
                (48 + 8, .payload, [lsn, lsn + 2]),
                (48, .payload, [lsn, lsn + 2]),
                (4095, .padding, []),
            ]
            for (byte, kind, lost) in cases {
                var damaged = disk
                damaged.flipBit(path, at: offset + byte, bit: 1)
                let (told, report, _) = try PassedLog.check(
                    damaged, last: 48, expected: Self.all().filter { !lost.contains($0) },
                    repeating: "segment \(number), offset \(offset), byte \(byte)")
                #expect(told.map(\.kind) == [kind])
                #expect(told.map(\.lsns) == [lsn...lsn + 2])
                #expect(report.missing.flatMap { $0 } == lost)
            }
        }
    }

    @Test("S13: a frame out of sequence, and the last ones of a log that nothing ends")
    func sequence() throws {
        let (whole, path, offsets, end) = try TailRuleTests.store()
        var disk = whole
        disk.corrupt(
            path, at: end + 4096,
            with: TailRuleTests.frame(disk, path, at: end + 4096, lsn: 9, durableLSN: 8))
        let gap = try PassedLog(disk)
        #expect(gap.heard.handed == [1, 2, 3, 4, 5, 6, 9])
        #expect(gap.log.recovery.missing == [7...8])
        #expect(gap.log.firstNextLSN == 10)
        // The first of three damaged, and the last one torn: that one may have been answered.
        disk = whole
        disk.flipBit(path, at: offsets[0] + 9, bit: 0)
        disk.flipBit(path, at: offsets[2] + 60, bit: 0)
        let torn = try PassedLog(disk)
        #expect(torn.heard.handed == [3, 4])
        #expect(torn.heard.told.map(\.kind) == [.frame, .unfinished])
        #expect(torn.log.recovery.missing.first == 1...2)
        #expect(torn.log.firstNextLSN > 7)
    }

    @Test("S13: a damaged START is made again", arguments: [1, 2, 4] as [UInt64])
    func start(number: UInt64) throws {
        let (disk, origins) = try Self.disk()
        for byte in [20, 48 + 30] {
            var damaged = disk
            damaged.flipBit(DirectoryLayout.segment(number), at: 4096 + byte, bit: 3)
            for origin in [nil, origins[1], origins[10], origins[14]] {
                let (told, report, after) = try PassedLog.check(
                    damaged, from: origin, last: 48,
                    expected: Self.all(behind: origin?.lastLSN ?? 0),
                    repeating: "START of \(number), byte \(byte), \(origin?.lastLSN ?? 0)")
                #expect(told.map(\.kind) == [.start])
                #expect(report.missing == [])
                let name =
                    "quarantine/log-\(String(DirectoryLayout.segment(number).dropFirst(4).prefix(16)))-4096.damaged"
                #expect(
                    after.contents(name)
                        == Array(
                            damaged.contents(DirectoryLayout.segment(number))![4096..<8192]))
            }
        }
    }

    enum Loss: CaseIterable, Sendable {
        case headers, truncated, renamed, missing
    }

    static func lose(
        _ loss: Loss, _ number: UInt64, in disk: SimulatedDisk
    ) -> (disk: SimulatedDisk, quarantined: [String]) {
        var disk = disk
        let path = DirectoryLayout.segment(number)
        let name = path.dropFirst(4).prefix(16)
        switch loss {
        case .headers:
            disk.flipBit(path, at: 17, bit: 0)
            disk.flipBit(path, at: TestStore.segmentByteCount - 4096 + 17, bit: 0)
        case .truncated:
            disk.truncate(path, to: 20_000)
        case .renamed:
            disk.place(DirectoryLayout.segment(99), disk.contents(path)!)
            disk.delete(path)
            return (disk, ["quarantine/log-\(name)-1.seg"])
        case .missing:
            disk.delete(path)
            return (disk, [])
        }
        return (disk, ["quarantine/log-\(name)-1.seg"])
    }

    @Test("S13: a segment that cannot be used at all", arguments: Loss.allCases)
    func segments(loss: Loss) throws {
        let (disk, origins) = try Self.disk()
        for number in 1...4 as ClosedRange<UInt64> {
            let lost = LSN(number) * 12 - 11...LSN(number) * 12
            for origin in [nil, origins[1], origins[5]] {
                // That the last one is missing can be known to nobody; that the first is, only to
                // a snapshot that says what was before.
                if loss == .missing, number == 4 || number == 1 && origin == nil { continue }
                let (damaged, quarantined) = Self.lose(loss, number, in: disk)
                let behind = origin?.lastLSN ?? 0
                let (told, report, after) = try PassedLog.check(
                    damaged, from: origin, last: 48, expected: Self.all(but: lost, behind: behind),
                    repeating: "\(loss) \(number), \(behind)")
                #expect(!told.isEmpty)
                let isMissing = lost.upperBound > behind
                #expect(
                    report.missing.first?.lowerBound
                        == (isMissing ? max(lost.lowerBound, behind + 1) : nil))
                let kept = after.files.filter { $0.hasPrefix("quarantine/") }
                #expect(kept == quarantined)
                if let path = quarantined.first {
                    let before = damaged.contents(
                        DirectoryLayout.segment(loss == .renamed ? 99 : number))
                    #expect(after.contents(path) == before)
                }
            }
        }
    }

    @Test("S13: no segment can be read")
    func nothing() throws {
        var (disk, origins) = try Self.disk()
        for number in 1...4 as ClosedRange<UInt64> {
            (disk, _) = Self.lose(.headers, number, in: disk)
        }
        for origin in [nil, origins[6]] {
            let (_, report, _) = try PassedLog.check(
                disk, from: origin, last: 48, expected: [], repeating: "all headers")
            #expect(report.missing.count == 1)
        }
    }

    @Test("S13: all of the last segment but its headers: no LSN is given twice")
    func lastUnreadable() throws {
        let (disk, _) = try Self.disk()
        var damaged = disk
        for offset in [4096] + Self.frames + [24576] {
            damaged.flipBit(DirectoryLayout.segment(4), at: offset + 5, bit: 5)
        }
        let (told, _, _) = try PassedLog.check(
            damaged, last: 48, expected: Self.all(but: 37...48), repeating: "last segment")
        #expect(told.map(\.kind) == [.start])
    }

    @Test("S13: bytes behind the cut of an earlier segment are no obstacle")
    func tail() throws {
        let (disk, _) = try Self.disk(closing: false)
        let again = try PassedLog(disk, isPassing: false)
        var damaged = again.fileSystem.disk.afterKill()
        damaged.flipBit(DirectoryLayout.segment(4), at: 20_480 + 100, bit: 1)
        damaged.flipBit(DirectoryLayout.segment(1), at: Self.frames[1] + 9, bit: 1)
        let (told, _, _) = try PassedLog.check(
            damaged, last: 48, expected: Self.all(but: 4...6), repeating: "tail")
        #expect(told.map(\.segmentNumber) == [1])
    }

    @Test("S13: what the snapshot lists and is missing is not found, and nothing else is lost")
    func listed() throws {
        let (disk, origins) = try Self.disk()
        let origin = try #require(origins.last { $0.segments.count == 3 })
        for loss in Loss.allCases {
            let (damaged, _) = Self.lose(loss, 2, in: disk)
            let (told, report, _) = try PassedLog.check(
                damaged, from: origin, last: 48, expected: Self.all(behind: origin.lastLSN),
                repeating: "listed, \(loss)")
            #expect(told.contains { $0.lsns == 13...24 })
            #expect(report.missing == [])
            let log = try PassedLog(damaged, from: origin)
            #expect(try log.readFaults(Self.all(but: 13...24), upTo: 48) == [])
        }
        var other = origin
        let it = origin.segments[1]
        other.segments[1] = SegmentSummary(
            number: it.number, salt: it.salt ^ 1, firstLSN: it.firstLSN, nextLSN: it.nextLSN,
            end: it.end, byteCount: it.byteCount)
        other.segments.append(
            SegmentSummary(
                number: 1, salt: 77, firstLSN: 1, nextLSN: 13, end: 8192, byteCount: 8192,
                isCompacted: true))
        let (told, _, _) = try PassedLog.check(
            disk, from: other, last: 48, expected: Self.all(behind: origin.lastLSN),
            repeating: "another one")
        #expect(told.map(\.kind) == [.otherSegment, .missingSegment])
    }

    @Test("S13: a stray segment with records of its own is put aside")
    func strayed() throws {
        let (disk, _) = try Self.disk()
        let other = try PassedLog(disk, isPassing: false)
        _ = try other.append(3)
        let stray = other.fileSystem.disk.contents(DirectoryLayout.segment(5))!
        let empty = try PassedLog(disk, isPassing: false)
        let replaced = try PassedLog(empty.fileSystem.disk.afterKill(), isPassing: false)
        var damaged = replaced.fileSystem.disk.afterKill()
        damaged.place(DirectoryLayout.segment(5), stray)
        let (told, _, after) = try PassedLog.check(
            damaged, last: 48, expected: Self.all(), repeating: "stray")
        #expect(told.map(\.kind) == [.strayedSegment])
        #expect(after.contents("quarantine/log-0000000000000005-1.seg") == stray)
    }

    @Test("S13: an old log under a newer snapshot, and one without its snapshot, stay refused")
    func refused() throws {
        let (disk, origins) = try Self.disk(closing: false)
        var older = origins[15]
        older.lastLSN += 5
        do throws(LogError) {
            _ = try LogReplay(SimulatedFileSystem(disk), from: older, passing: { _ in }) {
                _, _, _ in
            }
            Issue.record("opened")
        } catch {
            guard case .olderThanSnapshot(lastLSN: 48, snapshotLSN: 53) = error else {
                Issue.record("\(error)")
                return
            }
        }
        // Also where something else is damaged.
        var damaged = disk
        damaged.flipBit(DirectoryLayout.segment(4), at: 8192 + 60, bit: 0)
        #expect(throws: LogError.self) { try PassedLog(damaged, from: older) }
        var missing = disk
        missing.delete(DirectoryLayout.segment(1))
        missing.flipBit(DirectoryLayout.segment(3), at: 8192 + 60, bit: 0)
        #expect(throws: LogError.self) { try PassedLog(missing) }
    }

    @Test("S13, F12: blocks that the disk does not give back are damage like any other")
    func unreadable() throws {
        let (disk, _) = try Self.disk()
        var openedCount = 0
        for position in 1...24 {
            let fileSystem = SimulatedFileSystem(disk)
            fileSystem.fail(
                SimulatedFault(
                    [.read], pathPart: DirectoryLayout.segment(2), position: position,
                    code: DiskError.inputOutput, isPersistent: true))
            let passed: PassedLog
            do {
                passed = try PassedLog(fileSystem, from: nil)
            } catch is StoreError {
                // Whose segment it is, is asked before the log is opened.
                continue
            } catch let error as LogError {
                // It could be read a moment before.
                guard case .read = error else { throw error }
                continue
            }
            openedCount += 1
            let expected = passed.heard.told.isEmpty ? Self.all() : Self.all(but: 13...24)
            #expect(passed.heard.handed == expected, "read \(position)")
            #expect(passed.heard.faults == [])
        }
        #expect(openedCount > 8)
    }

    @Test("S13: where there is no room for copies the log opens all the same, and says so")
    func fullDisk() throws {
        let (disk, _) = try Self.disk()
        var damaged = disk
        damaged.flipBit(DirectoryLayout.segment(2), at: 8192 + 9, bit: 0)
        let fileSystem = SimulatedFileSystem(damaged)
        fileSystem.fail(
            SimulatedFault(
                [.create, .allocate], pathPart: "quarantine/", code: DiskError.noSpace,
                isPersistent: true))
        let passed = try PassedLog(fileSystem, from: nil)
        #expect(passed.heard.handed == Self.all(but: 13...15))
        #expect(passed.log.recovery.uncopiedByteCount == 4096)
    }

    @Test("S13, L8: a crash, or a call that fails, at every moment of the opening")
    func everyCrash() throws {
        let (disk, _) = try Self.disk()
        var damaged = Self.lose(.headers, 2, in: disk).disk
        damaged.flipBit(DirectoryLayout.segment(3), at: 4096 + 20, bit: 0)
        damaged.flipBit(DirectoryLayout.segment(4), at: 8192 + 9, bit: 0)
        let expected = Self.all(but: 13...24, 37...39)
        let fileSystem = SimulatedFileSystem(damaged)
        fileSystem.keepsMoments = true
        #expect(try PassedLog(fileSystem, from: nil).heard.handed == expected)
        for moment in fileSystem.moments where moment.next.call.changesDisk {
            let again = try PassedLog(moment.disk.afterPowerLoss(CrashChoices()))
            #expect(again.heard.handed == expected, "before \(moment.next)")
            #expect(again.heard.faults == [], "before \(moment.next)")
        }
    }

    /// The later ones have failed once.
    static let seeds: [UInt64] =
        Array(1...150) + [259, 282, 352, 509, 655, 2101, 5198, 8621]

    @Test("S13: random damage to a random log", arguments: seeds)
    func random(seed: UInt64) throws {
        try RandomDamage(seed: seed).check()
    }
}
