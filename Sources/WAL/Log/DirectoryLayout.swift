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
        number(ofName: name, ending: ".seg")
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

    static func digits(_ number: UInt64) -> String {
        let digits = String(number)
        return "0000000000000000".dropFirst(digits.utf8.count) + digits
    }
}
