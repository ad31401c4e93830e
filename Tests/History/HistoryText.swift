/// A history as text, one line an event, so that a failing one can be kept and judged again.
///
/// ```
/// client invoked responded outcome operation name=value …
/// 3 5001200 5002900 ok enqueue job=42 queue=images content=9f0c delay=0 attempts=3 key=17
/// 4 5003000 5003900 ok deliver job=42 version=1 queue=images content=9f0c attempt=1 duration=1000
/// 4 5004000 - unknown ack job=42 version=1
/// 4 5009000 5059900 ok ask queue=images wait=50
/// 0 6000000 7200000 ok fault kind=kill
/// ```
/// After an operation's own words may stand `request=`, `position=`, `priority=` and `refusal=`.
/// Names of queues are written with `%XX` for every byte that is not a letter, a digit, `-`, `_` or
/// `.`; contents are hexadecimal; what is not known is left out.
package enum HistoryText {
    /// A line that is no event.
    package struct Fault: Error, CustomStringConvertible {
        package let line: String
        package var description: String { "not an event: \(line)" }
    }

    package static func text(of events: some Sequence<HistoryEvent>) -> String {
        var text = ""
        for event in events {
            text += line(of: event)
            text += "\n"
        }
        return text
    }

    package static func events(in text: String) throws(Fault) -> [HistoryEvent] {
        var events: [HistoryEvent] = []
        for line in text.split(separator: "\n") {
            guard let event = event(in: line) else { throw Fault(line: String(line)) }
            events.append(event)
        }
        return events
    }

    package static func line(of event: HistoryEvent) -> String {
        let responded = event.responded.map { "\($0)" } ?? "-"
        var line = "\(event.client) \(event.invoked) \(responded) \(event.outcome.rawValue) "
        switch event.operation {
        case .enqueue(let job, let queue, let content, let delay, let attempts, let key):
            line += "enqueue"
            if let job { line += " job=\(job)" }
            line += " queue=\(escaped(queue)) content=\(String(content, radix: 16))"
            line += " delay=\(delay) attempts=\(attempts)"
            if let key { line += " key=\(key)" }
        case .deliver(let lease, let queue, let content, let attempt, let duration):
            line += "deliver \(text(of: lease)) queue=\(escaped(queue))"
            line += " content=\(String(content, radix: 16)) attempt=\(attempt) duration=\(duration)"
        case .ack(let lease): line += "ack \(text(of: lease))"
        case .release(let lease): line += "release \(text(of: lease))"
        case .nack(let lease, let delay):
            line += "nack \(text(of: lease))"
            if let delay { line += " delay=\(delay)" }
        case .reject(let lease): line += "reject \(text(of: lease))"
        case .extend(let lease, let duration):
            line += "extend \(text(of: lease)) duration=\(duration)"
        case .cancel(let job): line += "cancel job=\(job)"
        case .look(let job, let state): line += "look job=\(job) state=\(escaped(state))"
        case .ask(let queue, let wait): line += "ask queue=\(escaped(queue)) wait=\(wait)"
        case .fault(let fault): line += "fault kind=\(fault.rawValue)"
        }
        if let request = event.request { line += " request=\(request)" }
        if let position = event.position { line += " position=\(position)" }
        if let priority = event.priority { line += " priority=\(priority)" }
        if let refusal = event.refusal { line += " refusal=\(escaped(refusal))" }
        return line
    }

    private static func text(of lease: HistoryEvent.Lease) -> String {
        "job=\(lease.job) version=\(lease.version)"
    }

    // MARK: Reading

    static func event(in line: Substring) -> HistoryEvent? {
        let words = line.split(separator: " ")
        guard words.count >= 5, let client = UInt32(words[0]), let invoked = UInt64(words[1]),
            words[2] == "-" || UInt64(words[2]) != nil,
            let outcome = HistoryEvent.Outcome(rawValue: String(words[3]))
        else { return nil }
        var fields: [Substring: Substring] = [:]
        for word in words[5...] {
            let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, fields.updateValue(parts[1], forKey: parts[0]) == nil else {
                return nil
            }
        }
        guard let operation = operation(words[4], fields) else { return nil }
        var event = HistoryEvent(
            client: client, invoked: invoked, responded: UInt64(words[2]), outcome: outcome,
            operation: operation)
        if let text = fields["request"] {
            guard let request = UInt64(text) else { return nil }
            event.request = request
        }
        if let text = fields["position"] {
            guard let position = UInt32(text) else { return nil }
            event.position = position
        }
        if let text = fields["priority"] {
            guard let priority = UInt8(text) else { return nil }
            event.priority = priority
        }
        if let text = fields["refusal"] {
            guard let refusal = unescaped(text) else { return nil }
            event.refusal = refusal
        }
        return event
    }

    private static func operation(
        _ name: Substring, _ fields: [Substring: Substring]
    ) -> HistoryEvent.Operation? {
        func number<Number: FixedWidthInteger>(_ name: Substring) -> Number? {
            fields[name].flatMap { Number($0) }
        }
        /// A number that may be left out: nil only where it is there and is none.
        func optional(_ name: Substring) -> UInt64?? {
            guard let text = fields[name] else { return .some(nil) }
            guard let value = UInt64(text) else { return nil }
            return .some(value)
        }
        var lease: HistoryEvent.Lease? {
            guard let job: UInt64 = number("job"), let version: UInt32 = number("version") else {
                return nil
            }
            return HistoryEvent.Lease(job: job, version: version)
        }
        let queue = fields["queue"].flatMap(unescaped)
        let content = fields["content"].flatMap { UInt64($0, radix: 16) }

        switch name {
        case "enqueue":
            guard let job = optional("job"), let queue, let content,
                let delay: UInt64 = number("delay"), let attempts: UInt32 = number("attempts"),
                let key = optional("key")
            else { return nil }
            return .enqueue(
                job: job, queue: queue, content: content, delayMilliseconds: delay,
                attemptCountMax: attempts, key: key)
        case "deliver":
            guard let lease, let queue, let content, let attempt: UInt32 = number("attempt"),
                let duration: UInt32 = number("duration")
            else { return nil }
            return .deliver(
                lease, queue: queue, content: content, attempt: attempt,
                durationMilliseconds: duration)
        case "ack": return lease.map { .ack($0) }
        case "release": return lease.map { .release($0) }
        case "nack":
            guard let lease, let delay = optional("delay") else { return nil }
            return .nack(lease, delayMilliseconds: delay)
        case "reject": return lease.map { .reject($0) }
        case "extend":
            guard let lease, let duration: UInt32 = number("duration") else { return nil }
            return .extend(lease, durationMilliseconds: duration)
        case "cancel": return number("job").map { .cancel(job: $0) }
        case "look":
            guard let job: UInt64 = number("job"), let state = fields["state"].flatMap(unescaped)
            else { return nil }
            return .look(job: job, state: state)
        case "ask":
            guard let queue, let wait: UInt32 = number("wait") else { return nil }
            return .ask(queue: queue, waitMilliseconds: wait)
        case "fault":
            return fields["kind"].flatMap { HistoryFault(rawValue: String($0)) }.map { .fault($0) }
        default: return nil
        }
    }

    // MARK: Names

    private static func escaped(_ name: String) -> String {
        var text = ""
        for byte in name.utf8 {
            let character = Character(UnicodeScalar(byte))
            if byte < 0x80, character.isLetter || character.isNumber || "-_.".contains(character) {
                text.append(character)
            } else {
                text += "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
            }
        }
        return text
    }

    private static func unescaped(_ text: Substring) -> String? {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%") {
                guard let value = UInt8(Substring(rest.prefix(2)), radix: 16) else { return nil }
                bytes.append(value)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte)
            }
        }
        return String(validating: bytes, as: UTF8.self)
    }
}
