internal import ArgumentParser
internal import HoldfastConsole
internal import HoldfastRecords
internal import HoldfastSnapshots
internal import HoldfastStore
internal import HoldfastWAL

struct SegmentVerify: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract:
            "Reads every byte of the log, the snapshots and their pages, and names all damage; exit "
            + "code 4 where there is any.")

    @OptionGroup var store: OfflineOptions

    func run() async throws {
        let inspection = try store.open()
        let found = try store.inspecting { () throws(StoreFault) in try inspection.verify() }
        switch store.output.format {
        case .table: try writeTable(found, inspection)
        case .json: try writeJSON(found, inspection)
        }
        guard let first = found.damages.first else { return }
        throw Failure(
            .damage,
            "the store is damaged in \(counted(found.damages.count, "place")), first \(first); "
                + "restore the directory from a copy, or see `segment repair`")
    }

    private func writeTable(
        _ found: StoreVerification, _ inspection: StoreInspection
    ) throws(Failure) {
        guard !found.damages.isEmpty else {
            let ending = found.log.wasClosed ? "closed in order" : "not closed in order"
            try Output.write(
                "the log is whole: \(counted(found.log.segmentCount, "segment")), "
                    + "\(counted(found.log.byteCount, "byte")), "
                    + "\(counted(found.log.frameCount, "frame")), "
                    + "\(counted(found.log.recordCount, "record")), last LSN "
                    + "\(found.log.lastLSN), \(ending)\n"
                    + snapshotLine(found, inspection)
                    + "the state is whole: \(counted(found.jobCount ?? 0, "job")) not done"
                    + (found.isEveryJobChecked ? "\n" : ", too many to look at each\n")
                    + knownLines(found))
            return
        }
        var table = Table([
            .text("FILE"), .number("OFFSET"), .number("BYTES"), .text("LSNS"), .text("DAMAGE"),
        ])
        try Output.write(table.lines(found.damages.map(\.row)) + knownLines(found))
    }

    /// What a repair has left, which is no damage any more.
    private func knownLines(_ found: StoreVerification) -> String {
        var text = ""
        if !found.missing.isEmpty {
            text +=
                "since a repair LSN " + found.missing.map(\.text).joined(separator: ", ")
                + (found.missing.count > 1 ? " are" : " is") + " gone\n"
        }
        if !found.known.isEmpty {
            text +=
                "\(counted(found.known.count, "place")) that a repair has passed; -o json names each\n"
        }
        return text
    }

    private func snapshotLine(
        _ found: StoreVerification, _ inspection: StoreInspection
    ) -> String {
        guard let newest = inspection.snapshots.newest else {
            return "there is no snapshot; a start replays all of the log\n"
        }
        let kept = inspection.snapshots.previous == nil ? 1 : 2
        return "the snapshots are whole: \(kept), the newest number \(newest.number), last LSN "
            + "\(newest.lastLSN), \(counted(found.pages.pageCount, "page"))\n"
    }

    /// One object for each damage, one for each slot of a snapshot, and one for the whole.
    private func writeJSON(
        _ found: StoreVerification, _ inspection: StoreInspection
    ) throws(Failure) {
        try Output.write(found.damages.map { $0.json.text + "\n" }.joined())
        for damage in found.known {
            try Output.writeLine(damage.json(adding: [("known", .boolean(true))]))
        }
        for (slot, content) in inspection.snapshots.slots.enumerated() {
            try Output.writeLine(SnapshotView.json(slot, content))
        }
        try Output.writeLine(
            .object([
                ("whole", .boolean(found.damages.isEmpty)),
                ("damages", .number(found.damages.count)),
                ("known_damages", .number(found.known.count)),
                (
                    "missing",
                    .array(
                        found.missing.map {
                            .object([
                                ("first_lsn", .unsigned($0.lowerBound)),
                                ("last_lsn", .unsigned($0.upperBound)),
                            ])
                        })
                ),
                ("segments", .number(found.log.segmentCount)),
                ("bytes", .number(found.log.byteCount)),
                ("frames", .number(found.log.frameCount)),
                ("records", .number(found.log.recordCount)),
                ("last_lsn", .unsigned(found.log.lastLSN)),
                ("closed", .boolean(found.log.wasClosed)),
                ("pages", .number(found.pages.pageCount)),
                ("reachable_pages", .optional(found.reachablePageCount) { .number($0) }),
                ("every_job_checked", .boolean(found.isEveryJobChecked)),
                ("jobs", .optional(found.jobCount) { .number($0) }),
                ("state_unknown", .optional(found.unknown) { .text($0) }),
            ]))
    }
}

extension ClosedRange<LSN> {
    /// `7` or `7..9`.
    var text: String {
        count == 1 ? String(lowerBound) : "\(lowerBound)..\(upperBound)"
    }
}

extension StoreDamage {
    /// The cells of a table of damages.
    var row: [String] {
        [
            path ?? "", extent.map { String($0.lowerBound) } ?? "",
            extent.map { String($0.count) } ?? "", lsns.map { $0.text } ?? "none", reason,
        ]
    }

    var json: JSONValue { json(adding: []) }

    func json(adding more: [(name: String, value: JSONValue)]) -> JSONValue {
        var members: [(name: String, value: JSONValue)] = [
            ("damage", .text(reason)), ("path", .optional(path) { .text($0) }),
        ]
        switch self {
        case .log(let damage): members.append(("segment", .unsigned(damage.segmentNumber)))
        case .previousListing(let segment, _): members.append(("segment", .unsigned(segment)))
        case .page(let page): members.append(("page", .number(page.number)))
        case .slot(let slot, _, let number):
            members.append(("slot", .number(slot)))
            members.append(("snapshot", .optional(number) { .unsigned($0) }))
        case .state, .start: break
        }
        members += [
            ("offset", .optional(extent) { .number($0.lowerBound) }),
            ("bytes", .optional(extent) { .number($0.count) }),
            ("first_lsn", .optional(lsns) { .unsigned($0.lowerBound) }),
            ("last_lsn", .optional(lsns) { .unsigned($0.upperBound) }),
        ]
        return .object(members + more)
    }
}
