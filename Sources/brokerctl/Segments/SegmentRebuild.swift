internal import ArgumentParser
internal import HoldfastConsole
internal import HoldfastEngine
internal import HoldfastStore
internal import HoldfastWAL

struct SegmentRebuild: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rebuild",
        abstract:
            "Makes the state anew from the log alone, where no snapshot or its pages can be used.",
        discussion: """
            Says what would come out and changes nothing, unless --write is given. Then snapshots \
            and pages are moved to quarantine/ and a new snapshot is written; the log stays as it is. \
            Where parts of the log were given back, jobs that were done may be delivered again: none \
            is lost.
            """)

    @OptionGroup var store: OfflineOptions
    @Flag(help: "Does it.")
    var write = false

    func run() async throws {
        let inspection = try store.open()
        let report: RebuildReport
        do throws(RebuildFault) {
            report =
                write
                ? try StoreRebuilding.run(inspection.fileSystem) : try inspection.rebuild()
        } catch {
            throw Failure(.refused, "\(store.dataDir): \(error)")
        }
        switch store.output.format {
        case .table: try Output.write(text(report))
        case .json: try Output.writeLine(json(report))
        }
        if let obstacle = report.obstacle {
            throw Failure(
                .damage,
                "a broker would refuse the store all the same, and --write would change nothing: "
                    + obstacle)
        }
    }

    private func text(_ report: RebuildReport) -> String {
        let counts = report.counts
        var entries = [
            ("reason", report.cause),
            ("log", report.isExact ? "whole from its first record" : "not whole"),
            ("last LSN", String(report.lastLSN)),
            ("records read", String(report.recordCount)),
            ("records missing", String(report.missingCount)),
            ("damaged places", String(report.damages.count)),
            ("queues", String(report.queueCount)),
            ("jobs not done", String(report.jobCount)),
        ]
        if !report.isExact {
            entries += [
                ("of them dead", String(counts.deadCount)),
                ("were leased", String(counts.leasedCount)),
                ("may have been done", String(counts.doubtfulCount)),
                ("queues without a name", String(counts.namelessQueueCount)),
                ("births unreadable", String(counts.unreadableCount)),
            ]
        }
        var text = Table.list(entries.map { (name: $0.0, value: $0.1) })
        if let quarantined = report.quarantined {
            text +=
                "\nwritten; \(counted(quarantined.count, "file")) moved to quarantine/. The broker "
                + "can be started.\n"
        } else if report.obstacle == nil {
            text += "\nnothing was changed; --write does it\n"
        }
        return text
    }

    private func json(_ report: RebuildReport) -> JSONValue {
        let counts = report.counts
        return .object([
            ("reason", .text(report.cause)),
            ("exact", .boolean(report.isExact)),
            ("last_lsn", .unsigned(report.lastLSN)),
            ("segments", .number(report.segmentCount)),
            ("records", .number(report.recordCount)),
            ("missing_records", .unsigned(report.missingCount)),
            (
                "missing",
                .array(
                    report.missing.map {
                        .object([
                            ("first_lsn", .unsigned($0.lowerBound)),
                            ("last_lsn", .unsigned($0.upperBound)),
                        ])
                    })
            ),
            ("damages", .array(report.damages.map { .text("\($0)") })),
            ("queues", .number(report.queueCount)),
            ("jobs", .number(report.jobCount)),
            ("dead_jobs", .number(counts.deadCount)),
            ("leased_jobs", .number(counts.leasedCount)),
            ("doubtful_jobs", .number(counts.doubtfulCount)),
            ("nameless_queues", .number(counts.namelessQueueCount)),
            ("unreadable_births", .number(counts.unreadableCount)),
            ("obstacle", .optional(report.obstacle) { .text($0) }),
            ("written", .boolean(report.quarantined != nil)),
            (
                "quarantined",
                .array((report.quarantined ?? []).map { .text($0) })
            ),
        ])
    }
}
