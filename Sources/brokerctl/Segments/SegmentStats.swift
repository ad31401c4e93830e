internal import ArgumentParser
internal import HoldfastConsole
internal import HoldfastStore

struct SegmentStats: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stats",
        abstract: "What the log consists of, what it cost, and what the snapshots take.")

    @OptionGroup var store: OfflineOptions

    func run() async throws {
        let inspection = try store.open()
        let statistics = try store.inspecting { () throws(StoreFault) in
            try inspection.statistics()
        }
        switch store.output.format {
        case .table: try writeTable(statistics)
        case .json: try writeJSON(statistics)
        }
        if let unknown = statistics.unknown {
            throw Failure(.damage, "which jobs are not done is not known: \(unknown)")
        }
        if statistics.damageCount > 0 {
            throw Failure(
                .damage,
                "the log is damaged in \(counted(statistics.damageCount, "place")), and what lies "
                    + "there is not counted; `segment verify` says where")
        }
    }

    private func writeTable(_ statistics: StoreStatistics) throws(Failure) {
        let live = statistics.live
        var text = Table.list([
            ("segments", String(statistics.segmentCount)),
            ("bytes of segments", String(statistics.fileByteCount)),
            ("bytes of frames", String(statistics.frameByteCount)),
            ("frames", String(statistics.frameCount)),
            ("bytes of records", String(statistics.recordByteCount)),
            ("bytes of payloads", String(statistics.payloadByteCount)),
            (
                "write amplification",
                statistics.writeAmplification.map { Self.text($0) } ?? "no payload"
            ),
            ("jobs not done", (live?.count).text),
            ("bytes of their births", (live?.byteCount).text),
            ("live ratio", statistics.liveRatio.map { Self.text($0) } ?? "?"),
            ("pages in use", String(statistics.usedPageCount)),
            ("bytes of page files", String(statistics.pageFileByteCount)),
        ])
        if !statistics.records.isEmpty {
            var records = Table([
                .text("RECORD"), .number("COUNT"), .number("BYTES"), .number("BYTES EACH"),
            ])
            text +=
                "\n"
                + records.lines(
                    statistics.records.map { name, records in
                        [
                            name, String(records.count), String(records.byteCount),
                            String(records.byteCount / max(1, records.count)),
                        ]
                    })
        }
        var slots = Table([
            .number("SLOT"), .text("STATE"), .number("SNAPSHOT"), .number("LAST LSN"),
            .number("BYTES"), .number("PAGES"), .number("SEGMENTS"),
        ])
        text +=
            "\n" + slots.lines(statistics.snapshots.enumerated().map(SnapshotView.row))
        try Output.write(text)
    }

    /// One object for each type of record, one for each slot of a snapshot, and one for the whole.
    private func writeJSON(_ statistics: StoreStatistics) throws(Failure) {
        for (name, records) in statistics.records {
            try Output.writeLine(
                .object([
                    ("record", .text(name)), ("count", .number(records.count)),
                    ("bytes", .number(records.byteCount)),
                ]))
        }
        for (slot, content) in statistics.snapshots.enumerated() {
            try Output.writeLine(SnapshotView.json(slot, content))
        }
        try Output.writeLine(
            .object([
                ("segments", .number(statistics.segmentCount)),
                ("segment_bytes", .number(statistics.fileByteCount)),
                ("frame_bytes", .number(statistics.frameByteCount)),
                ("frames", .number(statistics.frameCount)),
                ("record_bytes", .number(statistics.recordByteCount)),
                ("payload_bytes", .number(statistics.payloadByteCount)),
                ("write_amplification", .optional(statistics.writeAmplification) { .decimal($0) }),
                ("live_jobs", .optional(statistics.live) { .number($0.count) }),
                ("live_bytes", .optional(statistics.live) { .number($0.byteCount) }),
                ("live_ratio", .optional(statistics.liveRatio) { .decimal($0) }),
                ("pages", .number(statistics.usedPageCount)),
                ("page_file_bytes", .number(statistics.pageFileByteCount)),
                ("state_unknown", .optional(statistics.unknown) { .text($0) }),
            ]))
    }

    /// With two decimals.
    static func text(_ value: Double) -> String {
        let hundredths = Int((value * 100).rounded())
        let rest = hundredths % 100
        return "\(hundredths / 100).\(rest < 10 ? "0" : "")\(rest)"
    }
}
