/// A key of an `OrderedMap`: ordered by `high`, then by `low`. What the bits mean is the owner's affair.
package struct MapKey: Comparable, Hashable, Sendable {
    package var high: UInt64
    package var low: UInt64

    @inlinable
    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    package static let min = MapKey(high: 0, low: 0)
    package static let max = MapKey(high: .max, low: .max)

    @inlinable
    package static func < (left: MapKey, right: MapKey) -> Bool {
        left.high < right.high || (left.high == right.high && left.low < right.low)
    }
}
