import HoldfastSimulation

/// What an exploration has done and found.
package struct ExplorationReport: SeedReport {
    package var seedCount = 0
    package var momentCount = 0
    /// States made, and how many of them were unlike all others.
    package var stateCount = 0
    package var distinctCount = 0
    /// States at which a crash came, by what was going on.
    package var crossings: [Crossing: Int] = [:]
    package var violations: [Violation] = []

    package struct Violation: Sendable, CustomStringConvertible {
        /// The line that repeats it.
        package let command: String
        /// nil where it came without a crash.
        package let place: Explorer.Place?
        package let state: String
        package let faults: [String]

        package var description: String {
            "\(command)  # \(state): " + faults.prefix(3).joined(separator: "; ")
        }
    }

    package init() {}

    package mutating func merge(_ other: ExplorationReport) {
        seedCount += other.seedCount
        momentCount += other.momentCount
        stateCount += other.stateCount
        distinctCount += other.distinctCount
        crossings.merge(other.crossings, uniquingKeysWith: +)
        violations += other.violations
    }

    mutating func cross(_ kinds: [Crossing]) {
        for kind in kinds { crossings[kind, default: 0] += 1 }
    }

    /// Those that a crash never came to.
    package func missing(_ required: Set<Crossing>) -> [Crossing] {
        Crossing.allCases.filter { required.contains($0) && crossings[$0, default: 0] == 0 }
    }

    package var summary: String {
        "\(seedCount) seeds, \(momentCount) moments, \(stateCount) states, "
            + "\(distinctCount) distinct, \(violations.count) violations"
    }

    /// Summary, crossings, and what is wrong.
    package func text(required: Set<Crossing>) -> String {
        var lines = [summary]
        for kind in Crossing.allCases {
            let count = crossings[kind, default: 0]
            if count > 0 || required.contains(kind) {
                let digits = String(count)
                lines.append(
                    String(repeating: " ", count: max(0, 12 - digits.count)) + digits + "  "
                        + kind.rawValue)
            }
        }
        for kind in missing(required) { lines.append("never crossed: \(kind.rawValue)") }
        lines += violations.map(\.description)
        return lines.joined(separator: "\n")
    }

    // MARK: Kept between runs

    /// One line that `init(line:)` reads; violations are left out.
    package var line: String {
        var words = ["\(seedCount) \(momentCount) \(stateCount) \(distinctCount)"]
        for (index, kind) in Crossing.allCases.enumerated() {
            if let count = crossings[kind] { words.append("\(index)=\(count)") }
        }
        return words.joined(separator: " ")
    }

    /// - Returns: nil where the line is none.
    package init?(line: Substring) {
        let words = line.split(separator: " ")
        let numbers = words.prefix(4).compactMap { Int($0) }
        guard numbers.count == 4 else { return nil }
        (seedCount, momentCount, stateCount, distinctCount) = (
            numbers[0], numbers[1], numbers[2], numbers[3]
        )
        for word in words.dropFirst(4) {
            let parts = word.split(separator: "=").compactMap { Int($0) }
            guard parts.count == 2, Crossing.allCases.indices.contains(parts[0]) else { return nil }
            crossings[Crossing.allCases[parts[0]]] = parts[1]
        }
    }
}
