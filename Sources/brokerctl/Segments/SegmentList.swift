internal import ArgumentParser
internal import HoldfastConsole
internal import HoldfastRecords
internal import HoldfastWAL

struct SegmentList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "The segments of the log, oldest first.")

    @OptionGroup var store: OfflineOptions

    func run() async throws {
        let log = try store.open().log
        let segments = try store.reading { () throws(LogError) in try log.segments() }
        switch store.output.format {
        case .table:
            var table = Table([
                .number("SEGMENT"), .text("STATE"), .number("BYTES"), .number("USED"),
                .number("FIRST LSN"), .number("LAST LSN"), .number("EPOCH"), .text("BEGUN"),
            ])
            try Output.write(table.lines(segments.map(row)))
        case .json: try Output.write(segments.map { json($0).text + "\n" }.joined())
        }
        let unreadable = segments.filter { $0.state == .unreadable }
        if let first = unreadable.first {
            throw Failure(
                .damage,
                "\(first.path) cannot be read as a segment; `segment verify` says what is damaged")
        }
    }

    private func row(_ segment: LogInspection.Segment) -> [String] {
        [
            String(segment.number), segment.state.rawValue, String(segment.byteCount),
            String(segment.usedByteCount), segment.lsns.map { String($0.lowerBound) } ?? "",
            segment.lsns.map { String($0.upperBound) } ?? "",
            segment.epoch.map { String($0) } ?? "",
            (segment.start?.wallMilliseconds).map(TimeText.utc) ?? "",
        ]
    }

    private func json(_ segment: LogInspection.Segment) -> JSONValue {
        .object([
            ("segment", .unsigned(segment.number)),
            ("path", .text(segment.path)),
            ("state", .text(segment.state.rawValue)),
            ("bytes", .number(segment.byteCount)),
            ("used_bytes", .number(segment.usedByteCount)),
            ("first_lsn", .optional(segment.lsns) { .unsigned($0.lowerBound) }),
            ("last_lsn", .optional(segment.lsns) { .unsigned($0.upperBound) }),
            ("epoch", .optional(segment.epoch) { .number($0) }),
            ("begun_ms", .optional(segment.start) { .number($0.wallMilliseconds) }),
            ("software_version", .optional(segment.start) { .text($0.softwareVersion) }),
        ])
    }
}
