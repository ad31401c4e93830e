internal import HoldfastDisk
internal import HoldfastEngine
internal import HoldfastModel
internal import HoldfastWAL
internal import Logging
internal import NIOCore

/// A data directory that is open, and what its log says: the engine as it was when the last commit
/// became durable.
struct OpenStore: ~Copyable {
    let directory: DataDirectory
    let log: WriteAheadLog
    private var engine: JobEngine
    private let clock: BrokerClock

    /// Locks the directory, finds the end of the log, and replays all of it.
    ///
    /// - Throws: where the directory is refused; nothing on disk was changed then.
    init(_ configuration: BrokerConfiguration) throws(BrokerFault) {
        let directory: DataDirectory
        do throws(StoreError) {
            directory = try DataDirectory.open(
                path: configuration.dataDirectory,
                segmentByteCount: configuration.segmentByteCount)
        } catch {
            throw BrokerFault(error, configuration)
        }
        let identity = directory.identity
        var engine = JobEngine(
            configuration: EngineConfiguration(
                key: StoreKey(low: identity.keyLow, high: identity.keyHigh),
                leaseCountMax: configuration.leaseCountMax))
        let boot = BrokerClock.bootMilliseconds()
        let log: WriteAheadLog
        do throws(LogError) {
            log = try WriteAheadLog.open(
                directory,
                start: LogStart(
                    bootID: .currentBoot(), wallMilliseconds: BrokerClock.wallMilliseconds(),
                    bootMilliseconds: boot, softwareVersion: BrokerServer.softwareVersion)
            ) { lsn, frameTime, body in
                try engine.replay(lsn: lsn, frameTime: frameTime, body: body)
            }
        } catch {
            throw BrokerFault(error, configuration)
        }
        self.directory = directory
        self.log = log
        self.engine = engine
        clock = BrokerClock(
            timeBaseMilliseconds: log.recovery.timeBaseMilliseconds, bootMilliseconds: boot)
    }

    var jobCount: Int { engine.jobCount }
    var leaseCount: Int { engine.leaseCount }

    /// The loop that serves the store from now on: leases get their full duration again.
    consuming func commitLoop(
        eventLoop: any EventLoop, configuration: BrokerConfiguration, logger: Logger
    ) -> CommitLoop {
        engine.restartLeaseClocks(bootMilliseconds: BrokerClock.bootMilliseconds())
        return CommitLoop(
            eventLoop: eventLoop, configuration: configuration, directory: directory, log: log,
            engine: engine, clock: clock, logger: logger)
    }
}

extension BrokerFault {
    init(_ error: StoreError, _ configuration: BrokerConfiguration) {
        let code: FailStop.ExitCode =
            switch error {
            case .inUse: .locked
            case .badSegmentByteCount: .usage
            case .disk: .storageFailed
            default: .dataRefused
            }
        self.init(exitCode: code, message: "\(configuration.dataDirectory): \(error)")
    }

    init(_ error: LogError, _ configuration: BrokerConfiguration) {
        let code: FailStop.ExitCode =
            switch error {
            case .damaged, .unreadable: .dataRefused
            default: .storageFailed
            }
        self.init(exitCode: code, message: "\(configuration.dataDirectory): \(error)")
    }
}
