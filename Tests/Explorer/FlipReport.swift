/// What became of a store with one bit flipped.
package enum FlipOutcome: String, Sendable, CaseIterable {
    /// The opening says what is damaged, and changes nothing.
    case refused
    /// The last commit was taken for one that a crash had torn, which cannot be told apart.
    case cut
    /// Opened; whoever comes to the page is told that it is damaged.
    case page
    /// Opened; whoever asks for the job is told that its birth is damaged.
    case birth
    /// All is as it was, and verify names the damage.
    case named
    /// All is as it was, and nobody says a word.
    case silent

    /// Whether something is lost that was there.
    var isHarmful: Bool {
        switch self {
        case .refused, .cut, .page, .birth: true
        case .named, .silent: false
        }
    }
}

/// What has been flipped and found.
package struct FlipReport: Sendable {
    package var flipCount = 0
    package var counts: [StoreFileKind: [FlipOutcome: Int]] = [:]
    package var violations: [String] = []

    package init() {}

    /// Does one flip and counts what came of it.
    package mutating func judge(_ number: Int, of subject: FlipSubject) {
        guard let place = subject.place(number),
            let verdict = FlipJudge.judge(number, of: subject)
        else { return }
        flipCount += 1
        counts[place.kind, default: [:]][verdict.outcome, default: 0] += 1
        guard !verdict.faults.isEmpty else { return }
        violations.append(
            "\(subject.command(number))  # \(place): \(verdict.outcome), "
                + verdict.faults.prefix(3).joined(separator: "; "))
    }

    package mutating func merge(_ other: FlipReport) {
        flipCount += other.flipCount
        for (kind, outcomes) in other.counts {
            counts[kind, default: [:]].merge(outcomes, uniquingKeysWith: +)
        }
        violations += other.violations
    }

    package func count(_ outcome: FlipOutcome) -> Int {
        counts.values.reduce(0) { $0 + ($1[outcome] ?? 0) }
    }

    /// Kinds of which no bit was flipped.
    package var missing: [StoreFileKind] {
        StoreFileKind.allCases.filter { StoreFileKind.required.contains($0) && counts[$0] == nil }
    }

    /// A line for each kind of place, a column for each outcome.
    package var table: String {
        func cell(_ text: String, _ width: Int) -> String {
            String(repeating: " ", count: max(1, width - text.count)) + text
        }
        func line(_ name: String, _ cells: [String]) -> String {
            name + String(repeating: " ", count: max(0, 18 - name.count))
                + cells.map { cell($0, 10) }.joined()
        }
        var lines = [line("", ["flips"] + FlipOutcome.allCases.map(\.rawValue))]
        for kind in StoreFileKind.allCases {
            guard let outcomes = counts[kind] else { continue }
            lines.append(
                line(
                    kind.rawValue,
                    ([outcomes.values.reduce(0, +)]
                        + FlipOutcome.allCases.map { outcomes[$0] ?? 0 })
                        .map { String($0) }))
        }
        lines.append(
            line("all", ([flipCount] + FlipOutcome.allCases.map(count)).map { String($0) }))
        return lines.joined(separator: "\n")
    }
}
