import HoldfastDisk
import HoldfastRecords
import HoldfastSimulation
import HoldfastWAL
import Testing

/// Segments that are given back.
@Suite struct ReleaseTests {
    @Test("what is released is gone from the log, its space is used again, the rest is read")
    func release() throws {
        var store = try TestStore()
        for _ in 1...14 { try store.append(records: 3) }
        while try store.log.prepareSpareSegments() {}
        let sealed = store.log.sealedSegments
        #expect(sealed.map(\.number) == [1, 2, 3])
        #expect(sealed.map(\.firstLSN) == [1, 13, 25])
        #expect(sealed.map(\.nextLSN) == [13, 25, 37])
        #expect(sealed.allSatisfy { $0.byteCount == TestStore.segmentByteCount })
        // Not sealed, never there, and twice: nothing happens.
        try store.log.release([2, 1, 2, 4, 77])
        #expect(store.log.sealedSegments == [sealed[2]])
        let files = store.fileSystem.disk.files
        #expect(!files.contains(DirectoryLayout.segment(1)))
        #expect(!files.contains(DirectoryLayout.sidecar(1)))
        #expect(try store.readFaults(from: 25) == [])
        #expect(store.log.status.segmentCount == 2)
        for _ in 1...40 { try store.append(records: 3) }
        #expect(try store.readFaults(from: 25) == [])
    }

    @Test(
        "L6: a log that is released as it is written takes no more than its pool and two segments")
    func steady() throws {
        let fileCountMax = LogReserve.fileCountDefault + LogReserve.surplusCountMax
        var store = try TestStore()
        for round in 1...60 {
            for _ in 1...5 { try store.append(records: 3) }
            try store.log.release(store.log.sealedSegments.map(\.number))
            while try store.log.prepareSpareSegments() {}
            #expect(store.log.status.poolFileCount <= fileCountMax)
            if round % 10 == 0 {
                let disk = store.fileSystem.disk
                #expect(
                    disk.allocatedByteCount <= (fileCountMax + 3) * TestStore.segmentByteCount)
                #expect(try TestStore.damages(disk.afterKill(), from: store.origin()) == [])
            }
        }
        // All of that in few files: they were used again and again, as zeros.
        let created = store.fileSystem.calls.filter {
            $0.call == .create && $0.path.hasSuffix(".raw")
        }
        #expect(created.count <= fileCountMax + 3, "\(created.count)")
    }

    @Test("a segment of another length goes back to the volume")
    func oversize() throws {
        var store = try TestStore()
        try store.append(records: 1)
        try store.append(records: 1, byteCount: 100_000)
        try store.append(records: 1)
        let pool = store.log.status.poolFileCount
        try store.log.release([2])
        #expect(store.log.status.poolFileCount == pool)
        #expect(!store.fileSystem.disk.files.contains(DirectoryLayout.segment(2)))
        var faults: [LSN] = []
        try store.log.read([1, 2]) { lsn, body in if body == nil { faults.append(lsn) } }
        #expect(faults == [2])
    }

    /// Rolls, releases and prepares under a snapshot that moves on; every moment at which it may
    /// crash, with the two snapshots that are kept then.
    struct Moment {
        let moment: SimulatedMoment
        let origins: [LogOrigin]

        /// The newest, with what the older one needs.
        var origin: LogOrigin {
            var origin = origins[origins.count - 1]
            origin.olderLastLSN = origins[0].lastLSN
            origin.olderSegments = origins[0].segments
            return origin
        }
    }

    static func moments(seed: UInt64) throws -> [Moment] {
        let fileSystem = SimulatedFileSystem()
        fileSystem.notesZeros = !seed.isMultiple(of: 2)
        var random = SeededRandom(seed: seed)
        var store = try TestStore(fileSystem, seed: seed)
        var kept = [LogOrigin(lastLSN: 0, frameTime: 0, segments: [])]
        var needed: Set<UInt64> = []
        var result: [Moment] = []
        fileSystem.keepsMoments = true
        for round in 1...35 {
            try store.append(records: Int(random.next() % 4) + 1)
            result += fileSystem.moments.suffix(from: result.count).map {
                Moment(moment: $0, origins: kept)
            }
            // Further apart than a segment is long, so that some lie between two snapshots.
            if round % 7 == 0 {
                // A snapshot: what is sealed by now is needed or it is not, for good.
                var origin = store.origin()
                origin.segments.removeAll {
                    if random.next() % 3 > 0 { return true }
                    needed.insert($0.number)
                    return false
                }
                // What an earlier one left out is not needed again.
                if let last = kept.last {
                    let known = Set(last.segments.map(\.number))
                    origin.segments.removeAll {
                        $0.nextLSN <= last.lastLSN + 1 && !known.contains($0.number)
                    }
                }
                kept = kept.suffix(1) + [origin]
                let listed = Set(kept.flatMap { $0.segments.map(\.number) })
                let known = kept.map(\.lastLSN).min()!
                try store.log.release(
                    store.log.sealedSegments
                        .filter { $0.nextLSN <= known + 1 && !listed.contains($0.number) }
                        .map(\.number))
            }
            if round % 3 == 0 { _ = try store.log.prepareSpareSegments() }
            result += fileSystem.moments.suffix(from: result.count).map {
                Moment(moment: $0, origins: kept)
            }
        }
        return result
    }

    /// Opens from the newest snapshot, checks all that it needs, goes on, and opens again, from the
    /// older one too: what that needs must have been kept.
    static func faults(of disk: SimulatedDisk, _ moment: Moment) -> [String] {
        let origin = moment.origin
        do {
            let found = try TestStore.damages(disk, from: origin).filter { $0.kind != .unfinished }
            var faults = found.map { "before: \($0)" }
            var store = try TestStore(SimulatedFileSystem(disk), seed: 99, from: origin)
            faults += store.replayed.faults
            if store.replayed.lastLSN < moment.moment.note {
                faults.append("only \(store.replayed.lastLSN) of \(moment.moment.note)")
            }
            for _ in 1...3 { try store.append(records: 2) }
            faults += try readFaults(store, origin)
            let last = store.nextLSN - 1
            let next = store.fileSystem.disk.afterPowerLoss(CrashChoices())
            for origin in [origin] + moment.origins {
                let again = try TestStore(SimulatedFileSystem(next), seed: 100, from: origin)
                faults += again.replayed.faults
                if again.replayed.lastLSN != last {
                    faults.append("\(again.replayed.lastLSN) instead of \(last) later")
                }
                faults += try readFaults(again, origin)
                let after = again.fileSystem.disk.afterKill()
                faults += try TestStore.damages(after, from: origin).map(\.description)
                // Nothing is left over.
                let inspection = LogInspection(SimulatedFileSystem(after), from: origin)
                faults += try inspection.segments().filter { $0.state == .superfluous }.map {
                    "\($0.path) is left over"
                }
            }
            return faults
        } catch {
            return ["\(error)"]
        }
    }

    /// All that an origin needs is read, and so is all behind it.
    static func readFaults(_ store: TestStore, _ origin: LogOrigin) throws -> [String] {
        let listed = Set(origin.segments.flatMap { Array($0.firstLSN..<$0.nextLSN) })
        var faults: [String] = []
        try store.log.read(Array(listed.union(origin.lastLSN + 1..<store.nextLSN))) { lsn, body in
            let isRight = body.map { TestStore.isBody(lsn, $0) } ?? !TestStore.isIndexed(lsn)
            if !isRight { faults.append("\(lsn) is absent or wrong") }
        }
        return faults
    }

    @Test(
        "F1, I4, I11: a crash at every moment of releases loses nothing that is needed",
        arguments: [1, 2, 3])
    func crash(seed: UInt64) throws {
        let moments = try Self.moments(seed: seed)
        #expect(moments.contains { $0.moment.next.path.hasSuffix(".raw") })
        for (number, moment) in moments.enumerated() {
            let disk = moment.moment.disk
            let states =
                [
                    disk.afterPowerLoss(CrashChoices()),
                    disk.afterPowerLoss(.everything(disk)), disk.afterKill(),
                ]
                + (1...3).map {
                    disk.afterPowerLoss(.random(disk, seed: seed &* 1_000 &+ UInt64(number) &+ $0))
                }
            for (choice, state) in states.enumerated() {
                let faults = Self.faults(of: state, moment)
                #expect(
                    faults == [],
                    "seed \(seed), moment \(number) (\(moment.moment.next)), choice \(choice)")
                if !faults.isEmpty { return }
            }
        }
    }

    @Test(
        "F9, F11: every call of a release fails once; what is needed is there afterwards",
        arguments: [3, 8])
    func everyCall(releasedCount: Int) throws {
        var store = try TestStore()
        for _ in 1...6 * releasedCount { try store.append(records: 3) }
        // Of many that are released some are used again by the very next opening.
        if releasedCount < LogReserve.fileCountDefault {
            while try store.log.prepareSpareSegments() {}
        }
        let released = (1...UInt64(releasedCount)).reversed()
        var origin = store.origin()
        origin.segments.removeAll { released.contains($0.number) }
        let last = store.nextLSN - 1
        let disk = store.fileSystem.disk.afterKill()
        for position in 1... {
            let again = try TestStore(SimulatedFileSystem(disk), seed: 8)
            again.fileSystem.fail(SimulatedFault(position: position, code: 5))
            let count = again.fileSystem.calls.count
            let isReleased: Bool
            do {
                try again.log.release(Array(released))
                isReleased = true
            } catch {
                isReleased = false
                #expect(error.isFatal)
                #expect(throws: LogError.self) { _ = try again.log.prepareSpareSegments() }
            }
            #expect(isReleased == (again.fileSystem.calls.count < count + position))
            let disk = again.fileSystem.disk
            for state in [
                disk.afterKill(), disk.afterPowerLoss(CrashChoices()),
                disk.afterPowerLoss(.random(disk, seed: UInt64(position))),
            ] {
                let later = try TestStore(SimulatedFileSystem(state), from: origin)
                #expect(later.replayed.faults == [], "call \(position)")
                #expect(later.replayed.lastLSN == last)
                #expect(try Self.readFaults(later, origin) == [], "call \(position)")
                // What that opening did before the power went stands on names that are certain.
                let lost = later.fileSystem.disk.afterPowerLoss(CrashChoices())
                let damages = try TestStore.damages(lost, from: origin)
                    .filter { $0.kind != .unfinished }
                #expect(damages.map(\.description) == [], "call \(position)")
            }
            if isReleased { break }
        }
    }
}
