internal import ArgumentParser
internal import HoldfastConsole
internal import HoldfastWAL

struct SegmentVerify: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract:
            "Reads every byte of the log and names all damage; exit code 4 where there is any.")

    @OptionGroup var store: OfflineOptions

    func run() async throws {
        let log = try store.open().log
        var damages: [LogDamage] = []
        let summary = try store.reading { () throws(LogError) in
            try log.verify { damages.append($0) }
        }
        switch store.output.format {
        case .table: try writeTable(damages, summary)
        case .json: try writeJSON(damages, summary)
        }
        guard let first = damages.first else { return }
        throw Failure(
            .damage,
            "the log is damaged in \(counted(damages.count, "place")), first \(first); restore the directory from a copy"
        )
    }

    private func writeTable(
        _ damages: [LogDamage], _ summary: LogInspection.Summary
    ) throws(Failure) {
        guard !damages.isEmpty else {
            let ending = summary.wasClosed ? "closed in order" : "not closed in order"
            try Output.write(
                "the log is whole: \(counted(summary.segmentCount, "segment")), "
                    + "\(counted(summary.byteCount, "byte")), "
                    + "\(counted(summary.frameCount, "frame")), "
                    + "\(counted(summary.recordCount, "record")), last LSN "
                    + "\(summary.lastLSN), \(ending)\n")
            return
        }
        var table = Table([
            .text("FILE"), .number("OFFSET"), .number("BYTES"), .text("LSNS"), .text("DAMAGE"),
        ])
        try Output.write(
            table.lines(
                damages.map {
                    [
                        $0.path, String($0.offset), String($0.byteCount), $0.lsnText,
                        $0.kind.rawValue,
                    ]
                }))
    }

    /// One object for each damage, and one for the whole.
    private func writeJSON(
        _ damages: [LogDamage], _ summary: LogInspection.Summary
    ) throws(Failure) {
        try Output.write(damages.map { $0.json.text + "\n" }.joined())
        try Output.writeLine(
            .object([
                ("whole", .boolean(damages.isEmpty)),
                ("damages", .number(damages.count)),
                ("segments", .number(summary.segmentCount)),
                ("bytes", .number(summary.byteCount)),
                ("frames", .number(summary.frameCount)),
                ("records", .number(summary.recordCount)),
                ("last_lsn", .unsigned(summary.lastLSN)),
                ("closed", .boolean(summary.wasClosed)),
            ]))
    }
}

extension LogDamage {
    /// `7`, `7..9`, or nothing.
    fileprivate var lsnText: String {
        guard let lsns else { return "none" }
        return lsns.count == 1
            ? String(lsns.lowerBound) : "\(lsns.lowerBound)..\(lsns.upperBound)"
    }

    var json: JSONValue {
        .object([
            ("damage", .text(kind.rawValue)),
            ("segment", .unsigned(segmentNumber)),
            ("path", .text(path)),
            ("offset", .number(offset)),
            ("bytes", .number(byteCount)),
            ("first_lsn", .optional(lsns) { .unsigned($0.lowerBound) }),
            ("last_lsn", .optional(lsns) { .unsigned($0.upperBound) }),
        ])
    }
}
