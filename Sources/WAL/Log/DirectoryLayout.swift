/// Where things lie below the data directory.
package enum DirectoryLayout {
    package static let store = "STORE"
    static let newStore = "STORE.new"
    package static let log = "log"
    package static let pool = "pool"

    /// The path of segment `number`: sixteen digits, so that names sort as numbers do.
    package static func segment(_ number: UInt64) -> String {
        "\(log)/\(digits(number)).seg"
    }

    /// The path of the sidecar of segment `number`.
    package static func sidecar(_ number: UInt64) -> String {
        "\(log)/\(digits(number)).idx"
    }

    /// The number in the name of a segment; nil for every other name.
    static func segmentNumber(ofName name: String) -> UInt64? {
        number(ofName: name, ending: ".seg")
    }

    static func number(ofName name: String, ending: String) -> UInt64? {
        guard name.utf8.count == 16 + ending.utf8.count, name.hasSuffix(ending),
            name.utf8.prefix(16).allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
            )
        else { return nil }
        return UInt64(name.prefix(16))
    }

    static func digits(_ number: UInt64) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, 16 - digits.count)) + digits
    }
}
