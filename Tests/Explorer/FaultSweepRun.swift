import HoldfastDisk
import HoldfastRecords
import HoldfastSimulation
import HoldfastStore
import HoldfastWAL

/// A store that takes the steps of a sweep one after the other, as far as it comes.
///
/// Without a fault it records what the state is after each commit; with one it follows what was
/// recorded, since the same verbs make the same records, and says where it comes to be elsewhere.
final class SweepRun {
    /// From where a run goes on.
    struct Beginning: Sendable {
        var disk = SimulatedDisk()
        var clock = SimulatedClock()
        var hands = SweepHands()
        var timeline: Timeline
        var acknowledged: LSN = 0
        var openingCount: UInt64 = 0
        var evidence = LogEvidence()
        /// The live jobs after each commit.
        var lives: [LSN: [LSN]] = [:]
        /// The jobs that live after a start that had to go past damage.
        var passedLives: [LSN]?

        /// The jobs that surely live after all that was acknowledged: the commit behind it may be
        /// there as well.
        func jobs(at acknowledged: LSN) -> [LSN]? {
            guard let known = lives[acknowledged] else { return nil }
            guard let next = lives.keys.filter({ $0 > acknowledged }).min() else { return known }
            let after = Set(lives[next] ?? [])
            return known.filter(after.contains)
        }
    }

    enum End {
        /// An opening failed.
        case refused(any Error)
        /// The process ended itself.
        case stopped(any Error)
        /// An opening took acknowledged commits for torn, and nothing could have told it.
        case cut
    }

    /// Records whose place in the state is known beforehand.
    let expected: Beginning?
    let layout: StoreLayout
    let fileSystem: SimulatedFileSystem
    private(set) var timeline: Timeline
    private(set) var clock: SimulatedClock
    private(set) var hands: SweepHands
    private(set) var store: StoreUnderTest?
    private(set) var end: End?
    /// Promises that were broken.
    private(set) var faults: [String] = []
    private(set) var evidence: LogEvidence
    private(set) var lives: [LSN: [LSN]]
    private var passedLives: [LSN]?
    private var openingCount: UInt64
    /// What is done differs from what was recorded: a verb was left out that could not be done.
    private(set) var isOffCourse = false
    private(set) var refusedReadCount = 0
    private(set) var isLied = false

    /// - Parameter expected: what was recorded of these steps; nil to record.
    init(_ beginning: Beginning, layout: StoreLayout, expected: Beginning? = nil) {
        self.expected = expected
        self.layout = layout
        fileSystem = SimulatedFileSystem(beginning.disk)
        fileSystem.note = beginning.acknowledged
        timeline = expected?.timeline ?? beginning.timeline
        clock = beginning.clock
        hands = beginning.hands
        openingCount = beginning.openingCount
        evidence = beginning.evidence
        lives = expected?.lives ?? beginning.lives
    }

    /// The last LSN that somebody was told of.
    var acknowledged: LSN { fileSystem.note }

    private var isRecording: Bool { expected == nil }

    func fault(_ text: String) { faults.append(text) }

    func arm(_ fault: SimulatedFault) {
        isLied = fault.lie != nil
        fileSystem.fail(fault)
    }

    func run(_ steps: some Sequence<SweepStep>) {
        for step in steps where end == nil {
            do {
                try take(step)
                if let store { clock = store.clock }
            } catch {
                stop(error)
            }
        }
    }

    /// The disk as the next process finds it, and all that is known of it. Ends this one.
    func ending() -> Beginning {
        store = nil
        return Beginning(
            disk: fileSystem.disk.afterKill(), clock: clock, hands: hands, timeline: timeline,
            acknowledged: acknowledged, openingCount: openingCount,
            evidence: evidence.adding(fileSystem.calls), lives: lives, passedLives: passedLives)
    }

    // MARK: Steps

    private func take(_ step: SweepStep) throws {
        if case .open = step { return open() }
        guard let store else { return }
        switch step {
        case .open: break
        case .enqueue(let count, let byteCount, let delay, let queue, let attemptCountMax):
            hands.enqueue(
                count, byteCount: byteCount, delayMilliseconds: delay, queue: queue,
                attemptCountMax: attemptCountMax, on: store)
        case .lease(let count, let queue, let milliseconds):
            hands.lease(count, queue: queue, milliseconds: milliseconds, on: store)
        case .ack(let count): hands.ack(count, on: store)
        case .nack(let count): hands.nack(count, on: store)
        case .expire: hands.expire(on: store)
        case .cancelAll(let queue):
            do {
                if try !hands.cancelAll(queue: queue, on: store) { leaveCourse() }
            } catch let error as LogError where !error.isFatal {
                refusedReadCount += 1
                leaveCourse()
            }
        case .redrive(let queue): hands.redrive(queue: queue, on: store)
        case .commit: try commit(store)
        case .pass(let milliseconds): store.clock.pass(milliseconds)
        case .upkeep(let count):
            for _ in 0..<count where try !store.maintenanceStep() { break }
        case .snapshot: store.takeSnapshot()
        case .settle: try settle(store)
        case .idle: try store.idle()
        case .read: try read(store)
        case .scrub:
            store.advanceScrubbing()
            try settle(store)
        case .close:
            try store.close()
            self.store = nil
        case .kill: self.store = nil
        }
    }

    func settle(_ store: StoreUnderTest) throws {
        for _ in 0..<400 where try !store.maintenanceStep() { return }
        fault("the background work comes to no end")
    }

    /// From here on what was recorded says nothing of what is to come.
    private func leaveCourse() {
        if !isOffCourse, let store { timeline.cut(after: store.lastLSN) }
        isOffCourse = true
    }

    private func commit(_ store: StoreUnderTest) throws {
        store.openBatch()
        if isRecording {
            try store.commit(&timeline)
        } else if isOffCourse {
            let hash = fileSystem.sparing { store.stateHash }
            // Whether it is in the log or not: so it is if it is.
            defer { timeline.passDamage(to: store.batch.lastLSN, stateHash: hash) }
            if store.batch.isEmpty { return }
            try attempt(store) { try store.commit(&timeline, notesState: false) }
        } else {
            var scratch = timeline
            try attempt(store) { try store.commit(&scratch, notesState: false) }
        }
        noteCommit(store)
        store.clock.pass(10)
    }

    private func noteCommit(_ store: StoreUnderTest) {
        evidence.note(
            committed: store.lastLSN, call: fileSystem.calls.count - 1, of: fileSystem.calls)
        if isRecording || isOffCourse {
            lives[store.lastLSN] = fileSystem.sparing { store.liveJobs }
        }
    }

    /// A commit for which there is no space is refused and leaves nothing behind; once there is
    /// space again the same process takes it (S15, L5).
    private func attempt(_ store: StoreUnderTest, _ commit: () throws -> Void) throws {
        let before = acknowledged
        do {
            return try commit()
        } catch let error as LogError where !error.isFatal {
            guard case .full = error else { throw error }
            if acknowledged != before { fault("S15: refused and acknowledged") }
        }
        judgeRefusal(before)
        for round in 0..<4 {
            // Some space may come back by itself; in the end it does in any case.
            if round == 3 { fileSystem.clearFaults() }
            try settle(store)
            do {
                return try store.commitAgain()
            } catch let error as LogError where !error.isFatal {
                if round == 3 { fault("L5: with space again, \(error)") }
            }
        }
        throw SweepGivenUp()
    }

    private func judgeRefusal(_ acknowledged: LSN) {
        do {
            let other = SimulatedFileSystem(fileSystem.disk.afterKill())
            let store = try StoreUnderTest(other, layout: layout, clock: clock, entropy: 0x51DE)
            if store.lastLSN != acknowledged {
                fault("S15: what was refused is in the log: \(store.lastLSN)")
            }
        } catch {
            fault("S15: after a refusal a start fails: \(error)")
        }
    }

    private func read(_ store: StoreUnderTest) throws {
        do {
            try check(births: store.liveJobs, of: store)
        } catch let error as LogError where !error.isFatal {
            // That reader's error.
            refusedReadCount += 1
        }
    }

    private func check(births lsns: [LSN], of store: StoreUnderTest) throws {
        if let failure = store.pageFailure { throw StoreFault.page(failure) }
        let hashes = try store.contentHashes(ofBirths: lsns)
        for lsn in lsns {
            guard case .some(.some(let hash)) = hashes[lsn] else {
                if isLied { refusedReadCount += 1 } else { fault("S1: job \(lsn) cannot be read") }
                continue
            }
            if hash != timeline.contentHash(ofBirth: lsn) {
                fault("S2: job \(lsn) has other bytes than it was born with")
            }
        }
    }

    // MARK: Openings

    private func open() {
        let callCount = fileSystem.calls.count
        openingCount += 1
        do {
            store = try StoreUnderTest(
                fileSystem, layout: layout, clock: clock,
                entropy: ContentHash.mix(0x0FEA, openingCount), keepsCalls: true)
        } catch {
            end = .refused(error)
            return
        }
        fileSystem.sparing { examineOpening(store!, callCount) }
    }

    /// What has opened is what was there, or it says what is not.
    private func examineOpening(_ store: StoreUnderTest, _ callCount: Int) {
        // Before anything was wrong all is as it was recorded.
        if !isRecording, fileSystem.hits.isEmpty { return }
        let hash = store.stateHash
        if let failure = store.pageFailure { return stop(StoreFault.page(failure)) }
        let before = lastAcknowledged
        if let report = store.damageReport {
            let missing = report.missing + (report.rebuilt?.missing ?? [])
            let live = Set(store.liveJobs)
            let known = isRecording ? [] : expected?.passedLives ?? lives[before] ?? []
            for lsn in known where !live.contains(lsn) {
                if isLied, missing.contains(where: { $0.contains(lsn) }) { continue }
                fault("S13: job \(lsn) is gone, and nobody says so")
            }
            if isRecording || timeline.stateHash(at: store.lastLSN) != hash {
                if !isRecording { isOffCourse = true }
                timeline.cut(after: store.lastLSN)
                timeline.passDamage(to: store.lastLSN, stateHash: hash)
            }
            lives[store.lastLSN] = store.liveJobs
            if isRecording { passedLives = store.liveJobs }
            return
        }
        if isRecording {
            timeline.cut(after: store.lastLSN)
            return
        }
        guard
            let text = timeline.fault(
                endingAt: store.lastLSN, stateHash: hash, acknowledged: before)
        else { return }
        let cannotBeTold =
            isLied && store.lastLSN < before
            && evidence.adding(fileSystem.calls.prefix(callCount))
                .isWithout(store.lastLSN, through: before, fileSystem.hits)
        if cannotBeTold { end = .cut } else { fault(text) }
    }

    /// Before the opening that has just noted what it shows.
    private var lastAcknowledged: LSN { evidence.lastCommitted }

    // MARK: The end

    private func stop(_ error: any Error) {
        end = .stopped(error)
        if case StoreFault.page(let failure)? = error as? StoreFault {
            PageSuspicion.note("\(failure)", in: fileSystem)
        }
        guard let store, isFatalOfLog(error) else { return }
        // Nothing is acknowledged from now on, though the disk would answer (L8).
        let before = acknowledged
        fileSystem.clearFaults()
        if !store.hasUncommittedBatch {
            hands.enqueue(
                1, byteCount: 1, delayMilliseconds: 0, queue: 0, attemptCountMax: 1, on: store)
        }
        if (try? store.commitAgain()) != nil { fault("L8: after \(error) it goes on") }
        if acknowledged != before { fault("L8: acknowledged after \(error)") }
    }

    private func isFatalOfLog(_ error: any Error) -> Bool {
        if let error = error as? LogError { return error.isFatal }
        if case .log(let error)? = error as? StoreFault { return error.isFatal }
        return false
    }

    /// The disk is as it should be again: a store that has not ended takes commits, does its
    /// upkeep and answers, and its state is what its records say (L5).
    func goOn() {
        guard end == nil, let store else { return }
        fileSystem.clearFaults()
        do {
            if let known = timeline.stateHash(at: store.lastLSN), known != store.stateHash {
                fault("a wrong state at \(store.lastLSN), of which nobody knew")
            }
            leaveCourse()
            for _ in 0..<3 { try take(.enqueue(1)); try take(.commit) }
            try take(.settle)
            try take(.snapshot)
            try take(.settle)
            try take(.read)
        } catch {
            fault("L5: with a disk that answers again: \(error)")
        }
    }
}

/// A commit found no space even when there was some again.
struct SweepGivenUp: Error {}
