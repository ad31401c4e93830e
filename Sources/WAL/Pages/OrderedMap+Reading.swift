extension OrderedMap {
    /// The value of the key. Valid until the next change of the map, or `trim`.
    package func find(_ key: MapKey) -> UnsafeRawBufferPointer? {
        guard let leaf = leaf(for: key), let index = leaf.index(of: key) else { return nil }
        return UnsafeRawBufferPointer(leaf.value(at: index))
    }

    /// The first entry whose key is not below `key`, whatever the pages hold: who goes on from a key
    /// above the one found comes to an end. Valid as after `find`.
    package func first(from key: MapKey) -> (key: MapKey, value: UnsafeRawBufferPointer)? {
        if let leaf = finger.leaf(for: key, pages.generation) {
            let index = leaf.lowerBound(key)
            if index < leaf.count { return entry(leaf, index) }
        }
        guard !root.isNone else { return nil }
        // Where the keys behind the leaf's begin.
        var next: (reference: PageReference, level: UInt64)?
        var reference = root
        var level = self.level
        while level > 0 {
            let branch = MapBranch(reading: pages.read(reference, .branch, owner: level))
            guard branch.count > 0 else { return nil }
            let index = branch.childIndex(key)
            level -= 1
            if index + 1 < branch.count { next = (branch.child(at: index + 1), level) }
            reference = branch.child(at: index)
        }
        let leaf = MapLeaf(reading: pages.read(reference, .leaf, owner: 0))
        let index = leaf.lowerBound(key)
        if index < leaf.count { return entry(leaf, index) }
        guard let next else { return nil }
        return first(from: key, below: next.reference, level: next.level)
    }

    private func first(
        from key: MapKey, below reference: PageReference, level: UInt64
    ) -> (key: MapKey, value: UnsafeRawBufferPointer)? {
        var reference = reference
        var level = level
        while level > 0 {
            let branch = MapBranch(reading: pages.read(reference, .branch, owner: level))
            guard branch.count > 0 else { return nil }
            reference = branch.child(at: 0)
            level -= 1
        }
        // No leaf is empty but one that a failure has emptied.
        let leaf = MapLeaf(reading: pages.read(reference, .leaf, owner: 0))
        guard leaf.count > 0 else { return nil }
        guard leaf.key(at: 0) >= key else {
            pages.fail(reference, .leaf, .illFormed)
            return nil
        }
        return entry(leaf, 0)
    }

    private func entry(
        _ leaf: MapLeaf, _ index: Int
    ) -> (key: MapKey, value: UnsafeRawBufferPointer) {
        (leaf.key(at: index), UnsafeRawBufferPointer(leaf.value(at: index)))
    }

    /// The leaf where the key is if it is anywhere, for reading only.
    func leaf(for key: MapKey) -> MapLeaf? {
        if let leaf = finger.leaf(for: key, pages.generation) { return leaf }
        guard !root.isNone else { return nil }
        var reference = root
        var level = self.level
        while level > 0 {
            let branch = MapBranch(reading: pages.read(reference, .branch, owner: level))
            guard branch.count > 0 else { return nil }
            reference = branch.child(at: branch.childIndex(key))
            level -= 1
        }
        return MapLeaf(reading: pages.read(reference, .leaf, owner: 0))
    }

    /// Calls `body` with every reference to a page of the map, each before those in the page. What is
    /// below a page comes once, however many references lead to it.
    package func forEachPage(_ body: (PageReference, PageKind) -> Void) {
        guard !root.isNone else { return }
        var branches = PageSet()
        visit(root, level, &branches, body)
    }

    private func visit(
        _ reference: PageReference, _ level: UInt64, _ branches: inout PageSet,
        _ body: (PageReference, PageKind) -> Void
    ) {
        body(reference, MapNode.kind(level: level))
        guard level > 0, pages.usedPages.contains(reference.number),
            branches.insert(reference.number)
        else { return }
        let branch = MapBranch(reading: pages.read(reference, .branch, owner: level))
        for index in 0..<branch.count {
            visit(branch.child(at: index), level - 1, &branches, body)
        }
    }
}

extension PageSpace {
    /// A map's root says itself on which level it stands.
    func level(ofRoot reference: PageReference) -> UInt64 {
        // What a root of a map cannot be fails when it is read as a leaf.
        guard let page = peek(reference) else { return 0 }
        let level = PageFormat.owner(of: page)
        let isBranch = PageFormat.kindNumber(of: page) == PageKind.branch.rawValue
        return isBranch && level >= 1 && level <= MapNode.rootLevelMax ? level : 0
    }
}
