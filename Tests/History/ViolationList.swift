/// Counts violations and keeps those that were complete first: a broken broker may cause any number.
struct ViolationList {
    static let countMax = 1_000

    private(set) var count = 0
    private var kept: [Violation] = []

    /// In the order of time.
    var first: [Violation] {
        Array(kept.sorted { $0.moment < $1.moment }.prefix(Self.countMax))
    }

    mutating func append(_ violation: Violation) {
        count += 1
        kept.append(violation)
        if kept.count >= 2 * Self.countMax { kept = first }
    }

    static func += (list: inout ViolationList, violations: some Sequence<Violation>) {
        for violation in violations { list.append(violation) }
    }
}
