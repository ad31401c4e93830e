/// Text from elsewhere, made harmless for a terminal and for a line of a table.
package enum Escape {
    /// One line: control characters, line ends and the characters that turn the direction of
    /// writing appear as `\n`, `\t`, `\u{1b}` and the like. All else stays as it is.
    package static func line(_ text: some StringProtocol) -> String {
        guard text.unicodeScalars.contains(where: isHarmful) else { return String(text) }
        var line = ""
        for scalar in text.unicodeScalars { append(scalar, to: &line) }
        return line
    }

    /// One line of bytes that should be UTF-8; those that are not appear as `\xff`.
    ///
    /// - Parameter characterCountMax: what comes behind so many is left out, and said to be.
    package static func line(_ bytes: [UInt8], characterCountMax: Int = .max) -> String {
        var line = ""
        var count = 0
        var index = 0
        while index < bytes.count {
            guard count < characterCountMax else {
                return line + "… (\(bytes.count) bytes)"
            }
            if let (scalar, length) = scalar(in: bytes, at: index) {
                append(scalar, to: &line)
                index += length
            } else {
                line += "\\x" + hexadecimal(UInt32(bytes[index]), digitCount: 2)
                index += 1
            }
            count += 1
        }
        return line
    }

    /// The scalar that starts at `index` and its length in bytes; nil where none does.
    private static func scalar(in bytes: [UInt8], at index: Int) -> (Unicode.Scalar, Int)? {
        var iterator = bytes[index...].prefix(4).makeIterator()
        var decoder = UTF8()
        guard case .scalarValue(let scalar) = decoder.decode(&iterator) else { return nil }
        return (scalar, UTF8.width(scalar))
    }

    private static func append(_ scalar: Unicode.Scalar, to line: inout String) {
        guard isHarmful(scalar) else {
            line.unicodeScalars.append(scalar)
            return
        }
        switch scalar {
        case "\n": line += "\\n"
        case "\r": line += "\\r"
        case "\t": line += "\\t"
        default: line += "\\u{" + hexadecimal(scalar.value, digitCount: 1) + "}"
        }
    }

    private static func isHarmful(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x00..<0x20, 0x7F..<0xA0: true
        case 0x200E, 0x200F, 0x2028, 0x2029, 0x202A...0x202E, 0x2066...0x2069: true
        default: false
        }
    }

    static func hexadecimal(_ number: UInt32, digitCount: Int) -> String {
        let text = String(number, radix: 16)
        return String(repeating: "0", count: max(0, digitCount - text.count)) + text
    }
}
