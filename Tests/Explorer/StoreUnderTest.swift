package import HoldfastEngine
import HoldfastModel
import HoldfastPages
package import HoldfastRecords
package import HoldfastSimulation
import HoldfastStore
import HoldfastWAL
import Synchronization

/// A whole store on a simulated disk, the way a broker puts it together, in single steps: open,
/// verbs into the open batch, commit, one piece of background work, close. Says to the disk what it
/// is doing (`activity`) and which LSN is acknowledged (`note`).
///
/// The only place that knows what a store is made of.
package final class StoreUnderTest {
    package let fileSystem: SimulatedFileSystem
    package var clock: SimulatedClock
    package let batch = RecordBatch(capacity: 1)
    private let flaw: Flaw?
    /// Whether what is on the disk may be the reason where a decision does not fit the state; else the
    /// engine is, and the process ends.
    private let mayContradictItself: Bool
    private let layout: StoreLayout
    private let directory: DataDirectory
    private let log: WriteAheadLog
    private let upkeep: Upkeep
    @exclusivity(unchecked) private var engine: JobEngine
    /// What the opening found damaged and went on without.
    let damageReport: DamageReport?
    /// Broker time at `bootBase` of the boot clock.
    private let timeBase: Int64
    private let bootBase: Int64
    private var frameTime: Int64
    private var nextLSN: LSN
    private var isBatchOpen = false
    private var commitCount = 0
    private var commitsSinceSnapshot = 0

    /// Opens the store that is on the disk, or makes one.
    ///
    /// - Parameters:
    ///   - entropy: of this opening; no two of one store may have the same.
    ///   - keepsCalls: whether the disk writes its calls down, which takes time.
    package init(
        _ fileSystem: SimulatedFileSystem, layout: StoreLayout, clock: SimulatedClock,
        entropy: UInt64, flaw: Flaw? = nil, keepsCalls: Bool = false,
        mayContradictItself: Bool = false
    ) throws {
        self.fileSystem = fileSystem
        self.mayContradictItself = mayContradictItself
        self.clock = clock
        self.flaw = flaw
        fileSystem.keepsCalls = keepsCalls
        fileSystem.activity = Activity.opening
        fileSystem.isLying = flaw == .skipsSyncs
        self.layout = layout
        let entropy = Entropy(seed: entropy)
        let store = try Store(
            fileSystem, layout.configuration, start: clock.logStart, entropy: { entropy.next() })
        directory = store.directory
        log = store.log
        upkeep = store.upkeep
        damageReport = store.damageReport
        engine = store.takeEngine(bootMilliseconds: clock.bootMilliseconds)
        timeBase = log.recovery.timeBaseMilliseconds
        bootBase = clock.bootMilliseconds
        frameTime = log.recovery.lastFrameTime
        nextLSN = log.firstNextLSN
        try checkPages()
        if flaw == .changesStateAtOpen, nextLSN > 4 {
            openBatch()
            _ = try? "ghost".withUTF8Bytes { try self.engine.ensureQueue(named: $0, into: batch) }
            isBatchOpen = false
        }
        // Whatever it shows from now on must stay.
        fileSystem.note = lastLSN
        fileSystem.activity = Activity.none
    }

    /// The last LSN of the log.
    package var lastLSN: LSN { nextLSN - 1 }
    /// Records of the last commit before this opening of which nothing said that they were durable.
    package var inDoubtRecordCount: Int { log.recovery.inDoubtRecordCount }

    package func withEngine<Value>(_ body: (inout JobEngine) throws -> Value) rethrows -> Value {
        try body(&engine)
    }

    /// Nothing that was decided on a page which could not be read may leave.
    private func checkPages() throws {
        if let failure = pageFailure { throw StoreFault.page(failure) }
    }

    package var brokerMilliseconds: Int64 {
        timeBase + max(0, clock.bootMilliseconds - bootBase)
    }

    // MARK: Commits

    /// Fixes the time of the batch, if it is not, and moves the jobs that are due.
    package func openBatch() {
        guard !isBatchOpen else { return }
        isBatchOpen = true
        frameTime = max(frameTime, brokerMilliseconds)
        batch.open(firstLSN: nextLSN, frameTime: frameTime)
        engine.advance(to: frameTime, into: batch)
    }

    /// Makes the open batch durable, if there is anything in it, after noting in `timeline` what the
    /// state is there.
    ///
    /// - Parameter notesState: false where no page may be read that the verbs did not read: then
    ///   only the births are noted.
    package func commit(_ timeline: inout Timeline, notesState: Bool = true) throws {
        guard isBatchOpen else { return }
        isBatchOpen = false
        guard !batch.isEmpty else { return try checkPages() }
        timeline.note(batch, stateHash: notesState ? stateHash : 0)
        try checkPages()
        commitCount += 1
        commitsSinceSnapshot += 1
        if commitsSinceSnapshot >= layout.snapshotCommitCount, !upkeep.isBusy {
            beginSnapshot(handedOver: batch.firstLSN)
        }
        if flaw == .cannotGoOn, lastLSN > 4, commitCount == 2 { throw PlantedFault() }
        if flaw == .acknowledgesBeforeAppend { fileSystem.note = batch.lastLSN }
        try append()
    }

    /// Whether there are records that are in the engine and in no commit.
    var hasUncommittedBatch: Bool { !batch.isEmpty && batch.firstLSN == nextLSN }

    /// Commits what `commit` has failed to, whatever the pages say.
    func commitAgain() throws {
        isBatchOpen = false
        if hasUncommittedBatch { try append() }
    }

    private func append() throws {
        fileSystem.activity = Activity.appending
        try log.append(batch)
        fileSystem.activity = Activity.none
        fileSystem.note = batch.lastLSN
        nextLSN = batch.nextLSN
        engine.startLeaseClocks(
            throughDurable: batch.lastLSN, bootMilliseconds: clock.bootMilliseconds)
    }

    private func beginSnapshot(handedOver: LSN? = nil) {
        commitsSinceSnapshot = 0
        let ranges = upkeep.rangesToCount(through: engine.lastLSN, handedOver: handedOver)
        let groups = upkeep.wantedGroups
        let survivors = groups.joined().compactMap(\.lsns).flatMap { engine.liveJobs(in: $0) }
        upkeep.begin(
            engine.freeze(liveCountsIn: ranges), ranges: ranges, groups: groups,
            survivors: survivors)
    }

    /// One piece of the work beside serving: of a snapshot, of a spare segment, of what is given
    /// back.
    ///
    /// - Returns: whether there is more.
    package func maintenanceStep() throws -> Bool {
        fileSystem.activity = Activity.maintaining
        defer { fileSystem.activity = Activity.none }
        let progress = try upkeep.step()
        takeOutcome()
        if case .more = progress { return true }
        return false
    }

    /// What a broker without work does: snapshots of one and the same moment, and all that they make
    /// possible.
    package func idle() throws {
        guard engine.lastLSN == lastLSN else { return }
        for _ in 0..<2 where !upkeep.isBusy {
            beginSnapshot()
            while try maintenanceStep() {}
        }
    }

    /// Begins a snapshot of the last commit, unless one is being written.
    func takeSnapshot() {
        if engine.lastLSN == lastLSN, !upkeep.isBusy { beginSnapshot() }
    }

    /// Lets enough time pass for a piece of the sealed segments to be read.
    package func advanceScrubbing() {
        _ = upkeep.advanceScrubbing(toBootMilliseconds: clock.bootMilliseconds)
        clock.pass(2_000)
        _ = upkeep.advanceScrubbing(toBootMilliseconds: clock.bootMilliseconds)
    }

    private func takeOutcome() {
        switch upkeep.takeOutcome() {
        case .committed(let frozen): engine.pages.committed(frozen)
        case .abandoned(let frozen, _): engine.pages.abandoned(frozen)
        case nil: break
        }
    }

    /// Ends in order: with a snapshot of the end, as far as what is in the open batch does not count.
    package func close() throws {
        fileSystem.activity = Activity.closing
        defer { fileSystem.activity = Activity.none }
        try finishSnapshot()
        // A batch that was not committed is in the engine already: no snapshot of that.
        if engine.lastLSN == lastLSN, lastLSN > upkeep.snapshotLSN {
            beginSnapshot()
            try finishSnapshot()
        }
        try log.close()
    }

    private func finishSnapshot() throws {
        while upkeep.isBusy {
            _ = try upkeep.step()
            takeOutcome()
        }
    }

    // MARK: Looking

    /// A number for all of the engine's state.
    package var stateHash: UInt64 {
        defer { engine.pages.trim() }
        return ContentHash.of(engine.canonicalDump())
    }

    /// What is wrong within the engine.
    package var invariantFaults: [String] {
        defer { engine.pages.trim() }
        let faults = engine.invariantFaults()
        guard let failure = engine.pages.failure else { return faults }
        return faults + ["\(failure)"]
    }

    /// What is wrong within the engine, and with the births of live jobs in the log.
    package func faults(_ timeline: Timeline) -> [String] {
        fileSystem.activity = Activity.looking
        defer { fileSystem.activity = Activity.none }
        var faults = invariantFaults
        var live: Set<LSN> = []
        for queue in engine.queues(after: nil, limit: .max) {
            var cursor: UInt64? = 0
            while let position = cursor {
                let (jobs, next) = engine.jobCandidates(
                    in: queue.id, state: nil, after: position, limit: 1_024)
                live.formUnion(jobs.map(\.lsn))
                cursor = next
            }
        }
        do {
            try log.read(live.sorted()) { lsn, body in
                guard let body, let birth = try? BirthRecord(body) else {
                    faults.append("the birth of live job \(lsn) cannot be read")
                    return
                }
                if timeline.contentHash(ofBirth: lsn) != ContentHash.of(birth.content) {
                    faults.append("job \(lsn) has other bytes than it was born with")
                }
            }
        } catch {
            faults.append("reading births: \(error)")
        }
        return faults
    }

    /// The page that could not be read, if any. Ends the process where the engine's decision did not
    /// fit its state.
    var pageFailure: PageFailure? {
        guard let failure = engine.pages.failure else { return nil }
        if failure.isContradiction, !mayContradictItself { fatalError("\(failure)") }
        return failure
    }

    /// Bytes of a commit that the opening took for one that a crash had torn.
    var cutByteCount: Int { log.recovery.cutByteCount }

    /// Jobs that are not done, in the order of their birth.
    var liveJobs: [LSN] {
        defer { engine.pages.trim() }
        return lastLSN > 0 ? engine.liveJobs(in: 1...lastLSN) : []
    }

    /// A number for the content of each birth; nil for one that the log says cannot be read.
    func contentHashes(ofBirths lsns: [LSN]) throws -> [LSN: UInt64?] {
        var hashes: [LSN: UInt64?] = [:]
        try log.read(lsns) { lsn, body in
            let birth = body.flatMap { try? BirthRecord($0) }
            hashes[lsn] = .some(birth.map { ContentHash.of($0.content) })
        }
        return hashes
    }

    /// What the births of jobs say, as far as the log has them.
    func births(of lsns: [LSN]) throws -> [LSN: BirthFacts] {
        var births: [LSN: BirthFacts] = [:]
        try log.read(lsns) { lsn, body in
            births[lsn] = body.flatMap { BirthFacts(lsn: lsn, body: $0) }
        }
        return births
    }

    /// What a job's birth says, in the open batch or in the log; nil where it cannot be read.
    package func birth(of lsn: LSN) -> BirthFacts? {
        if lsn >= nextLSN {
            return isBatchOpen
                ? batch.body(of: lsn).flatMap { BirthFacts(lsn: lsn, body: $0) } : nil
        }
        var facts: BirthFacts?
        try? log.read([lsn]) { lsn, body in
            facts = body.flatMap { BirthFacts(lsn: lsn, body: $0) }
        }
        return facts
    }

    /// The content of a live job's birth record; nil where it cannot be read.
    package func content(of lsn: LSN) throws -> [UInt8]? {
        var content: [UInt8]?
        try log.read([lsn]) { _, body in
            content = body.flatMap { try? BirthRecord($0) }.map { Array($0.content) }
        }
        return content
    }
}

/// What a store is doing when a crash comes.
package enum Activity {
    package static let none = ""
    package static let opening = "opening"
    package static let appending = "appending"
    package static let maintaining = "maintaining"
    package static let closing = "closing"
    package static let looking = "looking"
}

struct PlantedFault: Error {}

/// Random numbers for the store's own use.
private final class Entropy: Sendable {
    private let random: Mutex<SeededRandom>

    init(seed: UInt64) {
        random = Mutex(SeededRandom(seed: seed))
    }

    func next() -> UInt64 { random.withLock { $0.next() } }
}

extension String {
    func withUTF8Bytes<Value>(
        _ body: (UnsafeRawBufferPointer) throws -> Value
    ) rethrows -> Value {
        var text = self
        return try text.withUTF8 { try body(UnsafeRawBufferPointer($0)) }
    }
}
