internal import Foundation
internal import HoldfastHarness

/// A Markdown page whose `console` blocks are to be true: commands behind `$ `, and below each what
/// it prints.
///
/// Job ids, lease tokens and points in time differ from run to run: in the page they stand for
/// those of the run, an id for the same one wherever it occurs, in commands too. `…` stands for any
/// text, and alone on a line for any lines.
struct ConsoleDocument {
    struct Command {
        let text: String
        let output: [String]
        /// Of the command in the page, from 1.
        let lineNumber: Int
    }

    enum Step {
        case run(Command)
        /// Where the page has `<!-- here the broker is stopped -->`.
        case stopBroker
    }

    let steps: [Step]

    init(_ text: String) throws {
        var steps: [Step] = []
        var isConsole = false
        var command: (text: String, output: [String], lineNumber: Int)?
        func end() {
            if let ended = command {
                steps.append(
                    .run(
                        Command(
                            text: ended.text, output: ended.output, lineNumber: ended.lineNumber)))
            }
            command = nil
        }
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false)
            .map(String.init).enumerated()
        {
            if line.hasPrefix("```") {
                end()
                isConsole = !isConsole && line == "```console"
            } else if line == "<!-- here the broker is stopped -->" {
                steps.append(.stopBroker)
            } else if isConsole, line.hasPrefix("$ ") {
                end()
                command = (String(line.dropFirst(2)), [], index + 1)
            } else if isConsole {
                guard var begun = command else {
                    throw TestFault("line \(index + 1): output without a command")
                }
                if line.hasPrefix("> "), begun.output.isEmpty {
                    begun.text += "\n" + line.dropFirst(2)
                } else {
                    begun.output.append(line)
                }
                command = begun
            }
        }
        self.steps = steps
    }
}

/// Which id or token of a run an id or token of the page stands for.
struct ConsoleBindings {
    private var values: [String: String] = [:]

    private static let names = #"\b(?:[0-9a-v]{26}|[0-9a-v]{16})\b"#
    private static let parts = try! NSRegularExpression(
        pattern: names
            + #"|\b\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ|\b\d{13}\b|…| {2,}"#)

    /// A command of the page, with what the run gave out so far.
    func bind(_ command: String) -> String {
        var text = command
        for (name, value) in values { text = text.replacingOccurrences(of: name, with: value) }
        return text
    }

    /// Whether the lines are what the page says; then its ids stand for theirs.
    mutating func match(_ expected: [String], _ actual: [String]) -> Bool {
        var bindings = self
        guard bindings.matchAll(expected[...], actual[...]) else { return false }
        self = bindings
        return true
    }

    private mutating func matchAll(
        _ expected: ArraySlice<String>, _ actual: ArraySlice<String>
    ) -> Bool {
        guard let first = expected.first else { return actual.isEmpty }
        if first == "…" {
            return (actual.startIndex...actual.endIndex).contains { start in
                var bindings = self
                guard bindings.matchAll(expected.dropFirst(), actual[start...]) else {
                    return false
                }
                self = bindings
                return true
            }
        }
        guard let line = actual.first, matchLine(first, line) else { return false }
        return matchAll(expected.dropFirst(), actual.dropFirst())
    }

    private mutating func matchLine(_ expected: String, _ actual: String) -> Bool {
        let text = expected as NSString
        var pattern = "^"
        var groups: [String] = []
        var end = 0
        for found in Self.parts.matches(
            in: expected, range: NSRange(location: 0, length: text.length))
        {
            let between = text.substring(
                with: NSRange(location: end, length: found.range.location - end))
            pattern += NSRegularExpression.escapedPattern(for: between)
            end = found.range.location + found.range.length
            let part = text.substring(with: found.range)
            switch part.first {
            case "…": pattern += ".+"
            case " ": pattern += " {2,}"
            default:
                if part.count == 13 {
                    pattern += #"\d{13}"#
                } else if part.hasSuffix("Z") {
                    pattern += #"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ"#
                } else if let value = values[part] {
                    pattern += value
                } else if let group = groups.firstIndex(of: part) {
                    pattern += "\\\(group + 1)"
                } else {
                    groups.append(part)
                    pattern += "([0-9a-v]{\(part.count)})"
                }
            }
        }
        pattern += NSRegularExpression.escapedPattern(for: text.substring(from: end)) + "$"
        let line = actual as NSString
        guard let regex = try? NSRegularExpression(pattern: pattern),
            let match = regex.firstMatch(
                in: actual, range: NSRange(location: 0, length: line.length))
        else { return false }
        for (index, group) in groups.enumerated() {
            let value = line.substring(with: match.range(at: index + 1))
            // Two ids of the page never stand for one of the run.
            guard !values.values.contains(value) else { return false }
            values[group] = value
        }
        return true
    }
}
