import HoldfastPages

/// The reference that the map is held against: an array in order.
struct MapModel: Equatable {
    private(set) var entries: [(key: MapKey, value: [UInt8])] = []

    private func lowerBound(_ key: MapKey) -> Int {
        var range = 0..<entries.count
        while !range.isEmpty {
            let middle = (range.lowerBound + range.upperBound) / 2
            range =
                entries[middle].key < key
                ? middle + 1..<range.upperBound : range.lowerBound..<middle
        }
        return range.lowerBound
    }

    private func index(of key: MapKey) -> Int? {
        let index = lowerBound(key)
        return index < entries.count && entries[index].key == key ? index : nil
    }

    func find(_ key: MapKey) -> [UInt8]? { index(of: key).map { entries[$0].value } }

    func first(from key: MapKey) -> (key: MapKey, value: [UInt8])? {
        let index = lowerBound(key)
        return index < entries.count ? entries[index] : nil
    }

    mutating func insert(_ key: MapKey, _ value: [UInt8]) {
        let index = lowerBound(key)
        if index < entries.count, entries[index].key == key {
            entries[index].value = value
        } else {
            entries.insert((key, value), at: index)
        }
    }

    mutating func remove(_ key: MapKey) -> Bool {
        guard let index = index(of: key) else { return false }
        entries.remove(at: index)
        return true
    }

    static func == (left: MapModel, right: MapModel) -> Bool {
        left.entries.elementsEqual(right.entries) { $0 == $1 }
    }

    /// All that a map holds, by walking it.
    init(reading map: OrderedMap) {
        var from: MapKey? = .min
        while let key = from, let entry = map.first(from: key) {
            entries.append((entry.key, [UInt8](entry.value)))
            from = entry.key.successor
        }
    }

    init() {}
}

extension MapKey {
    var successor: MapKey? {
        if low < .max { return MapKey(high: high, low: low + 1) }
        return high < .max ? MapKey(high: high + 1, low: 0) : nil
    }
}

extension OrderedMap {
    mutating func insert(_ key: MapKey, _ value: [UInt8]) {
        value.withUnsafeBytes { insert(key, $0) }
    }
}
