/// Names that occur again and again, by number, so that an event has a fixed size.
struct HistoryNames: Sendable {
    private(set) var names: [String] = []
    private var numbers: [String: UInt32] = [:]

    var count: Int { names.count }

    func name(_ number: UInt32) -> String? {
        number < names.count ? names[Int(number)] : nil
    }

    /// - Returns: the number, and whether the name got it just now.
    mutating func number(of name: String) -> (number: UInt32, isNew: Bool) {
        if let number = numbers[name] { return (number, false) }
        let number = UInt32(names.count)
        numbers[name] = number
        names.append(name)
        return (number, true)
    }

    /// Appends a name read from a file, where the numbers are given.
    mutating func append(_ name: String) {
        numbers[name] = UInt32(names.count)
        names.append(name)
    }
}
