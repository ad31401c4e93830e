internal import HoldfastDisk

/// The bytes of one file as text, for fixtures: sixteen a line behind their offset, all in hexadecimal; lines
/// of zeros are left out, the length is last.
package enum BytesText {
    package static func text(_ bytes: [UInt8]) -> String {
        var lines = ""
        for start in stride(from: 0, to: bytes.count, by: 16) {
            let line = bytes[start..<min(start + 16, bytes.count)]
            if line.allSatisfy({ $0 == 0 }) { continue }
            lines += hexadecimal(start, 8) + " "
            for byte in line { lines += " " + hexadecimal(Int(byte), 2) }
            lines += "\n"
        }
        return lines + hexadecimal(bytes.count, 8) + "\n"
    }

    /// The bytes that a fixture says: a file as `text(_:)` writes it; anything else traps.
    package static func load(_ fixture: String, in directory: String) throws -> [UInt8] {
        let file = try PosixFileSystem(root: directory).openFile(fixture, for: .reading)
        let text = try file.read(byteCount: try file.byteCount(), at: 0)
        return bytes(String(decoding: text, as: UTF8.self))
    }

    private static func bytes(_ text: String) -> [UInt8] {
        var bytes: [UInt8] = []
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ")
            let offset = Int(words[0], radix: 16)!
            bytes += [UInt8](repeating: 0, count: offset - bytes.count)
            bytes += words.dropFirst().map { UInt8($0, radix: 16)! }
        }
        return bytes
    }

    private static func hexadecimal(_ value: Int, _ width: Int) -> String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: width - digits.count) + digits
    }
}
