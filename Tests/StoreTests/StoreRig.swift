import HoldfastDisk
import HoldfastEngine
import HoldfastModel
import HoldfastPages
import HoldfastRecords
import HoldfastSimulation
import HoldfastSnapshots
import HoldfastStore
import HoldfastWAL
import Testing

/// A store on the disk's twin, driven by hand: every commit and every piece of upkeep when the test
/// says so.
final class StoreRig {
    /// Sizes with which a few dozen operations cross every border.
    static var tiny: StoreConfiguration {
        var configuration = StoreConfiguration()
        configuration.segmentByteCount = 64 << 10
        configuration.recentAckCount = 64
        configuration.leaseCountMax = 64
        configuration.snapshotFiles.extentPageCount = 8
        configuration.pages.nodeEntryCountMax = 4
        configuration.pages.chainEntryCountMax = 4
        configuration.pages.bitmapBitCount = 64
        configuration.pages.arrayElementCountMax = 8
        configuration.pages.cachedPageCountMax = 16
        return configuration
    }

    let configuration: StoreConfiguration
    private(set) var disk: SimulatedFileSystem
    private(set) var directory: DataDirectory
    private(set) var log: WriteAheadLog
    private(set) var upkeep: Upkeep
    var engine: JobEngine
    private var batch = RecordBatch()
    private var boot: Int64 = 1_000
    private var clockBase: Int64
    private(set) var snapshotLSN: LSN?
    private(set) var damageReport: DamageReport?
    private(set) var committedSnapshotCount = 0
    private var random: SeededRandom

    init(
        _ disk: SimulatedFileSystem = SimulatedFileSystem(),
        _ configuration: StoreConfiguration = StoreRig.tiny, seed: UInt64 = 1
    ) throws {
        self.disk = disk
        self.configuration = configuration
        random = SeededRandom(seed: seed)
        let store = try Self.open(disk, configuration, boot, seed)
        (directory, log, upkeep) = (store.directory, store.log, store.upkeep)
        snapshotLSN = store.snapshotLSN
        damageReport = store.damageReport
        clockBase = store.log.recovery.timeBaseMilliseconds
        engine = store.takeEngine(bootMilliseconds: boot)
        openBatch()
    }

    private static func open(
        _ disk: SimulatedFileSystem, _ configuration: StoreConfiguration, _ boot: Int64,
        _ seed: UInt64
    ) throws -> Store {
        let source = EntropySource(seed: seed)
        return try Store(
            disk, configuration,
            start: LogStart(
                bootID: UniqueID(high: 1, low: 1), wallMilliseconds: 1_000_000 + boot,
                bootMilliseconds: boot, softwareVersion: "rig"),
            entropy: { source.next() })
    }

    private func openBatch() {
        batch.open(firstLSN: engine.lastLSN + 1, frameTime: max(engine.frameTime, clockBase + boot))
        engine.advance(to: batch.frameTime, into: batch)
    }

    /// Makes what was decided durable.
    func commit() throws {
        if !batch.isEmpty {
            try log.append(batch)
            engine.startLeaseClocks(throughDurable: batch.lastLSN, bootMilliseconds: boot)
        }
        #expect(engine.pages.failure == nil)
        batch = RecordBatch()
        boot += 10
        openBatch()
    }

    // MARK: Verbs

    @discardableResult
    func enqueue(_ queue: String, count: Int = 1, payloadByteCount: Int = 40) throws -> [LSN] {
        let queue = try Array(queue.utf8).withUnsafeBytes {
            try engine.ensureQueue(named: $0, into: batch)
        }
        let payload = [UInt8](repeating: 7, count: payloadByteCount)
        let content = payload.withUnsafeBytes {
            JobContent.bytes(kind: Array("k".utf8), headers: [], payload: $0)
        }
        let lsns = (0..<count).map { _ in
            content.withUnsafeBytes {
                engine.enqueue(
                    to: queue, options: EnqueueOptions(), content: $0, producer: nil, into: batch)
            }
        }
        try commit()
        return lsns
    }

    func lease(_ queue: String, count: Int) throws -> [LeaseToken] {
        guard let queue = Array(queue.utf8).withUnsafeBytes({ engine.queue(named: $0) }) else {
            return []
        }
        var deliveries: [Delivery] = []
        try engine.lease(
            from: queue, count: count, durationMilliseconds: 0, owner: 1, into: batch,
            deliveries: &deliveries)
        try commit()
        return deliveries.map {
            engine.configuration.key.leaseToken($0.lsn, version: $0.version)
        }
    }

    func ack(_ tokens: [LeaseToken]) throws {
        var results: [ItemResult] = []
        tokens.withUnsafeBufferPointer { engine.ack($0, into: batch, results: &results) }
        #expect(results.allSatisfy { $0.code == nil })
        try commit()
    }

    /// Whether none of the tokens is taken.
    func isRefused(_ tokens: [LeaseToken]) throws -> Bool {
        var results: [ItemResult] = []
        tokens.withUnsafeBufferPointer { engine.ack($0, into: batch, results: &results) }
        try commit()
        return results.allSatisfy { $0.code != nil }
    }

    /// Decides something that is not made durable yet.
    func decideWithoutCommitting(_ queue: String, payloadByteCount: Int = 0) {
        let content = [UInt8](repeating: 7, count: payloadByteCount).withUnsafeBytes {
            JobContent.bytes(kind: Array("k".utf8), headers: [], payload: $0)
        }
        guard let queue = Array(queue.utf8).withUnsafeBytes({ engine.queue(named: $0) }) else {
            return
        }
        _ = content.withUnsafeBytes {
            engine.enqueue(
                to: queue, options: EnqueueOptions(), content: $0, producer: nil, into: batch)
        }
    }

    // MARK: Snapshots

    /// Takes a snapshot of this moment without writing it.
    func freeze() {
        let ranges = upkeep.rangesToCount(
            through: engine.lastLSN, handedOver: batch.isEmpty ? nil : batch.firstLSN)
        let groups = upkeep.wantedGroups
        let survivors = groups.joined().compactMap(\.lsns).flatMap { engine.liveJobs(in: $0) }
        upkeep.begin(
            engine.freeze(liveCountsIn: ranges), ranges: ranges, groups: groups,
            survivors: survivors)
    }

    /// Does pieces of upkeep until nothing is left to do.
    func finishUpkeep() throws {
        for _ in 0..<100_000 {
            let progress = try upkeep.step()
            takeOutcome()
            if progress == .idle { return }
        }
        Issue.record("the upkeep never ends")
    }

    func takeOutcome() {
        switch upkeep.takeOutcome() {
        case .committed(let frozen):
            engine.pages.committed(frozen)
            committedSnapshotCount += 1
        case .abandoned(let frozen, _): engine.pages.abandoned(frozen)
        case nil: break
        }
    }

    func snapshot() throws {
        freeze()
        try finishUpkeep()
    }

    // MARK: Restarts

    /// The process is gone with all its memory, the page cache is not.
    func kill() throws { try restart(on: disk.disk.afterKill()) }

    /// The log says that it ends here.
    func close() throws {
        try commit()
        try log.close()
    }

    func losePower(_ choices: CrashChoices = CrashChoices()) throws {
        try restart(on: disk.disk.afterPowerLoss(choices))
    }

    private func restart(on disk: SimulatedDisk) throws {
        self.disk = SimulatedFileSystem(disk)
        let store = try Self.open(self.disk, configuration, boot, random.next())
        (directory, log, upkeep) = (store.directory, store.log, store.upkeep)
        snapshotLSN = store.snapshotLSN
        clockBase = store.log.recovery.timeBaseMilliseconds - boot
        engine = store.takeEngine(bootMilliseconds: boot)
        batch = RecordBatch()
        openBatch()
    }

    /// The state, and that its invariants hold.
    func dump() -> [UInt8] {
        let faults = engine.invariantFaults()
        #expect(faults == [])
        return engine.canonicalDump()
    }
}

private final class EntropySource: @unchecked Sendable {
    private var random: SeededRandom
    init(seed: UInt64) { random = SeededRandom(seed: seed) }
    func next() -> UInt64 { random.next() }
}
