package import HoldfastDisk
package import HoldfastEngine
internal import HoldfastModel
internal import HoldfastPages
package import HoldfastRecords
internal import HoldfastSnapshots
package import HoldfastWAL

/// A data directory that is open: the log, the engine as it was when the last commit became durable,
/// and the upkeep that takes snapshots and gives space back.
///
/// Whoever opens it takes the engine out and becomes its one owner; log and upkeep may be used from
/// several threads as their own pages say.
package struct Store: ~Copyable {
    /// Holds the lock as long as it lives.
    package let directory: DataDirectory
    package let log: WriteAheadLog
    package let upkeep: Upkeep
    /// What the snapshot said that the start began with; nil where there was none.
    package let snapshotLSN: LSN?
    package let passedOverSnapshotCount: Int
    /// What was damaged, where the start was to go on without it; nil where nothing was.
    package let damageReport: DamageReport?
    private let engine: JobEngine

    package var jobCount: Int { engine.jobCount }
    package var leaseCount: Int { engine.leaseCount }

    /// Locks the directory, restores the newest snapshot, and replays the log since.
    ///
    /// - Throws: where the directory is refused; nothing in it was changed then but the lock file.
    package init(
        _ fileSystem: any FileSystem, _ configuration: StoreConfiguration, start: LogStart,
        entropy: @escaping @Sendable () -> UInt64 = { .random(in: .min ... .max) }
    ) throws(StoreFault) {
        do throws(StoreFault) {
            try self.init(fileSystem, configuration, start, entropy, rebuilt: nil)
        } catch {
            guard configuration.onDamage == .quarantine, error.isDamageOfState else { throw error }
            let report = try Self.rebuild(fileSystem, configuration, error)
            try self.init(fileSystem, configuration, start, entropy, rebuilt: report)
        }
    }

    private init(
        _ fileSystem: any FileSystem, _ configuration: StoreConfiguration, _ start: LogStart,
        _ entropy: @escaping @Sendable () -> UInt64, rebuilt: RebuildReport?
    ) throws(StoreFault) {
        let directory = try Self.openDirectory(fileSystem, configuration, start, entropy)
        try Self.examineSuspectPages(fileSystem, configuration)
        let snapshots = try Self.openSnapshots(fileSystem, directory.identity, configuration)
        let newest = snapshots.newest
        var engine = try Self.engine(directory.identity, snapshots, newest, configuration)
        var report = DamageReport()
        report.rebuilt = rebuilt
        let passes = configuration.onDamage == .quarantine
        let isBereft = newest == nil && !snapshots.passedOver.isEmpty
        let log: WriteAheadLog
        var quarantineError: SnapshotError?
        do throws(LogError) {
            log = try WriteAheadLog.open(
                directory, start: start, from: LogOrigin(snapshots),
                spareSegmentCount: configuration.spareSegmentCount,
                // Without the snapshots that there were, the state has to be made anew first.
                passing: passes && !isBereft ? { _ in } : nil,
                begin: { engine.pages.beginStamps(epoch: $0) },
                // A snapshot that was passed over must not come back when what it needs is gone.
                beforeChange: { () throws(LogError) in
                    do throws(SnapshotError) {
                        try snapshots.quarantinePassedOver()
                    } catch {
                        quarantineError = error
                        throw .closed
                    }
                },
                replay: { lsn, frameTime, body in
                    if passes, lsn > engine.lastLSN + 1 { engine.passGap(through: lsn - 1) }
                    try engine.replay(lsn: lsn, frameTime: frameTime, body: body)
                    // What was read of a page that fails is nothing: go no further with it.
                    if let failure = engine.pages.failure { throw StoreFault.page(failure) }
                })
        } catch {
            // A page that cannot be read is the cause of whatever else did not fit.
            if let failure = engine.pages.failure { throw .page(failure) }
            if let quarantineError { throw .snapshots(quarantineError) }
            throw StoreFault(error, snapshots)
        }
        snapshots.dropRoot()
        let upkeep = Upkeep(
            log: log, snapshots: snapshots,
            scrubByteCountPerSecond: configuration.scrubByteCountPerSecond,
            compactedJobCountMax: configuration.compactedJobCountMax)
        if log.recovery.damageCount > 0 {
            report.note(log.recovery)
            if log.durableLSN > engine.lastLSN { engine.passGap(through: log.durableLSN) }
            // What was read of a page that fails is nothing, and must not become a snapshot.
            if let failure = engine.pages.failure { throw .page(failure) }
            report.gapCounts = engine.gapCounts
            try Self.leaveBehind(&engine, upkeep)
        }
        if let failure = engine.pages.failure { throw .page(failure) }
        try Self.saveReserve(&engine, upkeep)
        self.directory = directory
        self.log = log
        self.upkeep = upkeep
        self.engine = engine
        snapshotLSN = newest?.lastLSN
        passedOverSnapshotCount = snapshots.passedOver.count
        damageReport = report.damageCount > 0 || rebuilt != nil ? report : nil
    }

    /// The engine, whose leases all have their full duration from `bootMilliseconds` on.
    package consuming func takeEngine(bootMilliseconds: Int64) -> JobEngine {
        var engine = engine
        engine.restartLeaseClocks(bootMilliseconds: bootMilliseconds)
        return engine
    }

    private static func openDirectory(
        _ fileSystem: any FileSystem, _ configuration: StoreConfiguration, _ start: LogStart,
        _ entropy: @escaping @Sendable () -> UInt64
    ) throws(StoreFault) -> DataDirectory {
        do throws(StoreError) {
            return try DataDirectory.open(
                fileSystem, segmentByteCount: configuration.segmentByteCount,
                bootID: start.bootID, entropy: entropy)
        } catch {
            throw .directory(error)
        }
    }

    static func openSnapshots(
        _ fileSystem: any FileSystem, _ identity: StoreIdentity,
        _ configuration: StoreConfiguration
    ) throws(StoreFault) -> SnapshotStore {
        do throws(SnapshotError) {
            return try SnapshotStore.open(
                fileSystem, identity: identity,
                limits: configuration.snapshotFiles(ofSegments: identity.segmentByteCount))
        } catch {
            throw .snapshots(error)
        }
    }

    /// Numbers have 32 bits: as many as this can follow the last one that is gone on from.
    private static let snapshotNumberEnd: UInt64 = 1 << 31

    static func engine(
        _ identity: StoreIdentity, _ snapshots: SnapshotStore, _ newest: SnapshotStore.Loaded?,
        _ configuration: StoreConfiguration
    ) throws(StoreFault) -> JobEngine {
        let pages = PageSpace(
            limits: configuration.pages, storeUUID: (identity.uuid.high, identity.uuid.low),
            used: newest?.used ?? PageSet(), retained: newest?.retained ?? PageSet(),
            snapshotNumber: UInt32(truncatingIfNeeded: snapshots.nextNumber),
            source: { snapshots.pages.read(first: $0, count: $1, into: $2) })
        let engineConfiguration = engineConfiguration(identity, configuration)
        guard let newest else {
            return JobEngine(configuration: engineConfiguration, pages: pages)
        }
        do throws(RestoreFault) {
            let engine = try JobEngine(
                configuration: engineConfiguration, pages: pages, restoring: newest.root)
            guard engine.lastLSN == newest.lastLSN, engine.frameTime == newest.frameTime else {
                throw RestoreFault("it ends with another record than its header says")
            }
            guard newest.segments.allSatisfy({ $0.nextLSN <= newest.lastLSN + 1 }) else {
                throw RestoreFault("it lists records that are not its own")
            }
            guard snapshots.nextNumber < snapshotNumberEnd else {
                throw RestoreFault("its number leaves none for those that come")
            }
            return engine
        } catch {
            if let failure = pages.failure { throw .page(failure) }
            throw .root(snapshotNumber: newest.number, error)
        }
    }
}

extension Store {
    static func engineConfiguration(
        _ identity: StoreIdentity, _ configuration: StoreConfiguration
    ) -> EngineConfiguration {
        EngineConfiguration(
            key: StoreKey(low: identity.keyLow, high: identity.keyHigh),
            leaseCountMax: configuration.leaseCountMax,
            producerCountMax: configuration.producerCountMax,
            recentAckCount: configuration.recentAckCount, dueCountMax: configuration.dueCountMax)
    }
}
