internal import Foundation

/// A line of a file of jobs: an object with `payload`, or `payload_base64`, and the options of
/// `enqueue` by their long names.
package enum JobLine {
    /// Why a line is no job.
    package struct Fault: Error, Hashable, Sendable, CustomStringConvertible {
        package let description: String
    }

    /// Reads a line.
    ///
    /// - Parameter defaults: what holds where the line says nothing.
    /// - Returns: nil where the line is blank.
    package static func read(
        _ line: ArraySlice<UInt8>, defaults: JobDraft = JobDraft()
    ) throws(Fault) -> JobDraft? {
        if line.allSatisfy({ $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }) { return nil }
        do throws(JSONScanner.Fault) {
            return try draft(JSONScanner.members(of: line), defaults)
        } catch {
            throw Fault(description: error.message)
        }
    }

    private static func draft(
        _ members: [JSONScanner.Member], _ defaults: JobDraft
    ) throws(JSONScanner.Fault) -> JobDraft {
        var draft = defaults
        var hasPayload = false
        for (name, value) in members.lazy.map({ ($0.name, $0.value) }) {
            switch name {
            case "payload", "payload_base64":
                guard !hasPayload else { throw .init(message: "two payloads") }
                draft.payload = try name == "payload" ? payload(value) : decoded(text(value, name))
                hasPayload = true
            case "kind":
                draft.kind = try text(value, name)
            case "delay":
                draft.delayMilliseconds = try delay(value)
            case "priority":
                draft.priority = try number(value, name, 0...15)
            case "attempts":
                draft.attempts = try number(value, name, 1...1_000_000)
            case "header":
                draft.headers = try headers(value)
            default:
                throw .init(
                    message: "\"\(Escape.line(name))\" is not known; a line has payload or "
                        + "payload_base64, and may have kind, delay, priority, attempts, header")
            }
        }
        guard hasPayload else { throw .init(message: "there is no \"payload\"") }
        return draft
    }

    private static func payload(_ value: JSONScanner.Value) throws(JSONScanner.Fault) -> [UInt8] {
        switch value {
        case .text(let text): return Array(text.utf8)
        case .object(let raw), .array(let raw), .word(let raw):
            guard String(validating: raw, as: UTF8.self) != nil else {
                throw .init(message: "the payload is not UTF-8")
            }
            return Array(raw)
        }
    }

    private static func decoded(_ text: String) throws(JSONScanner.Fault) -> [UInt8] {
        guard let data = Data(base64Encoded: text) else {
            throw .init(message: "\"payload_base64\" is not base64")
        }
        return Array(data)
    }

    private static func text(
        _ value: JSONScanner.Value, _ name: String
    ) throws(JSONScanner.Fault) -> String {
        guard case .text(let text) = value else {
            throw .init(message: "\"\(name)\" is not a string")
        }
        return text
    }

    private static func delay(_ value: JSONScanner.Value) throws(JSONScanner.Fault) -> Int64 {
        let text =
            switch value {
            case .text(let text): text
            // A number alone gets the same hint as on the command line.
            case .word(let raw), .object(let raw), .array(let raw):
                String(decoding: raw, as: UTF8.self)
            }
        do throws(DurationText.Fault) {
            return try DurationText.milliseconds(text)
        } catch {
            throw .init(message: "\"delay\": \(error)")
        }
    }

    private static func number<Number: FixedWidthInteger>(
        _ value: JSONScanner.Value, _ name: String, _ range: ClosedRange<Number>
    ) throws(JSONScanner.Fault) -> Number {
        guard case .word(let raw) = value,
            let number = Number(String(decoding: raw, as: UTF8.self)),
            range.contains(number)
        else {
            throw .init(
                message: "\"\(name)\" is not a whole number from \(range.lowerBound) to "
                    + "\(range.upperBound)")
        }
        return number
    }

    /// `{"NAME": "VALUE", …}`, `"NAME=VALUE"` or `["NAME=VALUE", …]`.
    private static func headers(
        _ value: JSONScanner.Value
    ) throws(JSONScanner.Fault) -> [JobDraft.Header] {
        switch value {
        case .object(let raw):
            var headers: [JobDraft.Header] = []
            for member in try JSONScanner.members(of: raw) {
                headers.append(.init(name: member.name, value: try text(member.value, "header")))
            }
            return headers
        case .array(let raw):
            var headers: [JobDraft.Header] = []
            for element in try JSONScanner.elements(of: raw) {
                headers += try Self.headers(element.isText ? element : .word(raw: raw))
            }
            return headers
        case .text(let text):
            guard let header = JobDraft.Header(text) else {
                throw .init(message: "\"header\" is not NAME=VALUE: '\(Escape.line(text))'")
            }
            return [header]
        case .word:
            throw .init(
                message: "\"header\" is {\"NAME\": \"VALUE\"}, \"NAME=VALUE\" or a list of those")
        }
    }
}

extension JSONScanner.Value {
    fileprivate var isText: Bool {
        if case .text = self { true } else { false }
    }
}
