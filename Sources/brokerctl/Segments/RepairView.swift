internal import HoldfastConsole
internal import HoldfastModel
internal import HoldfastRecords
internal import HoldfastStore

/// A repair as people and programs are shown it.
enum RepairView {
    /// Lines of one kind that people are shown; programs get all there are.
    private static let lineCountMax = 20

    // MARK: For people

    static func text(_ report: RepairReport, _ key: StoreKey) -> String {
        guard report.isNeeded else { return "there is nothing to repair\n" }
        var table = Table([
            .text("FILE"), .number("OFFSET"), .number("BYTES"), .text("LSNS"), .text("DAMAGE"),
        ])
        var text = table.lines(report.damages.prefix(lineCountMax).map(\.row))
        text += rest(report.damages.count)
        text += "\n" + Table.list(entries(report).map { (name: $0.0, value: $0.1) })
        text += list("records that are gone", report.missing.map { ids($0, key) })
        text += list("lost jobs", report.lostJobs, key)
        text += list("jobs whose payload is gone", report.unreadableJobs, key)
        text += list("jobs that are leased again", report.voidedJobs, key)
        text += list(
            "in quarantine", report.quarantined.map { "\($0.path), \($0.byteCount) bytes" })
        if report.isWritten, report.obstacle == nil {
            text += "\nrepaired. The broker can be started.\n"
        } else if !report.isWritten, report.obstacle == nil {
            text += "\nnothing was changed; --write does it\n"
        }
        return text
    }

    private static func entries(_ report: RepairReport) -> [(String, String)] {
        var entries = [
            ("a start", report.cause.map { "is refused: \($0)" } ?? "is not refused"),
            ("records gone", String(report.missingRecordCount)),
            ("jobs known to be lost", String(report.lostJobs.count)),
            ("jobs without a payload", String(report.unreadableJobs.count)),
            ("leases void", String(report.voidedJobs.count)),
            ("may have been done", String(report.doubtfulJobCount)),
            ("jobs not done", String(report.jobCount)),
            ("bytes without a copy", String(report.uncopiedByteCount)),
            ("left as they are", counted(report.remaining.count, "place")),
        ]
        if let rebuilt = report.rebuilt {
            entries.insert(("state", "made anew from the log: \(rebuilt.cause)"), at: 1)
        }
        return entries
    }

    private static func list(_ title: String, _ jobs: NamedJobs, _ key: StoreKey) -> String {
        list(title, jobs.first.map { "\(key.jobID($0))  LSN \($0)" }, of: jobs.count)
    }

    private static func list(_ title: String, _ lines: [String], of count: Int? = nil) -> String {
        if lines.isEmpty { return "" }
        return "\n\(title):\n"
            + lines.prefix(lineCountMax).map { "  \(Escape.line($0))\n" }.joined()
            + rest(count ?? lines.count)
    }

    private static func rest(_ count: Int) -> String {
        count > lineCountMax ? "  … and \(count - lineCountMax) more; -o json has them\n" : ""
    }

    /// A job's id is its birth's number: these are the ids of all jobs that the records may have born.
    private static func ids(_ range: ClosedRange<LSN>, _ key: StoreKey) -> String {
        let (first, last) = (key.jobID(range.lowerBound), key.jobID(range.upperBound))
        return range.count == 1
            ? "LSN \(range.text), job \(first) if it was one"
            : "LSN \(range.text), jobs from \(first) to \(last)"
    }

    // MARK: For programs

    static func json(_ report: RepairReport, _ key: StoreKey) -> JSONValue {
        .object([
            ("needed", .boolean(report.isNeeded)),
            ("written", .boolean(report.isWritten)),
            ("start_refused", .optional(report.cause) { .text($0) }),
            ("damages", .array(report.damages.map(\.json))),
            ("missing_records", .unsigned(report.missingRecordCount)),
            ("missing", .array(report.missing.map { json($0, key) })),
            ("lost_jobs", json(report.lostJobs, key)),
            ("unreadable_jobs", json(report.unreadableJobs, key)),
            ("voided_leases", json(report.voidedJobs, key)),
            ("doubtful_jobs", .number(report.doubtfulJobCount)),
            ("jobs", .number(report.jobCount)),
            ("rebuilt", .boolean(report.rebuilt != nil)),
            (
                "quarantined",
                .array(
                    report.quarantined.map {
                        .object([("path", .text($0.path)), ("bytes", .number($0.byteCount))])
                    })
            ),
            ("uncopied_bytes", .number(report.uncopiedByteCount)),
            ("remaining", .array(report.remaining.map(\.json))),
            ("obstacle", .optional(report.obstacle) { .text($0) }),
        ])
    }

    private static func json(_ range: ClosedRange<LSN>, _ key: StoreKey) -> JSONValue {
        .object([
            ("first_lsn", .unsigned(range.lowerBound)), ("last_lsn", .unsigned(range.upperBound)),
            ("first_job", .text("\(key.jobID(range.lowerBound))")),
            ("last_job", .text("\(key.jobID(range.upperBound))")),
        ])
    }

    /// How many there are, and the first thousand.
    private static func json(_ jobs: NamedJobs, _ key: StoreKey) -> JSONValue {
        .object([
            ("count", .number(jobs.count)),
            ("jobs", .array(jobs.first.map { .text("\(key.jobID($0))") })),
        ])
    }
}
