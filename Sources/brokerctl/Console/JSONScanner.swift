/// Reads an object of JSON (RFC 8259) and keeps the text of its members' values as it stands: what
/// is passed on is then byte for byte what was given, `1.0` and the order of names included.
struct JSONScanner {
    /// Why bytes are not the JSON they should be. Columns count bytes from 1.
    struct Fault: Error {
        let message: String
    }

    struct Member {
        let name: String
        let value: Value
    }

    enum Value {
        case text(String)
        /// The members' texts are within `raw`.
        case object(raw: ArraySlice<UInt8>)
        case array(raw: ArraySlice<UInt8>)
        /// A number, `true`, `false` or `null`.
        case word(raw: ArraySlice<UInt8>)
    }

    /// How deep arrays and objects may lie in each other.
    static let depthMax = 128

    private let bytes: ArraySlice<UInt8>
    private var index: Int

    /// - Parameter bytes: where the indices count from 0, so that columns are right.
    private init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
        index = bytes.startIndex
    }

    /// The members of the object that `bytes` are, in their order; no name occurs twice.
    static func members(of bytes: ArraySlice<UInt8>) throws(Fault) -> [Member] {
        var scanner = JSONScanner(bytes)
        scanner.skipSpace()
        guard scanner.peek == UInt8(ascii: "{") else {
            throw scanner.fault("expected an object: {\"payload\": …}")
        }
        var members: [Member] = []
        try scanner.readObject(depth: 0) { (name, value) throws(Fault) in
            guard !members.contains(where: { $0.name == name }) else {
                throw Fault(message: "\"\(Escape.line(name))\" occurs twice")
            }
            members.append(Member(name: name, value: value))
        }
        scanner.skipSpace()
        guard scanner.peek == nil else { throw scanner.fault("text behind the object") }
        return members
    }

    /// The values of the array that `bytes` are.
    static func elements(of bytes: ArraySlice<UInt8>) throws(Fault) -> [Value] {
        var scanner = JSONScanner(bytes)
        var values: [Value] = []
        try scanner.readArray(depth: 0) { values.append($0) }
        return values
    }

    // MARK: Values

    private mutating func readValue(depth: Int) throws(Fault) -> Value {
        guard depth <= Self.depthMax else {
            throw fault("nested deeper than \(Self.depthMax)")
        }
        skipSpace()
        let start = index
        switch peek {
        case UInt8(ascii: "\""):
            return .text(try readString())
        case UInt8(ascii: "{"):
            try readObject(depth: depth) { _, _ in }
            return .object(raw: bytes[start..<index])
        case UInt8(ascii: "["):
            try readArray(depth: depth) { _ in }
            return .array(raw: bytes[start..<index])
        case UInt8(ascii: "t"): try expect("true")
        case UInt8(ascii: "f"): try expect("false")
        case UInt8(ascii: "n"): try expect("null")
        case let byte? where byte == UInt8(ascii: "-") || Self.isDigit(byte): try readNumber()
        default: throw fault("expected a value")
        }
        return .word(raw: bytes[start..<index])
    }

    private mutating func readObject(
        depth: Int, _ member: (String, Value) throws(Fault) -> Void
    ) throws(Fault) {
        index += 1
        skipSpace()
        if take("}") { return }
        repeat {
            skipSpace()
            guard peek == UInt8(ascii: "\"") else { throw fault("expected a name in quotes") }
            let name = try readString()
            skipSpace()
            guard take(":") else { throw fault("expected ':' behind a name") }
            try member(name, try readValue(depth: depth + 1))
            skipSpace()
        } while take(",")
        guard take("}") else { throw fault("expected ',' or '}'") }
    }

    private mutating func readArray(
        depth: Int, _ element: (Value) throws(Fault) -> Void
    ) throws(Fault) {
        index += 1
        skipSpace()
        if take("]") { return }
        repeat {
            try element(try readValue(depth: depth + 1))
            skipSpace()
        } while take(",")
        guard take("]") else { throw fault("expected ',' or ']'") }
    }

    private mutating func readNumber() throws(Fault) {
        _ = take("-")
        if !take("0") { try readDigits() }
        if take(".") { try readDigits() }
        if take("e") || take("E") {
            if !take("+") { _ = take("-") }
            try readDigits()
        }
    }

    private mutating func readDigits() throws(Fault) {
        let start = index
        while let byte = peek, Self.isDigit(byte) { index += 1 }
        guard index > start else { throw fault("expected a digit") }
    }

    private mutating func readString() throws(Fault) -> String {
        index += 1
        var text: [UInt8] = []
        var start = index
        while let byte = peek {
            switch byte {
            case UInt8(ascii: "\""):
                text += bytes[start..<index]
                index += 1
                guard let string = String(validating: text, as: UTF8.self) else {
                    throw fault("a string is not UTF-8")
                }
                return string
            case UInt8(ascii: "\\"):
                text += bytes[start..<index]
                index += 1
                text += Array(String(try readEscape()).utf8)
                start = index
            case 0..<0x20:
                throw fault(
                    "a control character in a string; write it as \\u00"
                        + Escape.hexadecimal(UInt32(byte), digitCount: 2))
            default:
                index += 1
            }
        }
        throw fault("a string does not end")
    }

    private mutating func readEscape() throws(Fault) -> Unicode.Scalar {
        guard let byte = peek else { throw fault("a string does not end") }
        index += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return .init(byte)
        case UInt8(ascii: "b"): return "\u{08}"
        case UInt8(ascii: "f"): return "\u{0C}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"):
            let unit = try readUnit()
            if let scalar = Unicode.Scalar(unit) { return scalar }
            // A half of a pair: the other half must follow, or there is no such character.
            guard (0xD800..<0xDC00).contains(unit), take("\\"), take("u"),
                case let low = try readUnit(), (0xDC00..<0xE000).contains(low),
                let scalar = Unicode.Scalar(0x10000 + (unit - 0xD800) << 10 + (low - 0xDC00))
            else { throw fault("half of a surrogate pair") }
            return scalar
        default:
            throw fault("an unknown escape")
        }
    }

    private mutating func readUnit() throws(Fault) -> UInt32 {
        var unit: UInt32 = 0
        for _ in 0..<4 {
            guard let byte = peek, byte < 0x80,
                let digit = Character(Unicode.Scalar(byte)).hexDigitValue
            else { throw fault("expected four hexadecimal digits behind \\u") }
            unit = unit << 4 | UInt32(digit)
            index += 1
        }
        return unit
    }

    // MARK: Bytes

    private static func isDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }

    private var peek: UInt8? { index < bytes.endIndex ? bytes[index] : nil }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard peek == UInt8(ascii: character) else { return false }
        index += 1
        return true
    }

    private mutating func expect(_ word: String) throws(Fault) {
        guard bytes[index...].starts(with: word.utf8) else { throw fault("expected a value") }
        index += word.utf8.count
    }

    private mutating func skipSpace() {
        while let byte = peek, byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D {
            index += 1
        }
    }

    private func fault(_ what: String) -> Fault {
        let column = index - bytes.startIndex + 1
        return Fault(message: "\(what) (column \(column))")
    }
}
