/// What came of a node that was split: the nodes behind it, with their lowest keys.
struct MapSiblings {
    private(set) var first: (key: MapKey, reference: PageReference)?
    private(set) var second: (key: MapKey, reference: PageReference)?

    var count: Int { first == nil ? 0 : second == nil ? 1 : 2 }

    mutating func append(_ key: MapKey, _ reference: PageReference) {
        if first == nil { first = (key, reference) } else { second = (key, reference) }
    }
}

extension OrderedMap {
    /// Inserts an entry that its leaf has no room for. All pages on the way to it are of this
    /// generation.
    mutating func split(for key: MapKey, _ value: UnsafeRawBufferPointer) {
        let siblings = insert(key, value, into: &root, level)
        guard siblings.count > 0 else { return }
        level += 1
        let (reference, page) = pages.create(.branch, owner: level)
        let branch = MapBranch(page)
        branch.insert(.min, root, at: 0)
        if let sibling = siblings.first { branch.insert(sibling.key, sibling.reference, at: 1) }
        if let sibling = siblings.second { branch.insert(sibling.key, sibling.reference, at: 2) }
        root = reference
    }

    private func insert(
        _ key: MapKey, _ value: UnsafeRawBufferPointer, into reference: inout PageReference,
        _ level: UInt64
    ) -> MapSiblings {
        let page = pages.write(&reference, MapNode.kind(level: level), owner: level)
        guard level > 0 else { return split(MapLeaf(page), for: key, value) }
        let branch = MapBranch(page)
        guard branch.count > 0 else { return MapSiblings() }
        let index = branch.childIndex(key)
        var child = branch.child(at: index)
        let siblings = insert(key, value, into: &child, level - 1)
        branch.setChild(child, at: index)
        return siblings.count == 0
            ? siblings : insert(siblings, into: branch, at: index + 1, level)
    }

    // MARK: Leaves

    private func split(
        _ leaf: MapLeaf, for key: MapKey, _ value: UnsafeRawBufferPointer
    ) -> MapSiblings {
        withUnsafeTemporaryAllocation(byteCount: PageFormat.byteCount, alignment: 16) { copy in
            copy.copyMemory(
                from: UnsafeRawBufferPointer(start: leaf.page, count: PageFormat.byteCount))
            let all = LeafWithEntry(
                leaf: MapLeaf(copy.baseAddress!),
                index: MapLeaf(copy.baseAddress!).lowerBound(key), key: key, value: value)
            leaf.clear()
            var siblings = MapSiblings()
            for (position, part) in parts(of: all).enumerated() {
                if position == 0 {
                    all.copy(part, to: leaf)
                } else {
                    let (reference, page) = pages.create(.leaf, owner: 0)
                    MapLeaf(page).clear()
                    all.copy(part, to: MapLeaf(page))
                    siblings.append(all.key(at: part.lowerBound), reference)
                }
            }
            return siblings
        }
    }

    /// Two parts, or three where a long value fits neither with what is before nor after it.
    private func parts(of all: LeafWithEntry) -> [Range<Int>] {
        let countMax = max(pages.limits.nodeEntryCountMax, all.leaf.count)
        let total = all.byteCount(of: 0..<all.count)
        let room = PageFormat.byteCount - MapNode.entriesOffset
        var best: (position: Int, difference: Int)?
        var left = 0
        let preferred = preferredPosition(all)
        for position in 1..<all.count {
            left += all.byteCount(at: position - 1)
            guard left <= room, total - left <= room, position <= countMax,
                all.count - position <= countMax
            else { continue }
            if position == preferred { return [0..<position, position..<all.count] }
            let difference = abs(total - 2 * left)
            if difference < best?.difference ?? .max { best = (position, difference) }
        }
        if let best { return [0..<best.position, best.position..<all.count] }
        return [0..<all.index, all.index..<all.index + 1, all.index + 1..<all.count]
    }

    /// Where rising keys want a leaf to be split, so that none is left half full behind them: before
    /// the new entry at the end; behind it where the run has others after it, so that it goes on at
    /// the end of a leaf.
    private func preferredPosition(_ all: LeafWithEntry) -> Int? {
        guard all.leaf.continuesRun(at: all.index) else { return nil }
        return all.index == all.leaf.count ? all.index : all.index + 1
    }

    // MARK: Branches

    private func insert(
        _ siblings: MapSiblings, into branch: MapBranch, at index: Int, _ level: UInt64
    ) -> MapSiblings {
        let countMax = min(pages.limits.nodeEntryCountMax, MapNode.branchEntryCountMax)
        let count = branch.count + siblings.count
        if count <= countMax {
            add(siblings, to: branch, at: index)
            return MapSiblings()
        }
        // Rising keys leave full branches behind.
        let isAtEnd = index == branch.count
        let position = isAtEnd ? min(branch.count, countMax) : count / 2
        let (reference, page) = pages.create(.branch, owner: level)
        let right = MapBranch(page)
        var entries: [(MapKey, PageReference)] = (0..<branch.count).map {
            (branch.key(at: $0), branch.child(at: $0))
        }
        if let sibling = siblings.second { entries.insert(sibling, at: index) }
        if let sibling = siblings.first { entries.insert(sibling, at: index) }
        PageFormat.setCount(0, of: branch.page)
        for (offset, entry) in entries.enumerated() {
            let target = offset < position ? branch : right
            target.insert(entry.0, entry.1, at: target.count)
        }
        var result = MapSiblings()
        result.append(entries[position].0, reference)
        return result
    }

    private func add(_ siblings: MapSiblings, to branch: MapBranch, at index: Int) {
        if let sibling = siblings.second {
            branch.insert(sibling.key, sibling.reference, at: index)
        }
        if let sibling = siblings.first {
            branch.insert(sibling.key, sibling.reference, at: index)
        }
    }
}

/// The entries of a leaf and one more, which it has no room for.
private struct LeafWithEntry {
    let leaf: MapLeaf
    /// Where the new entry belongs.
    let index: Int
    let key: MapKey
    let value: UnsafeRawBufferPointer

    var count: Int { leaf.count + 1 }

    func key(at position: Int) -> MapKey {
        position == index ? key : leaf.key(at: position < index ? position : position - 1)
    }

    private func value(at position: Int) -> UnsafeRawBufferPointer {
        position == index
            ? value
            : UnsafeRawBufferPointer(leaf.value(at: position < index ? position : position - 1))
    }

    func byteCount(at position: Int) -> Int {
        MapNode.slotByteCount + value(at: position).count
    }

    func byteCount(of part: Range<Int>) -> Int { part.reduce(0) { $0 + byteCount(at: $1) } }

    func copy(_ part: Range<Int>, to target: MapLeaf) {
        for position in part {
            target.insert(key(at: position), value(at: position), at: target.count)
        }
        target.setLastAdded(part.contains(index) ? index - part.lowerBound : nil)
    }
}
