/// A branch in memory. The layout is drawn at `MapNode`.
struct MapBranch {
    let page: UnsafeMutableRawPointer

    @inline(__always)
    init(_ page: UnsafeMutableRawPointer) { self.page = page }

    /// For reading only.
    @inline(__always)
    init(reading page: UnsafeRawPointer) { self.page = UnsafeMutableRawPointer(mutating: page) }

    @inline(__always)
    var count: Int { PageFormat.count(of: UnsafeRawPointer(page)) }

    @inline(__always)
    private func entry(_ index: Int) -> UnsafeMutableRawPointer {
        page + (MapNode.entriesOffset + index * MapNode.entryByteCount)
    }

    @inline(__always)
    func key(at index: Int) -> MapKey { MapNode.key(UnsafeRawPointer(entry(index))) }

    @inline(__always)
    func child(at index: Int) -> PageReference {
        PageReference(loadingFrom: UnsafeRawPointer(entry(index) + 16))
    }

    @inline(__always)
    func setChild(_ reference: PageReference, at index: Int) {
        reference.store(to: entry(index) + 16)
    }

    /// The index of the child whose range has the key; 0 also where there is none.
    @inline(__always)
    func childIndex(_ key: MapKey) -> Int {
        // The first entry's key is no bound.
        var low = 1
        var high = count
        while low < high {
            let middle = (low + high) / 2
            if key < self.key(at: middle) { high = middle } else { low = middle + 1 }
        }
        return low - 1
    }

    /// There has to be room: fewer than `branchEntryCountMax` entries.
    func insert(_ key: MapKey, _ child: PageReference, at index: Int) {
        let count = self.count
        entry(index + 1).copyMemory(
            from: entry(index), byteCount: (count - index) * MapNode.entryByteCount)
        MapNode.setKey(index == 0 ? .min : key, entry(index))
        setChild(child, at: index)
        PageFormat.setCount(count + 1, of: page)
    }

    func remove(at index: Int) {
        let count = self.count
        entry(index).copyMemory(
            from: entry(index + 1), byteCount: (count - index - 1) * MapNode.entryByteCount)
        PageFormat.setCount(count - 1, of: page)
        if index == 0, count > 1 { MapNode.setKey(.min, entry(0)) }
    }
}
