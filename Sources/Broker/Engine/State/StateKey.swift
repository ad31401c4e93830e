internal import HoldfastPages

/// The keys of the one map that holds what grows with the jobs. The top four bits of `high` say what
/// a key is of; the numbers are for ever.
///
/// ```
/// 1 live jobs      high = kind | range of the bitmap   low = 0              → page
/// 2 job state      high = kind | job                   low = 0              → JobStateValue
/// 3 last error     high = kind | job                   low = 0              → UTF-8
/// 4 checkpoint     high = kind | job                   low = 0              → bytes
/// 5 delayed job    high = kind | due ms (60 bits)      low = job            → DelayedPlace
/// 6 dead job       high = kind | queue                 low = death number   → u64 job
/// 7 lease epoch    high = kind                         low = 0              → u32; absent where 0
/// ```
enum StateKey: UInt64, CaseIterable {
    case live = 1
    case state = 2
    case error = 3
    case checkpoint = 4
    case delayed = 5
    case dead = 6
    case leaseEpoch = 7

    private static let shift: UInt64 = 60
    /// What a kind has room for.
    static let valueMax: UInt64 = 1 << shift - 1

    /// The kind as it stands in `high`.
    @inline(__always) var prefix: UInt64 { rawValue << Self.shift }

    /// The key of that value, of which 60 bits count.
    @inline(__always)
    func key(_ value: UInt64, low: UInt64 = 0) -> MapKey {
        MapKey(high: prefix | value & Self.valueMax, low: low)
    }

    func holds(_ key: MapKey) -> Bool { key.high >> Self.shift == rawValue }

    /// What `key(_:low:)` was made of.
    static func value(of key: MapKey) -> UInt64 { key.high & valueMax }
}

extension OrderedMap {
    /// All keys of a kind in their order; `body` must not change the map.
    func forEach(_ kind: StateKey, _ body: (MapKey, UnsafeRawBufferPointer) -> Void) {
        var from = kind.key(0)
        while let found = first(from: from), kind.holds(found.key) {
            body(found.key, found.value)
            pages.trim()
            guard let next = found.key.successor else { return }
            from = next
        }
    }
}

extension MapKey {
    /// The least key above this one; nil where there is none.
    var successor: MapKey? {
        if low < .max { return MapKey(high: high, low: low + 1) }
        return high < .max ? MapKey(high: high + 1, low: 0) : nil
    }
}
