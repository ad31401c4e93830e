import HoldfastDisk
import HoldfastRecords
import HoldfastSimulation
import HoldfastStore

/// Flips one bit of a store, opens it as a broker does, looks at all of it, goes on with it, and
/// opens it again (F6, S13, F33): what was there is there, or it is said what is not; and whatever
/// the first opening took, the second one takes.
package struct FlipJudge {
    package struct Verdict: Sendable {
        package internal(set) var outcome = FlipOutcome.silent
        package internal(set) var faults: [String] = []
    }

    private let subject: FlipSubject
    private let number: Int
    private let place: FlipSubject.Place
    private let disk: SimulatedDisk
    /// The jobs whose births the bit lies in.
    private let damagedBirths: Set<LSN>
    private var verdict = Verdict()

    /// - Returns: nil where there is no flip of that number.
    package static func judge(_ number: Int, of subject: FlipSubject) -> Verdict? {
        guard let place = subject.place(number) else { return nil }
        var judge = FlipJudge(subject, number, place)
        do {
            try judge.judge()
        } catch {
            judge.verdict.faults.append("\(error)")
        }
        return judge.verdict
    }

    private init(_ subject: FlipSubject, _ number: Int, _ place: FlipSubject.Place) {
        self.subject = subject
        self.number = number
        self.place = place
        var disk = subject.disk
        disk.flipBit(place.path, at: place.offset, bit: place.bit)
        self.disk = disk
        damagedBirths = subject.map.births(place.path, at: place.offset)
    }

    private mutating func judge() throws {
        let isNamed = isNamedByVerify()
        verdict.outcome = isNamed ? .named : .silent
        let fileSystem = SimulatedFileSystem(disk)
        var timeline = subject.timeline
        var store = openOrRefuse(fileSystem)
        if store != nil { look(at: store!, &timeline) }
        if store != nil, verdict.faults.isEmpty { try goOn(&store, &timeline) }
        if verdict.outcome.isHarmful, !isNamed {
            verdict.faults.append("F33: verify does not name \(place.path)")
        }
        if verdict.outcome == .silent, !mayBeSilent {
            verdict.faults.append("F6: nobody says a word about a byte that is read")
        }
    }

    /// What lies behind the cut of a segment is vouched for by the next one, if that is still there.
    private var mayBeSilent: Bool {
        if place.kind.mayBeSilent { return true }
        return subject.map.cuts[place.path].map { place.offset >= $0 } ?? false
    }

    // MARK: The first opening

    private func open(
        _ fileSystem: SimulatedFileSystem, _ clock: SimulatedClock, _ opening: UInt64
    ) throws -> StoreUnderTest {
        try StoreUnderTest(
            fileSystem, layout: subject.storeLayout, clock: clock,
            entropy: ContentHash.mix(ContentHash.mix(subject.seed, UInt64(number)), opening),
            keepsCalls: opening == 1)
    }

    private var firstClock: SimulatedClock {
        var clock = subject.clock
        clock.pass(1_000)
        if number % 2 == 0 { clock.reboot() }
        return clock
    }

    /// - Returns: nil where the opening is refused, as it should be.
    private mutating func openOrRefuse(_ fileSystem: SimulatedFileSystem) -> StoreUnderTest? {
        do {
            return try open(fileSystem, firstClock, 1)
        } catch {
            verdict.outcome = .refused
            if (error as? StoreFault)?.isRefusalOfData != true {
                verdict.faults.append("no refusal of what is on the disk: \(error)")
            }
            let changes = fileSystem.calls.filter {
                $0.call.changesDisk && $0.code == nil && $0.path != "LOCK"
                    && ![.sync, .syncDirectory].contains($0.call)
            }
            if let change = changes.first {
                verdict.faults.append("it is refused and changes the disk: \(change)")
            }
            return nil
        }
    }

    /// Compares all that the store says with what it said before.
    private mutating func look(at store: StoreUnderTest, _ timeline: inout Timeline) {
        let isCut = store.lastLSN == subject.certifiedLSN && store.cutByteCount > 0
        if store.lastLSN < subject.lastLSN {
            guard isCut, place.kind == .activeSegment else {
                verdict.faults.append("S1: ends at \(store.lastLSN), not \(subject.lastLSN)")
                return
            }
            verdict.outcome = .cut
        }
        timeline.cut(after: store.lastLSN)
        let hash = store.stateHash
        if store.pageFailure != nil {
            verdict.outcome = .page
            if place.path.hasPrefix("pages/") {
                // What the pages say is of no account then; the log still has the births.
                judgeBirths(of: subject.liveJobs, store, timeline)
            } else {
                verdict.faults.append("S13: a page fails, and the damage is in \(place.path)")
            }
            return
        }
        if let fault = timeline.fault(
            endingAt: store.lastLSN, stateHash: hash, acknowledged: store.lastLSN)
        {
            verdict.faults.append(fault)
        }
        if judgeBirths(of: store.liveJobs, store, timeline) { verdict.outcome = .birth }
    }

    /// - Returns: whether one of them is said to be damaged.
    @discardableResult
    private mutating func judgeBirths(
        of lsns: [LSN], _ store: StoreUnderTest, _ timeline: Timeline
    ) -> Bool {
        var isDamaged = false
        do {
            let hashes = try store.contentHashes(ofBirths: lsns)
            for lsn in lsns {
                switch hashes[lsn] {
                case .some(.some(let hash)):
                    if hash != timeline.contentHash(ofBirth: lsn) {
                        verdict.faults.append(
                            "S2: job \(lsn) has other bytes than it was born with")
                    }
                case .some(.none) where damagedBirths.contains(lsn): isDamaged = true
                case .some(.none), .none:
                    verdict.faults.append("S13: the birth of job \(lsn) cannot be read")
                }
            }
        } catch {
            verdict.faults.append("reading births: \(error)")
        }
        return isDamaged
    }

    // MARK: The second opening

    /// A few verbs and commits, snapshots and what they make possible, a crash, and another opening.
    ///
    /// - Parameter store: whose lock ends with it here.
    private mutating func goOn(
        _ store: inout StoreUnderTest?, _ timeline: inout Timeline
    ) throws {
        let isWhole = store?.pageFailure == nil
        var fileSystem = store!.fileSystem
        if !isWhole {
            // A broker would not have looked at everything.
            fileSystem = SimulatedFileSystem(disk)
            store = nil
            store = try open(fileSystem, firstClock, 1)
        }
        do {
            try work(store!, &timeline, notesState: isWhole)
        } catch {
            // With a page that fails a broker ends, and says which.
            guard !isWhole, store?.pageFailure != nil else { throw error }
        }
        let clock = store!.clock
        store = nil
        fileSystem.disk =
            number % 3 == 0
            ? fileSystem.disk.afterPowerLoss(CrashChoices()) : fileSystem.disk.afterKill()
        let acknowledged = fileSystem.note
        do {
            store = try open(fileSystem, clock, 2)
        } catch {
            guard !isWhole, (error as? StoreFault)?.isRefusalOfData == true else {
                verdict.faults.append("the second opening fails: \(error)")
                return
            }
            return
        }
        guard isWhole else {
            if let jobs = store?.liveJobs, store?.pageFailure == nil {
                judgeBirths(of: jobs, store!, timeline)
            }
            return
        }
        if let fault = timeline.fault(
            endingAt: store!.lastLSN, stateHash: store!.stateHash, acknowledged: acknowledged)
        {
            verdict.faults.append("later, \(fault)")
        }
        verdict.faults += store!.invariantFaults
        judgeBirths(of: store!.liveJobs, store!, timeline)
    }

    private func work(
        _ store: StoreUnderTest, _ timeline: inout Timeline, notesState: Bool
    ) throws {
        // Some are killed as soon as they are open.
        if number % 8 == 7 { return }
        var workload = Workload(seed: ContentHash.mix(subject.seed, UInt64(number)))
        for _ in 0..<4 { workload.step(on: store) }
        try store.commit(&timeline, notesState: notesState)
        try store.idle()
        for _ in 0..<3 { workload.step(on: store) }
        try store.commit(&timeline, notesState: notesState)
        for _ in 0..<number % 4 { _ = try store.maintenanceStep() }
    }

    // MARK: Verification

    /// Whether `brokerctl segment verify` would name the file.
    private mutating func isNamedByVerify() -> Bool {
        let fileSystem = SimulatedFileSystem(disk)
        let damages: [StoreDamage]
        do {
            damages = try StoreInspection(fileSystem, subject.storeLayout.configuration).verify()
                .damages
        } catch {
            // Which store it is cannot be said; anything else it must get past.
            if place.kind != .store { verdict.faults.append("F33: verify fails: \(error)") }
            return true
        }
        if place.kind == .store {
            verdict.faults.append("F33: verify takes a damaged STORE")
        }
        if !damages.isEmpty, !damages.contains(where: { $0.path == place.path }) {
            verdict.faults.append("F33: verify names other files: \(damages[0])")
        }
        return !damages.isEmpty
    }
}
