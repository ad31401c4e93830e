package import HoldfastDisk
internal import HoldfastEngine
internal import HoldfastModel
internal import HoldfastPages
internal import HoldfastRecords
internal import HoldfastStore
package import HoldfastWAL
package import Logging
package import NIOCore

/// A store that is open, and the clock that goes on from it.
package struct OpenStore: ~Copyable {
    private let store: Store
    private let clock: BrokerClock
    private let usesCopyOnWrite: Bool

    /// Opens the data directory: from then on it is this process's.
    ///
    /// - Throws: where the directory is refused; nothing on disk was changed then.
    init(_ configuration: BrokerConfiguration) throws(BrokerFault) {
        let fileSystem: PosixFileSystem
        let usesCopyOnWrite: Bool
        do throws(DiskError) {
            fileSystem = try PosixFileSystem(root: configuration.dataDirectory, creating: true)
            usesCopyOnWrite = try fileSystem.usesCopyOnWrite()
        } catch {
            throw BrokerFault(.directory(.disk(error)), configuration)
        }
        let start = LogStart(
            bootID: .currentBoot(), wallMilliseconds: BrokerClock.systemWallMilliseconds(),
            bootMilliseconds: BrokerClock.systemBootMilliseconds(),
            softwareVersion: BrokerServer.softwareVersion)
        try self.init(
            configuration, fileSystem: fileSystem, start: start,
            usesCopyOnWrite: usesCopyOnWrite, readBoot: BrokerClock.systemBootMilliseconds)
    }

    /// The same on any disk, at any time.
    package init(
        _ configuration: BrokerConfiguration, fileSystem: any FileSystem, start: LogStart,
        usesCopyOnWrite: Bool = false, readBoot: @escaping @Sendable () -> Int64
    ) throws(BrokerFault) {
        do throws(StoreFault) {
            store = try Store(fileSystem, StoreConfiguration(configuration), start: start)
        } catch {
            throw BrokerFault(error, configuration)
        }
        self.usesCopyOnWrite = usesCopyOnWrite
        clock = BrokerClock(
            timeBaseMilliseconds: store.log.recovery.timeBaseMilliseconds,
            bootBaseMilliseconds: start.bootMilliseconds, readBoot: readBoot)
    }

    /// What the start found, for the line that says so.
    var summary: StartSummary {
        StartSummary(
            jobCount: store.jobCount, leaseCount: store.leaseCount,
            snapshotLSN: store.snapshotLSN ?? 0,
            passedOverSnapshotCount: store.passedOverSnapshotCount,
            damageReport: store.damageReport, recovery: store.log.recovery,
            usesCopyOnWrite: usesCopyOnWrite)
    }

    /// The loop that serves the store from now on: leases get their full duration again.
    package consuming func commitLoop(
        eventLoop: any EventLoop, configuration: BrokerConfiguration, threads: WorkThreads,
        logger: Logger
    ) -> CommitLoop {
        let (directory, log, upkeep, clock) = (store.directory, store.log, store.upkeep, clock)
        return CommitLoop(
            eventLoop: eventLoop, configuration: configuration, directory: directory, log: log,
            upkeep: upkeep, engine: store.takeEngine(bootMilliseconds: clock.bootMilliseconds),
            clock: clock, threads: threads, logger: logger)
    }
}

struct StartSummary: Sendable {
    let jobCount: Int
    let leaseCount: Int
    /// 0 where no snapshot was there.
    let snapshotLSN: LSN
    let passedOverSnapshotCount: Int
    /// nil where nothing was damaged.
    let damageReport: DamageReport?
    let recovery: LogRecoveryReport
    /// Whether the volume copies blocks that are written over.
    let usesCopyOnWrite: Bool
}

extension StoreConfiguration {
    init(_ configuration: BrokerConfiguration) {
        self.init()
        segmentByteCount = configuration.segmentByteCount
        leaseCountMax = configuration.leaseCountMax
        pages.cachedPageCountMax = configuration.memory.cachedPageCountMax
        scrubByteCountPerSecond = configuration.scrubByteCountPerSecond
        onDamage = configuration.onDamage
    }
}

extension BrokerFault {
    init(_ fault: StoreFault, _ configuration: BrokerConfiguration) {
        let code: FailStop.ExitCode =
            switch fault {
            case .directory(.inUse): .locked
            case .directory(.badSegmentByteCount): .usage
            default: fault.isRefusalOfData ? .dataRefused : .storageFailed
            }
        self.init(exitCode: code, message: "\(configuration.dataDirectory): \(fault)")
    }
}
