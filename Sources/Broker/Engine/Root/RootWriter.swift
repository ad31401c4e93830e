internal import HoldfastPages

/// Lays out a root: little-endian, nothing aligned or padded.
struct RootWriter {
    var bytes: [UInt8] = []

    mutating func put<Value: FixedWidthInteger>(_ value: Value) {
        withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }

    /// A count; negative only where a page is missing, and then of no use.
    mutating func put(count: Int) { put(Int64(count)) }

    mutating func put(_ reference: PageReference) {
        put(reference.number)
        put(reference.stamp)
    }

    /// How many there are, then each.
    mutating func put(_ references: [PageReference]) {
        put(UInt32(references.count))
        for reference in references { put(reference) }
    }
}
