internal import HoldfastClient
internal import HoldfastConsole
internal import HoldfastModel

/// What became of the tokens or ids that a command named: one line each, and a failure where any of
/// them was refused.
struct ItemResults {
    private let results: [(item: String, result: LeaseResult)]
    /// `token` or `job`.
    private let itemName: String
    private let showsRemaining: Bool

    init(_ tokens: [LeaseToken], _ results: [LeaseResult], showsRemaining: Bool = false) {
        itemName = "token"
        self.results = Array(zip(tokens.lazy.map(\.description), results))
        self.showsRemaining = showsRemaining
    }

    init(_ ids: [JobID], _ results: [LeaseResult]) {
        itemName = "job"
        self.results = Array(zip(ids.lazy.map(\.description), results))
        showsRemaining = false
    }

    func write(_ format: OutputOptions.Format) throws(Failure) {
        switch format {
        case .json: try Output.write(results.map { json($0, $1).text + "\n" }.joined())
        case .table: try writeTable()
        }
        let refused = results.filter { $0.result.refusal != nil }
        guard let first = refused.first, let refusal = first.result.refusal else { return }
        let others = refused.count == 1 ? "" : ", and \(counted(refused.count - 1, "other"))"
        throw Failure(
            .refused,
            "refused: \(itemName) \(first.item)\(others): \(refusal.advice) (\(refusal.name))")
    }

    private func writeTable() throws(Failure) {
        var columns: [Table.Column] = [.text(itemName.uppercased()), .text("RESULT")]
        if showsRemaining { columns.append(.text("REMAINING")) }
        var table = Table(columns)
        try Output.write(
            table.lines(
                results.map { item, result in
                    var row = [item, words(result)]
                    if showsRemaining {
                        row.append(
                            result.refusal == nil
                                ? DurationText.rough(
                                    milliseconds: result.remaining.wholeMilliseconds)
                                : "")
                    }
                    return row
                }))
    }

    private func words(_ result: LeaseResult) -> String {
        if let refusal = result.refusal { return refusal.name }
        var words = ["ok"]
        if result.isLate { words.append("late") }
        if result.isDuplicate { words.append("duplicate") }
        if result.mustStop { words.append("must stop") }
        return words.joined(separator: ", ")
    }

    private func json(_ item: String, _ result: LeaseResult) -> JSONValue {
        var members: [(name: String, value: JSONValue)] = [
            (itemName, .text(item)),
            ("result", .text(result.refusal?.name ?? "ok")),
            ("late", .boolean(result.isLate)),
            ("duplicate", .boolean(result.isDuplicate)),
        ]
        if showsRemaining {
            members.append(("remaining_ms", .number(result.remaining.wholeMilliseconds)))
        }
        return .object(members)
    }
}

extension Duration {
    var wholeMilliseconds: Int64 {
        let (seconds, attoseconds) = components
        return seconds * 1_000 + attoseconds / 1_000_000_000_000_000
    }
}

extension RefusalCode {
    /// What it means for one token or id, and what to do.
    fileprivate var advice: String {
        switch self {
        case .unknownLease:
            "this broker never gave out the token; is --broker the one it was leased from?"
        case .leaseLost:
            "the lease has ended and the job may be with somebody else; lease it again"
        case .alreadyDone: "the job is done already"
        case .unknownJob:
            "this broker never gave out the id; is --broker the one it was enqueued at?"
        case .wrongState: "the job is in a state that does not allow this; see `job show`"
        default: "the broker said no"
        }
    }
}
