internal import ArgumentParser
internal import Glibc
internal import HoldfastConsole
internal import HoldfastDisk
internal import HoldfastModel
internal import HoldfastRecords
internal import HoldfastStore
internal import HoldfastWAL

struct SegmentRepair: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "repair",
        abstract:
            "Has a damaged store go on without what is damaged: keeps all else, and says what is lost.",
        discussion: """
            Says what a repair would come to and changes nothing, unless --write is given; exit code 4 \
            where there is something to repair, 0 where there is not. With --write: 0 where a broker \
            can be started afterwards. Where there is a copy of the directory that is whole, that is \
            better.
            """)

    @OptionGroup var store: OfflineOptions
    @Flag(help: "Does it.")
    var write = false

    func run() async throws {
        let inspection = try store.open()
        let key = StoreKey(low: inspection.identity.keyLow, high: inspection.identity.keyHigh)
        let repair = StoreRepair(inspection.fileSystem, start: Self.start())
        let report = try store.inspecting { () throws(StoreFault) in
            write ? try repair.run() : try repair.plan()
        }
        switch store.output.format {
        case .table: try Output.write(RepairView.text(report, key))
        case .json: try Output.writeLine(RepairView.json(report, key))
        }
        if let obstacle = report.obstacle {
            throw Failure(
                .damage,
                report.isWritten
                    ? "the store is not whole after the repair: \(obstacle)"
                    : "the store cannot be repaired, and --write would change nothing: \(obstacle)")
        }
        guard report.isNeeded, !report.isWritten else { return }
        throw Failure(
            .damage,
            "the store is damaged in \(counted(report.damages.count, "place")); nothing was changed. "
                + "Restore the directory from a copy, or go on without what is damaged with --write"
        )
    }

    /// The clocks of this machine, as a start of a broker reads them.
    private static func start() -> LogStart {
        LogStart(
            bootID: .currentBoot(), wallMilliseconds: milliseconds(CLOCK_REALTIME),
            bootMilliseconds: milliseconds(CLOCK_BOOTTIME),
            softwareVersion: "brokerctl \(Brokerctl.configuration.version)")
    }

    private static func milliseconds(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000
    }
}
