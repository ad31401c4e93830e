extension OrderedMap {
    /// Adds the entry, or replaces the value of the key.
    ///
    /// - Parameter value: at most 2,304 bytes, which are not in a page of the map.
    package mutating func insert(_ key: MapKey, _ value: UnsafeRawBufferPointer) {
        precondition(
            value.count <= Self.valueByteCountMax, "a value of a map has at most 2,304 bytes")
        if root.isNone {
            let (reference, page) = pages.create(.leaf, owner: 0)
            MapLeaf(page).clear()
            root = reference
            level = 0
        }
        let leaf = finger.leaf(for: key, pages.generation) ?? writableLeaf(for: key)
        let index = leaf.lowerBound(key)
        if index < leaf.count, leaf.key(at: index) == key {
            if leaf.valueByteCount(at: index) == value.count {
                leaf.value(at: index).copyMemory(from: value)
                return
            }
            leaf.remove(at: index)
        }
        if leaf.count < pages.limits.nodeEntryCountMax,
            leaf.hasRoom(valueByteCount: value.count)
        {
            leaf.insert(key, value, at: index)
        } else {
            finger.clear()
            split(for: key, value)
        }
    }

    /// Changes the value of the key in place.
    ///
    /// - Returns: whether the key is there.
    @discardableResult
    package mutating func change(
        _ key: MapKey, _ body: (UnsafeMutableRawBufferPointer) -> Void
    ) -> Bool {
        var leaf = finger.leaf(for: key, pages.generation)
        if leaf == nil {
            // What is not there is not copied.
            guard find(key) != nil else { return false }
            leaf = writableLeaf(for: key)
        }
        guard let leaf, let index = leaf.index(of: key) else { return false }
        body(leaf.value(at: index))
        return true
    }

    /// The leaf for the key, all pages from the root to it being of this generation afterwards. There
    /// has to be a root.
    mutating func writableLeaf(for key: MapKey) -> MapLeaf {
        var low = MapKey.min
        var high: MapKey?
        var level = self.level
        var page = pages.write(&root, MapNode.kind(level: level), owner: level)
        while level > 0 {
            let branch = MapBranch(page)
            if branch.count == 0 { addChild(to: branch, level) }
            let index = branch.childIndex(key)
            if index > 0 { low = branch.key(at: index) }
            if index + 1 < branch.count { high = branch.key(at: index + 1) }
            level -= 1
            page = writableChild(of: branch, at: index, level)
        }
        let leaf = MapLeaf(page)
        if leaf.valuesStart == 0 { leaf.clear() }
        finger.set(leaf, pages.generation, low: low, high: high)
        return leaf
    }

    @inline(__always)
    func writableChild(
        of branch: MapBranch, at index: Int, _ level: UInt64
    ) -> UnsafeMutableRawPointer {
        var reference = branch.child(at: index)
        let before = reference
        let page = pages.write(&reference, MapNode.kind(level: level), owner: level)
        if reference != before { branch.setChild(reference, at: index) }
        return page
    }

    /// For a branch that a failure has emptied: there must be something below it to write to.
    private func addChild(to branch: MapBranch, _ level: UInt64) {
        let (child, _) = pages.create(MapNode.kind(level: level - 1), owner: level - 1)
        branch.insert(.min, child, at: 0)
    }
}
