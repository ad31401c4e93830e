internal import ArgumentParser
internal import Glibc
internal import HoldfastConsole
internal import HoldfastRecords
internal import HoldfastStore
internal import HoldfastWAL

struct SegmentList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "The segments of the log, oldest first, and what of them is still of use.")

    @OptionGroup var store: OfflineOptions

    func run() async throws {
        let inspection = try store.open()
        let uses = try store.reading { () throws(LogError) in try inspection.segmentUses() }
        let now = Self.wallMilliseconds()
        switch store.output.format {
        case .table:
            var table = Table([
                .number("SEGMENT"), .text("STATE"), .number("BYTES"), .number("USED"),
                .number("LIVE"), .number("DEAD"), .number("JOBS"), .number("DONE"),
                .number("FIRST LSN"), .number("LAST LSN"), .number("EPOCH"), .number("AGE"),
            ])
            try Output.write(table.lines(uses.segments.map { row($0, now) }))
        case .json: try Output.write(uses.segments.map { json($0, now).text + "\n" }.joined())
        }
        if let unreadable = uses.segments.first(where: { $0.segment.state == .unreadable }) {
            throw Failure(
                .damage,
                "\(unreadable.segment.path) cannot be read as a segment; `segment verify` says "
                    + "what is damaged")
        }
        if let unknown = uses.unknown {
            throw Failure(.damage, "which jobs are not done is not known: \(unknown)")
        }
    }

    private func row(_ use: SegmentUse, _ now: Int64) -> [String] {
        let segment = use.segment
        return [
            String(segment.number), use.isPlaceKnown ? segment.state.rawValue : "?",
            String(segment.byteCount),
            String(segment.usedByteCount), use.liveByteCount.text, use.deadByteCount.text,
            use.liveCount.text, use.doneCount.text,
            segment.lsns.map { String($0.lowerBound) } ?? "",
            segment.lsns.map { String($0.upperBound) } ?? "",
            segment.epoch.map { String($0) } ?? "",
            Self.age(segment, now).map { DurationText.rough(milliseconds: $0) } ?? "",
        ]
    }

    private func json(_ use: SegmentUse, _ now: Int64) -> JSONValue {
        let segment = use.segment
        return .object([
            ("segment", .unsigned(segment.number)),
            ("path", .text(segment.path)),
            ("state", use.isPlaceKnown ? .text(segment.state.rawValue) : .null),
            ("bytes", .number(segment.byteCount)),
            ("used_bytes", .number(segment.usedByteCount)),
            ("live_bytes", .optional(use.liveByteCount) { .number($0) }),
            ("dead_bytes", .optional(use.deadByteCount) { .number($0) }),
            ("live_jobs", .optional(use.liveCount) { .number($0) }),
            ("done_jobs", .optional(use.doneCount) { .number($0) }),
            ("first_lsn", .optional(segment.lsns) { .unsigned($0.lowerBound) }),
            ("last_lsn", .optional(segment.lsns) { .unsigned($0.upperBound) }),
            ("epoch", .optional(segment.epoch) { .number($0) }),
            ("begun_ms", .optional(segment.start) { .number($0.wallMilliseconds) }),
            ("age_ms", .optional(Self.age(segment, now)) { .number($0) }),
            ("software_version", .optional(segment.start) { .text($0.softwareVersion) }),
        ])
    }

    private static func age(_ segment: LogInspection.Segment, _ now: Int64) -> Int64? {
        segment.start.map { start in
            let (age, isOverflow) = now.subtractingReportingOverflow(start.wallMilliseconds)
            return isOverflow ? 0 : max(0, age)
        }
    }

    /// The wall clock, by which the segments' STARTs say when they were begun.
    private static func wallMilliseconds() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000
    }
}

extension Int? {
    /// The number, or `?` where it is not known.
    var text: String { map { String($0) } ?? "?" }
}
