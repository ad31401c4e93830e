/// A leaf in memory. The layout is drawn at `MapNode`.
struct MapLeaf {
    let page: UnsafeMutableRawPointer

    @inline(__always)
    init(_ page: UnsafeMutableRawPointer) { self.page = page }

    /// For reading only.
    @inline(__always)
    init(reading page: UnsafeRawPointer) { self.page = UnsafeMutableRawPointer(mutating: page) }

    @inline(__always)
    var count: Int { PageFormat.count(of: UnsafeRawPointer(page)) }

    @inline(__always)
    private func integer(at offset: Int) -> Int {
        Int(UInt16(littleEndian: page.load(fromByteOffset: offset, as: UInt16.self)))
    }

    @inline(__always)
    private func set(_ value: Int, at offset: Int) {
        page.storeBytes(
            of: UInt16(truncatingIfNeeded: value).littleEndian, toByteOffset: offset,
            as: UInt16.self)
    }

    /// Zero in a page that has just been made.
    var valuesStart: Int { integer(at: MapNode.valuesStartOffset) }
    var unusedByteCount: Int { integer(at: MapNode.unusedByteCountOffset) }

    /// Whether an entry at `index` would stand right behind the one that was added last: keys that
    /// rise, be it among others, show by this.
    func continuesRun(at index: Int) -> Bool {
        index > 0 && index == integer(at: MapNode.lastAddedOffset)
    }

    func setLastAdded(_ index: Int?) {
        set(index.map { $0 + 1 } ?? 0, at: MapNode.lastAddedOffset)
    }

    @inline(__always)
    private func slot(_ index: Int) -> Int {
        MapNode.entriesOffset + index * MapNode.slotByteCount
    }

    @inline(__always)
    func key(at index: Int) -> MapKey { MapNode.key(UnsafeRawPointer(page + slot(index))) }
    @inline(__always)
    func valueOffset(at index: Int) -> Int { integer(at: slot(index) + 16) }
    @inline(__always)
    func valueByteCount(at index: Int) -> Int { integer(at: slot(index) + 18) }

    @inline(__always)
    func value(at index: Int) -> UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(
            start: page + valueOffset(at: index), count: valueByteCount(at: index))
    }

    /// The index of the first key that is not below `key`; the count where there is none.
    @inline(__always)
    func lowerBound(_ key: MapKey) -> Int {
        var low = 0
        var high = count
        // Keys mostly rise: the end is the likeliest place.
        if high > 0, self.key(at: high - 1) < key { return high }
        while low < high {
            let middle = (low + high) / 2
            if self.key(at: middle) < key { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// The index of `key`; nil where it is not in the leaf.
    @inline(__always)
    func index(of key: MapKey) -> Int? {
        let index = lowerBound(key)
        return index < count && self.key(at: index) == key ? index : nil
    }

    /// To be called on a page that has just been made, and to empty one.
    func clear() {
        PageFormat.setCount(0, of: page)
        set(PageFormat.byteCount, at: MapNode.valuesStartOffset)
        set(0, at: MapNode.unusedByteCountOffset)
        setLastAdded(nil)
    }

    /// Whether one more entry finds room, perhaps only after values have been moved together.
    @inline(__always)
    func hasRoom(valueByteCount: Int) -> Bool {
        valuesStart + unusedByteCount - slot(count) >= MapNode.slotByteCount + valueByteCount
    }

    /// There has to be room.
    @inline(__always)
    func insert(_ key: MapKey, _ value: UnsafeRawBufferPointer, at index: Int) {
        let count = self.count
        if valuesStart - slot(count) < MapNode.slotByteCount + value.count { moveTogether() }
        let start = valuesStart - value.count
        if let source = value.baseAddress {
            (page + start).copyMemory(from: source, byteCount: value.count)
        }
        let place = page + slot(index)
        (place + MapNode.slotByteCount).copyMemory(
            from: place, byteCount: (count - index) * MapNode.slotByteCount)
        MapNode.setKey(key, place)
        set(start, at: slot(index) + 16)
        set(value.count, at: slot(index) + 18)
        set(start, at: MapNode.valuesStartOffset)
        set(index + 1, at: MapNode.lastAddedOffset)
        PageFormat.setCount(count + 1, of: page)
    }

    @inline(__always)
    func remove(at index: Int) {
        let count = self.count
        let (offset, length) = (valueOffset(at: index), valueByteCount(at: index))
        if offset == valuesStart {
            set(offset + length, at: MapNode.valuesStartOffset)
        } else {
            set(unusedByteCount + length, at: MapNode.unusedByteCountOffset)
        }
        let place = page + slot(index)
        place.copyMemory(
            from: place + MapNode.slotByteCount,
            byteCount: (count - index - 1) * MapNode.slotByteCount)
        PageFormat.setCount(count - 1, of: page)
        let lastAdded = integer(at: MapNode.lastAddedOffset)
        if index < lastAdded { set(lastAdded - 1, at: MapNode.lastAddedOffset) }
    }

    /// Makes the room among the values usable.
    private func moveTogether() {
        withUnsafeTemporaryAllocation(byteCount: PageFormat.byteCount, alignment: 16) { copy in
            copy.copyMemory(
                from: UnsafeRawBufferPointer(start: page, count: PageFormat.byteCount))
            let old = MapLeaf(copy.baseAddress!)
            var start = PageFormat.byteCount
            for index in 0..<count {
                let value = old.value(at: index)
                start -= value.count
                (page + start).copyMemory(from: value.baseAddress!, byteCount: value.count)
                set(start, at: slot(index) + 16)
            }
            set(start, at: MapNode.valuesStartOffset)
            set(0, at: MapNode.unusedByteCountOffset)
        }
    }
}
