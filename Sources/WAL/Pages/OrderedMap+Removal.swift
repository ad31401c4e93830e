extension OrderedMap {
    /// - Returns: whether the key was there.
    @discardableResult
    package mutating func remove(_ key: MapKey) -> Bool {
        if let leaf = finger.leaf(for: key, pages.generation) {
            guard let index = leaf.index(of: key) else { return false }
            if leaf.count > 1 {
                leaf.remove(at: index)
                return true
            }
        } else {
            // What is not there is not copied.
            guard let leaf = leaf(for: key), let index = leaf.index(of: key) else { return false }
            if leaf.count > 1 {
                let copy = writableLeaf(for: key)
                if index < copy.count { copy.remove(at: index) }
                return true
            }
        }
        finger.clear()
        if level == 0 {
            pages.free(root)
            root = .none
        } else {
            removeLeaf(of: key)
        }
        return true
    }

    /// Frees the leaf of the key, which holds nothing else, and each branch that is empty without it.
    private mutating func removeLeaf(of key: MapKey) {
        if hasOneLeaf(root, level) {
            freePath(root, level)
            root = .none
            level = 0
            return
        }
        // The lowest branch that has other children stays; what is below it on the way to the key
        // goes as it is, uncopied.
        var page = pages.write(&root, .branch, owner: level)
        var childLevel = level - 1
        while true {
            let branch = MapBranch(page)
            guard branch.count > 0 else { return }
            let index = branch.childIndex(key)
            if childLevel == 0 || hasOneLeaf(branch.child(at: index), childLevel) {
                freePath(branch.child(at: index), childLevel)
                branch.remove(at: index)
                break
            }
            page = writableChild(of: branch, at: index, childLevel)
            childLevel -= 1
        }
        lowerRoot()
    }

    /// Whether the node is a leaf, or a branch above a single one.
    private func hasOneLeaf(_ reference: PageReference, _ level: UInt64) -> Bool {
        var reference = reference
        var level = level
        while level > 0 {
            let branch = MapBranch(reading: pages.read(reference, .branch, owner: level))
            guard branch.count == 1 else { return false }
            reference = branch.child(at: 0)
            level -= 1
        }
        return true
    }

    /// Frees the node and the only ones below it.
    private func freePath(_ reference: PageReference, _ level: UInt64) {
        var reference = reference
        var level = level
        while level > 0 {
            let branch = MapBranch(reading: pages.read(reference, .branch, owner: level))
            let child = branch.count > 0 ? branch.child(at: 0) : .none
            pages.free(reference)
            guard !child.isNone else { return }
            reference = child
            level -= 1
        }
        pages.free(reference)
    }

    /// A root with one child gives way to it.
    private mutating func lowerRoot() {
        while level > 0 {
            let branch = MapBranch(reading: pages.read(root, .branch, owner: level))
            guard branch.count == 1 else { return }
            let child = branch.child(at: 0)
            pages.free(root)
            root = child
            level -= 1
        }
    }

    /// Frees every page of the map.
    package mutating func removeAll() {
        var references: [PageReference] = []
        forEachPage { reference, _ in references.append(reference) }
        for reference in references { pages.free(reference) }
        finger.clear()
        root = .none
        level = 0
    }
}
