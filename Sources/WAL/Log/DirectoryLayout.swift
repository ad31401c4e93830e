/// Where things lie below the data directory.
package enum DirectoryLayout {
    package static let store = "STORE"
    static let newStore = "STORE.new"
    package static let log = "log"
    package static let pool = "pool"
    package static let quarantine = "quarantine"

    /// The path of segment `number`: sixteen digits, so that names sort as numbers do.
    package static func segment(_ number: UInt64) -> String {
        "\(log)/\(digits(number)).seg"
    }

    /// The path of the sidecar of segment `number`.
    package static func sidecar(_ number: UInt64) -> String {
        "\(log)/\(digits(number)).idx"
    }

    /// The number that the path of a segment in the log says; nil for any other file.
    static func segmentNumber(ofPath path: String) -> UInt64? {
        guard path.hasPrefix("\(log)/") else { return nil }
        return segmentNumber(ofName: String(path.dropFirst(log.count + 1)))
    }

    /// The number in the name of a segment; nil for every other name.
    static func segmentNumber(ofName name: String) -> UInt64? {
        number(ofName: name, ending: ".seg").flatMap {
            (1...LogFormat.segmentNumberMax).contains($0) ? $0 : nil
        }
    }

    static func number(ofName name: String, ending: String) -> UInt64? {
        let bytes = name.utf8
        guard bytes.count == 16 + ending.utf8.count,
            bytes.dropFirst(16).elementsEqual(ending.utf8)
        else { return nil }
        var number: UInt64 = 0
        for byte in bytes.prefix(16) {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
            number = number * 10 + UInt64(byte - UInt8(ascii: "0"))
        }
        return number
    }

    /// A name that is kept for the room it takes: long, and still short enough for a file system that
    /// encrypts names.
    package static func keptName(_ number: Int) -> String {
        let start = "\(keptPrefix)\(digits(UInt64(number)))-"
        return start + String(repeating: "x", count: keptByteCount - start.utf8.count)
    }

    /// The number in a kept name; nil for every other name.
    package static func keptNumber(ofName name: String) -> Int? {
        guard name.hasPrefix(keptPrefix), name.utf8.count == keptByteCount,
            let number = Int(name.dropFirst(keptPrefix.count).prefix(16)), number > 0,
            keptName(number) == name
        else { return nil }
        return number
    }

    private static let keptPrefix = "room-for-names-"
    private static let keptByteCount = 140

    static func digits(_ number: UInt64) -> String {
        let digits = String(number)
        return "0000000000000000".dropFirst(digits.utf8.count) + digits
    }
}
