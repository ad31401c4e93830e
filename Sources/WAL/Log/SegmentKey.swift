/// Tells the segments of a log apart. A compacted one has the number of a plain one, and perhaps of
/// another compacted one.
struct SegmentKey: Hashable, Sendable {
    let number: UInt64
    let salt: UInt64
    let isCompacted: Bool

    var path: String {
        isCompacted
            ? DirectoryLayout.compacted(number, salt: salt) : DirectoryLayout.segment(number)
    }
}

extension SegmentSummary {
    var key: SegmentKey { SegmentKey(number: number, salt: salt, isCompacted: isCompacted) }
}

extension SegmentHeader {
    var key: SegmentKey { SegmentKey(number: number, salt: salt, isCompacted: false) }
}

extension DirectoryLayout {
    /// The path of a compacted segment.
    static func compacted(_ number: UInt64, salt: UInt64) -> String {
        let digits = String(salt, radix: 16)
        let padding = String(repeating: "0", count: 16 - digits.count)
        return "\(log)/\(Self.digits(number))-\(padding)\(digits).cmp"
    }

    /// What the name of a compacted segment says; nil for every other name.
    static func compactedKey(ofName name: String) -> SegmentKey? {
        guard name.utf8.count == 37 else { return nil }
        let parts = name.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 2, parts[0].utf8.count == 16, parts[1].utf8.count == 20,
            parts[1].hasSuffix(".cmp"), let number = UInt64(parts[0]),
            let salt = UInt64(parts[1].prefix(16), radix: 16),
            compacted(number, salt: salt) == "\(log)/\(name)"
        else { return nil }
        return SegmentKey(number: number, salt: salt, isCompacted: true)
    }
}
