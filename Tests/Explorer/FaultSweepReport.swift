/// What has been swept and found.
package struct SweepReport: Sendable {
    package private(set) var runCount = 0
    /// How often each fault came to what, over all workloads.
    package private(set) var counts: [SweepFault: [SweepOutcome: Int]] = [:]
    package private(set) var runCounts: [SweepWorkload: Int] = [:]
    package private(set) var violations: [String] = []

    package init() {}

    /// Does one fault, if it can concern that call, and counts what came of it.
    package mutating func judge(_ fault: SweepFault, at call: Int, of subject: SweepSubject) {
        guard let verdict = SweepJudge.judge(fault, at: call, of: subject) else { return }
        runCount += 1
        runCounts[subject.workload, default: 0] += 1
        counts[fault, default: [:]][verdict.outcome, default: 0] += 1
        guard !verdict.faults.isEmpty else { return }
        violations.append(
            "\(subject.command(fault, call))  # \(subject.calls[call - 1]): "
                + "\(verdict.outcome.rawValue), "
                + verdict.faults.prefix(8).joined(separator: "; "))
    }

    package mutating func merge(_ other: SweepReport) {
        runCount += other.runCount
        runCounts.merge(other.runCounts, uniquingKeysWith: +)
        for (fault, outcomes) in other.counts {
            counts[fault, default: [:]].merge(outcomes, uniquingKeysWith: +)
        }
        violations += other.violations
    }

    package func count(_ outcome: SweepOutcome) -> Int {
        counts.values.reduce(0) { $0 + ($1[outcome] ?? 0) }
    }

    /// Those that were never met with.
    package var missing: [SweepFault] { SweepFault.allCases.filter { counts[$0] == nil } }

    /// A line for each fault, a column for each outcome.
    package var table: String {
        func line(_ name: String, _ cells: [String]) -> String {
            name + String(repeating: " ", count: max(0, 20 - name.count))
                + cells.map { String(repeating: " ", count: max(1, 12 - $0.count)) + $0 }.joined()
        }
        var lines = [line("", ["runs"] + SweepOutcome.allCases.map(\.rawValue))]
        for fault in SweepFault.allCases {
            guard let outcomes = counts[fault] else { continue }
            let cells =
                [outcomes.values.reduce(0, +)] + SweepOutcome.allCases.map { outcomes[$0] ?? 0 }
            lines.append(line(fault.rawValue, cells.map { String($0) }))
        }
        lines.append(line("all", ([runCount] + SweepOutcome.allCases.map(count)).map { "\($0)" }))
        return lines.joined(separator: "\n")
    }
}
