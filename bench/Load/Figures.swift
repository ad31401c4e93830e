internal import Foundation

/// How figures are written, and the one line of a measurement that programs look for:
/// `name key=value key=value`, with units at the end of the keys.
struct Figures: CustomStringConvertible {
    private var words: [String]

    init(_ name: String) {
        words = [name]
    }

    /// A figure that could not be had is left out.
    mutating func add(_ key: String, _ value: (some CustomStringConvertible)?) {
        if let value { words.append("\(key)=\(value)") }
    }

    mutating func add(_ key: String, _ value: Double, digits: Int) {
        words.append("\(key)=\(Self.shown(value, digits))")
    }

    var description: String { words.joined(separator: " ") }

    static func shown(_ value: Double, _ digits: Int) -> String {
        value.isFinite ? String(format: "%.\(digits)f", value) : "-"
    }

    /// A dash where a figure could not be had.
    static func shown(_ value: Double?, _ digits: Int) -> String {
        value.map { shown($0, digits) } ?? "-"
    }

    static func mebibytes(_ byteCount: UInt64) -> String {
        shown(Double(byteCount) / Double(1 << 20), 1)
    }

    /// The middle one; the mean of the two middle ones of an even number.
    static func median(_ values: [Double]) -> Double {
        guard !values.isEmpty else { return .nan }
        let sorted = values.sorted()
        let middle = sorted.count / 2
        return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    }
}
