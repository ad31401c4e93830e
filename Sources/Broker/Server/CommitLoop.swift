internal import HoldfastDisk
internal import HoldfastEngine
internal import HoldfastModel
internal import HoldfastMutants
internal import HoldfastPages
internal import HoldfastProtocol
internal import HoldfastRecords
internal import HoldfastStore
internal import HoldfastWAL
internal import Logging
package import NIOCore

/// The path every request takes: parsed in place on the core loop, decided by the engine at once,
/// its records gathered in the open batch, and its reply held until that batch is durable. Start
/// reading at `endPass`.
///
/// ```
/// sockets ─► execute(request) ─► engine ─► open batch ──────── endPass: one write, one sync
///                 │                                                        │
///                 └─► reply, held by its connection ◄── commitEnded ◄──────┘
/// ```
///
/// While one batch is written the next one gathers: that is the whole of group commit, there is no
/// timer in it. A pass is what the event loop does between two calls of `endPass`: it reads all
/// sockets that have something, and runs `endPass` last.
///
/// Everything here belongs to the core event loop, which makes it safe to send, and is why its
/// fields go without the check of exclusive access at run time.
package final class CommitLoop: @unchecked Sendable {
    let eventLoop: any EventLoop
    let configuration: BrokerConfiguration
    let key: StoreKey
    /// Kept for as long as the loop: it holds the lock.
    let directory: DataDirectory
    let log: WriteAheadLog
    let upkeep: Upkeep
    let reads: RecordReads
    let logger: Logger
    let clock: BrokerClock
    let storeUUID: (UInt64, UInt64)
    /// What this broker takes, as it is announced to everybody.
    let limits: AnnouncedLimits

    @exclusivity(unchecked) var engine: JobEngine
    @exclusivity(unchecked) var waits = WaitingLeases<ConnectionHandler>()
    @exclusivity(unchecked) var counters = BrokerCounters()
    @exclusivity(unchecked) private(set) var isDraining = false

    let startedBootMilliseconds: Int64
    private let threads: WorkThreads
    private let writer: LogWriter
    @exclusivity(unchecked) var background: BackgroundWork?
    @exclusivity(unchecked) var pace: SnapshotPace
    /// Changed pages above which a snapshot is taken.
    let dirtyPageCountMax: Int
    /// Bytes of records that may gather while others are written: they have to find room in what is
    /// reserved.
    let gatheredByteCountMax: Int
    /// Whether the reserve of a full volume is so far used up that first of all snapshots have to give
    /// some of it back.
    @exclusivity(unchecked) var isWaitingForSegments = false
    /// Jobs for whose pages there are places; beyond it nothing more is read until there are.
    @exclusivity(unchecked) var paidJobCountMax = Int.max
    /// The longest root for which the slots of snapshots have room, in bytes; the same.
    @exclusivity(unchecked) var paidRootByteCountMax = Int.max
    /// As it was last logged.
    @exclusivity(unchecked) var storageState = StorageState.normal
    /// The last record at a time when no segment was without jobs.
    @exclusivity(unchecked) var nothingFreeLSN: LSN?
    @exclusivity(unchecked) var snapshotNotBeforeBootMilliseconds = Int64.min
    @exclusivity(unchecked) var idleCheck: RepeatedTask?
    @exclusivity(unchecked) private var byteCountSinceWake = 0
    @exclusivity(unchecked) private var recent: RecentBatches
    /// What gathers. Its frame time is fixed and due jobs are moved when the first request of a
    /// pass needs it.
    @exclusivity(unchecked) private(set) var gathering: RecordBatch
    @exclusivity(unchecked) private(set) var isGathering = false
    /// What the log writer has in hand.
    @exclusivity(unchecked) private(set) var writing: RecordBatch?
    @exclusivity(unchecked) private(set) var writingSinceBootMilliseconds: Int64 = 0
    @exclusivity(unchecked) private var lastCommitBootMilliseconds: Int64 = 0
    /// The LSN after the last one given out.
    @exclusivity(unchecked) private var nextLSN: LSN
    @exclusivity(unchecked) private var frameTime: Int64
    @exclusivity(unchecked) private var isPassScheduled = false
    /// The boot clock as it was when the pass began.
    @exclusivity(unchecked) var passBootMilliseconds: Int64
    /// Connections with replies held for what gathers, and for what is being written.
    @exclusivity(unchecked) private var connectionsGathering: [ConnectionHandler] = []
    @exclusivity(unchecked) private var connectionsWriting: [ConnectionHandler] = []
    @exclusivity(unchecked) var connections: [UInt32: ConnectionHandler] = [:]
    @exclusivity(unchecked) var connectionNumber: UInt32 = 0
    @exclusivity(unchecked) var connectionsPaused: [ConnectionHandler] = []
    @exclusivity(unchecked) var timer: Scheduled<Void>?
    @exclusivity(unchecked) var timerBootMilliseconds = Int64.max
    @exclusivity(unchecked) var expiryNotBeforeBootMilliseconds = Int64.min
    @exclusivity(unchecked) private var drained: EventLoopPromise<Void>?
    // Used again from request to request, so that the hot path allocates nothing.
    @exclusivity(unchecked) var deliveries: [Delivery] = []
    @exclusivity(unchecked) var results: [ItemResult] = []
    @exclusivity(unchecked) var tokens: [LeaseToken] = []
    @exclusivity(unchecked) private var readiedQueues: [QueueID] = []
    /// Queues whose waits got nothing because there were as many leases as may be.
    @exclusivity(unchecked) var starvedQueues: [QueueID] = []

    init(
        eventLoop: any EventLoop, configuration: BrokerConfiguration, directory: DataDirectory,
        log: WriteAheadLog, upkeep: Upkeep, engine: consuming JobEngine,
        clock: BrokerClock, threads: WorkThreads, logger: Logger
    ) {
        let identity = directory.identity
        self.eventLoop = eventLoop
        self.configuration = configuration
        // With the lease epoch that the state says.
        key = engine.configuration.key
        // As the protocol wants it: the uuid's 16 bytes in their order, in two halves.
        storeUUID = (identity.uuid.high.byteSwapped, identity.uuid.low.byteSwapped)
        limits = AnnouncedLimits(segmentByteCount: identity.segmentByteCount)
        self.directory = directory
        self.log = log
        self.upkeep = upkeep
        self.engine = engine
        var policy = configuration.snapshots
        policy.dirtyPageCountMax = min(
            policy.dirtyPageCountMax, configuration.memory.dirtyPageCountMax)
        // On a small volume everything is smaller.
        let segmentByteCount = identity.segmentByteCount
        policy.dirtyPageCountMax = min(
            policy.dirtyPageCountMax, 2 * segmentByteCount / PageFormat.byteCount)
        policy.logByteCountMin = min(policy.logByteCountMin, 8 * segmentByteCount)
        gatheredByteCountMax = min(configuration.gatheredByteCountMax, segmentByteCount / 2)
        dirtyPageCountMax = policy.dirtyPageCountMax
        pace = SnapshotPace(policy)
        // What was replayed would be again: lives that are all short must not add up.
        pace.add(recordCount: log.recovery.recordCount, byteCount: log.recovery.byteCount)
        self.clock = clock
        self.logger = logger
        startedBootMilliseconds = clock.bootMilliseconds
        self.threads = threads
        writer = LogWriter(log: log, eventLoop: eventLoop, thread: threads.writer)
        reads = RecordReads(log: log, threads: threads.readers)
        recent = RecentBatches(byteCountMax: configuration.memory.recentByteCountMax)
        gathering = recent.takeSpare()
        nextLSN = log.firstNextLSN
        frameTime = log.recovery.lastFrameTime
        passBootMilliseconds = clock.bootMilliseconds
    }

    /// Begins the work beside serving. Once, on the event loop.
    package func startBackgroundWork() {
        let background = BackgroundWork(
            upkeep: upkeep, eventLoop: eventLoop, thread: threads.background,
            isBusy: {
                self.writing != nil
                    || self.clock.bootMilliseconds - self.lastCommitBootMilliseconds < 100
            },
            onStep: {
                self.tellDamages()
                self.takeSnapshotOutcome()
                self.tellStorageState()
            })
        self.background = background
        watchSpace()
        background.wake()
        beginIdleChecks()
        // Where the start alone made a snapshot due, no request may be read before it is taken.
        beginPass()
    }

    /// Nothing was committed for so long, and nothing is about to be.
    func isIdle(forMilliseconds milliseconds: Int64) -> Bool {
        writing == nil && (!isGathering || gathering.isEmpty)
            && clock.bootMilliseconds - lastCommitBootMilliseconds >= milliseconds
    }

    /// Looks for work beside serving whenever a part of a segment has been filled.
    private func wakeBackground(after byteCount: Int) {
        byteCountSinceWake += max(byteCount, RecordBatch.alignment)
        guard byteCountSinceWake >= log.identity.segmentByteCount / 4 else { return }
        byteCountSinceWake = 0
        background?.wake()
    }

    // MARK: A pass

    /// Called before the first request of each pass is looked at.
    func beginPass() {
        guard !isPassScheduled else { return }
        isPassScheduled = true
        passBootMilliseconds = clock.bootMilliseconds
        // Runs when the event loop has read all sockets of this round: one hand-over a pass.
        eventLoop.execute { self.endPass() }
    }

    /// The boot clock at the beginning of the pass, in milliseconds.
    var bootMilliseconds: Int64 { passBootMilliseconds }

    /// The batch for the records of a request. The first one to ask fixes the batch's time and has
    /// the due jobs moved.
    func openBatch() -> RecordBatch {
        guard !isGathering else { return gathering }
        isGathering = true
        frameTime = max(frameTime, clock.brokerMilliseconds(atBoot: passBootMilliseconds))
        gathering.open(firstLSN: nextLSN, frameTime: frameTime)
        engine.advance(to: frameTime, into: gathering)
        return gathering
    }

    /// Has the delays of the request that is decided now counted from now, rounded up.
    func countDelaysFromNow() {
        engine.delayOriginMilliseconds =
            clock.brokerMilliseconds(atBoot: clock.bootMilliseconds) + 1
    }

    private func endPass() {
        isPassScheduled = false
        answerWaits()
        commitGathered()
        // Last, since a commit that has ended just now has started the clocks of its leases.
        armTimer()
        endDrainIfDone()
    }

    private func commitGathered() {
        guard writing == nil else { return }  // goes on when the commit ends
        checkPages()
        guard isGathering, !gathering.isEmpty else {
            // Nothing new was said, and all that the replies were computed from is durable.
            isGathering = false
            release(&connectionsGathering)
            takeSnapshotIfDue()
            resumeReading()
            return
        }
        let batch = gathering
        isGathering = false
        nextLSN = batch.nextLSN
        gathering = recent.takeSpare()
        writing = batch
        writingSinceBootMilliseconds = passBootMilliseconds
        swap(&connectionsGathering, &connectionsWriting)
        for connection in connectionsWriting { connection.replies.seal() }
        counters.commits += 1
        // The engine is now as it is after the last record of the batch, and of none behind it.
        pace.add(
            recordCount: Int(batch.nextLSN - batch.firstLSN),
            byteCount: log.frameByteCount(of: batch))
        takeSnapshotIfDue(with: batch)
        if Mutant.ackBeforeSync.isOn {
            for connection in connectionsWriting { connection.releaseSealed() }
        }
        write(batch)
        // There is room again in what gathers.
        resumeReading()
    }

    private func write(_ batch: RecordBatch) {
        guard batch.byteCount <= configuration.inlineCommitByteCountMax else {
            return writer.handOver(batch) { self.writerEnded(isDurable: $0) }
        }
        let before = clock.bootMilliseconds
        let isDurable = writer.write(batch)
        noteStall(since: before)
        if isDurable { commitEnded() } else { writeAgainLater() }
    }

    private func writerEnded(isDurable: Bool) {
        guard isDurable else { return writeAgainLater() }
        commitEnded()
        // What gathered meanwhile goes next, at the end of this pass so that all of it goes.
        beginPass()
    }

    /// Not even the reserve has a segment left. Nobody was told anything; everybody waits until a
    /// snapshot that is under way, or somebody else, gives back some space.
    private func writeAgainLater() {
        if isDraining {
            FailStop.exit(
                .storageFailed,
                "there is no space for the log, not even in its reserve: what was asked last was not done"
            )
        }
        logger.error("no space for the log, not even in its reserve: all requests wait")
        upkeep.lookAtSpace()
        background?.wake()
        eventLoop.scheduleTask(in: .milliseconds(Self.noSpaceRetryMilliseconds)) {
            guard let batch = self.writing else { return }
            self.write(batch)
            // What gathered meanwhile goes next.
            if self.writing == nil { self.beginPass() }
        }
    }

    private static let noSpaceRetryMilliseconds: Int64 = 200

    /// The batch in hand is durable: replies leave, the clocks of its leases start.
    private func commitEnded() {
        guard let batch = writing else { return }
        writing = nil
        let boot = clock.bootMilliseconds
        engine.startLeaseClocks(throughDurable: batch.lastLSN, bootMilliseconds: boot)
        recent.keep(batch)
        lastCommitBootMilliseconds = boot
        wakeBackground(after: batch.byteCount)
        watchSpace()
        for connection in connectionsWriting {
            connection.releaseSealed()
        }
        connectionsWriting.removeAll(keepingCapacity: true)
    }

    /// Holds what the connection's open replies say until all records so far are durable (I2).
    func hold(_ connection: ConnectionHandler) {
        if !connection.replies.isListed {
            connection.replies.isListed = true
            connectionsGathering.append(connection)
        }
    }

    private func release(_ connections: inout [ConnectionHandler]) {
        for connection in connections {
            connection.replies.seal()
            connection.releaseSealed()
        }
        connections.removeAll(keepingCapacity: true)
    }

    // MARK: Reading records that are in memory

    /// The body of a record that need not be read from the disk; valid until the next request.
    func bodyInMemory(of lsn: LSN) -> UnsafeRawBufferPointer? {
        if isGathering, let body = gathering.body(of: lsn) { return body }
        if let writing, let body = writing.body(of: lsn) { return body }
        return recent.body(of: lsn)
    }

    // MARK: Waits

    private func answerWaits() {
        readiedQueues.removeAll(keepingCapacity: true)
        swap(&readiedQueues, &starvedQueues)
        engine.takeReadiedQueues(into: &readiedQueues)
        for queue in readiedQueues {
            while engine.readyCount(of: queue) > 0, let wait = waits.first(of: queue) {
                do throws(Refusal) {
                    try lease(for: wait)
                } catch {
                    starve(queue)
                    break
                }
                waits.removeFirst(of: queue)
            }
        }
    }

    // MARK: The end

    /// Lets what was begun end: answers the waits with nothing, refuses what comes now, and
    /// succeeds once all replies have left.
    package func drain() -> EventLoopFuture<Void> {
        let promise = eventLoop.makePromise(of: Void.self)
        eventLoop.execute {
            self.isDraining = true
            self.drained = promise
            self.beginPass()
            for wait in self.waits.removeAll() { self.answerEmpty(wait) }
        }
        return promise.futureResult
    }

    private func endDrainIfDone() {
        guard let drained, writing == nil, !isGathering || gathering.isEmpty,
            reads.inFlightCount == 0
        else { return }
        self.drained = nil
        timer?.cancel()
        // Each ends when its client has what it is owed; one that does not read is not waited for.
        let ends = connections.values.compactMap(\.closed)
        for connection in Array(connections.values) { connection.closeWhenSent() }
        let timeout = eventLoop.scheduleTask(in: Self.unreadPatience) { drained.succeed() }
        EventLoopFuture.andAllComplete(ends, on: eventLoop).whenComplete { _ in
            timeout.cancel()
            drained.succeed()
        }
    }

    private static let unreadPatience = TimeAmount.seconds(5)

    /// Ends the threads, takes a last snapshot, so that the next start has nothing to replay, and
    /// closes the log. After `drain`.
    package func stop() async throws {
        try await background?.stop()
        try await writer.stop()
        try await reads.stop()
        try await eventLoop.submit { try self.finishSnapshots() }.get()
        try log.close()
    }
}

extension AnnouncedLimits {
    /// A request's records lie in one frame of one segment, so small segments take less.
    init(segmentByteCount: Int) {
        self.init()
        frameByteCountMax = min(frameByteCountMax, segmentByteCount / 4)
        inlinePayloadByteCountMax = min(inlinePayloadByteCountMax, segmentByteCount / 8)
    }
}
