/// Durations as people write them: a whole number and its unit, `500ms`, `10s`, `5m`, `2h`, `1d`.
package enum DurationText {
    /// A text that is no duration.
    package struct Fault: Error, Hashable, Sendable, CustomStringConvertible {
        package let description: String
    }

    /// From the longest to the shortest.
    private static let units: [(name: String, milliseconds: Int64)] = [
        ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1),
    ]

    /// Reads a duration.
    ///
    /// A number alone is not taken: whether seconds or milliseconds were meant cannot be seen.
    package static func milliseconds(_ text: String) throws(Fault) -> Int64 {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        let unitName = text[digits.endIndex...]
        guard !digits.isEmpty else {
            throw Fault(
                description: "'\(Escape.line(text))' is no duration; "
                    + "write a whole number and its unit: 500ms, 10s, 5m, 2h, 1d")
        }
        guard !unitName.isEmpty else {
            throw Fault(
                description: "'\(digits)' has no unit; write \(digits)s for seconds or "
                    + "\(digits)ms for milliseconds (units: ms, s, m, h, d)")
        }
        guard let unit = units.first(where: { $0.name == unitName }) else {
            throw Fault(
                description: "'\(Escape.line(text))' is no duration; "
                    + "the units are ms, s, m, h and d, after a whole number: 500ms, 10s, 5m")
        }
        guard let number = Int64(digits),
            case let (milliseconds, overflow) = number.multipliedReportingOverflow(
                by: unit.milliseconds), !overflow
        else {
            throw Fault(description: "'\(text)' is too long a duration")
        }
        return milliseconds
    }

    /// As it is written on a command line, exactly: the largest unit that goes into it.
    package static func exact(milliseconds: Int64) -> String {
        for unit in units where milliseconds % unit.milliseconds == 0 && milliseconds != 0 {
            return "\(milliseconds / unit.milliseconds)\(unit.name)"
        }
        return "0s"
    }

    /// For people who want to know about how long: at most two units, cut and not rounded.
    package static func rough(milliseconds: Int64) -> String {
        guard milliseconds >= 1_000 else { return "\(max(milliseconds, 0))ms" }
        var rest = milliseconds
        var parts: [String] = []
        for unit in units.dropLast() where rest >= unit.milliseconds {
            parts.append("\(rest / unit.milliseconds)\(unit.name)")
            rest %= unit.milliseconds
            if parts.count == 2 { break }
        }
        return parts.joined(separator: " ")
    }
}
