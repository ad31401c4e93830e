internal import Foundation

/// A value as it is written in JSON: an object's members keep the order in which they were given, so
/// that the output is stable.
package enum JSONValue: Sendable {
    case null
    case boolean(Bool)
    case number(Int64)
    case unsigned(UInt64)
    /// Written with four digits behind the point at most.
    case decimal(Double)
    case text(String)
    case array([JSONValue])
    case object([(name: String, value: JSONValue)])

    package static func number(_ value: some BinaryInteger) -> JSONValue {
        .number(Int64(clamping: value))
    }

    /// `null` for nil.
    package static func optional<Value>(
        _ value: Value?, _ make: (Value) -> JSONValue
    ) -> JSONValue {
        value.map(make) ?? .null
    }

    /// On one line, without spaces.
    package var text: String {
        var text = ""
        write(to: &text)
        return text
    }

    private func write(to text: inout String) {
        switch self {
        case .null: text += "null"
        case .boolean(let value): text += value ? "true" : "false"
        case .number(let number): text += String(number)
        case .unsigned(let number): text += String(number)
        case .decimal(let number): text += Self.text(number)
        case .text(let value): Self.write(value, to: &text)
        case .array(let values):
            text += "["
            for (position, value) in values.enumerated() {
                if position > 0 { text += "," }
                value.write(to: &text)
            }
            text += "]"
        case .object(let members):
            text += "{"
            for (position, member) in members.enumerated() {
                if position > 0 { text += "," }
                Self.write(member.name, to: &text)
                text += ":"
                member.value.write(to: &text)
            }
            text += "}"
        }
    }

    /// No exponent, and `null` for what is no number in JSON.
    private static func text(_ number: Double) -> String {
        guard abs(number) < 1e14 else { return "null" }
        let scaled = Int64((abs(number) * 10_000).rounded())
        let sign = number < 0 && scaled > 0 ? "-" : ""
        var fraction = String(scaled % 10_000 + 10_000).dropFirst()
        while fraction.last == "0" { fraction.removeLast() }
        return sign + String(scaled / 10_000) + (fraction.isEmpty ? "" : ".\(fraction)")
    }

    private static func write(_ value: String, to text: inout String) {
        text += "\""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            case "\r": text += "\\r"
            case "\t": text += "\\t"
            // The control characters behind ASCII need no escape in JSON, but terminals obey them.
            case "\u{00}"..<" ", "\u{7F}"..."\u{9F}":
                text += "\\u" + Escape.hexadecimal(scalar.value, digitCount: 4)
            default: text.unicodeScalars.append(scalar)
            }
        }
        text += "\""
    }
}

extension JSONValue {
    /// A member for bytes that are mostly text: under `name` where they are UTF-8, else in base64
    /// under `name_base64`.
    package static func member(
        _ name: String, bytes: [UInt8]
    ) -> (name: String, value: JSONValue) {
        if let text = String(validating: bytes, as: UTF8.self) { return (name, .text(text)) }
        return (name + "_base64", .text(Data(bytes).base64EncodedString()))
    }
}
