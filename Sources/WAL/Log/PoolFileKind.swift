/// What is known of the content of a file in the pool, as its name says it; the most useful first.
enum PoolFileKind: String, CaseIterable {
    case spare, blank, raw

    /// The kind of the file of that name; nil for names that mean nothing.
    init?(ofName name: String) {
        guard let kind = Self.allCases.first(where: { name.hasSuffix($0.ending) }) else {
            return nil
        }
        self = kind
    }

    var ending: String { ".\(rawValue)" }

    func number(ofName name: String) -> UInt64? {
        DirectoryLayout.number(ofName: name, ending: ending)
    }

    func path(_ number: UInt64) -> String {
        "\(DirectoryLayout.pool)/\(DirectoryLayout.digits(number))\(ending)"
    }
}
