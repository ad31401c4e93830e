/// An ordered map from 16-byte keys to values of 0 to 2,304 bytes: a B+tree on the pages of a
/// `PageSpace`, changed by copy on write, so that its root at a freeze is that freeze's content for
/// ever.
///
/// Nodes are freed when they are empty and never merged before: with more inserts than removals it
/// costs hardly any room, and it spares the writes of merging (Johnson and Shasha, "B-trees with
/// inserts and deletes: why free-at-empty is better than merge-at-half", 1993).
///
/// A node that a page failure has emptied reads as empty; nothing here ends the process or loops.
package struct OrderedMap {
    /// The longest value, in bytes.
    package static let valueByteCountMax = 2_304

    package let pages: PageSpace
    package internal(set) var root: PageReference
    /// The root's level; of no account without one.
    var level: UInt64 = 0
    var finger = MapFinger()

    /// - Parameter root: of a map that was on these pages before.
    package init(_ pages: PageSpace, root: PageReference = .none) {
        self.pages = pages
        self.root = root
        if !root.isNone { level = pages.level(ofRoot: root) }
    }

    package var isEmpty: Bool { root.isNone }
}

/// The leaf that was changed last, and which keys belong there. While the generation lasts, the page
/// is a dirty one: it stays where it is and may be changed without its parents.
struct MapFinger {
    private var leaf: MapLeaf?
    private var generation: UInt32 = 0
    /// Keys from `low` on, up to and not including `high`; all from `low` on where that is nil.
    private var low = MapKey.min
    private var high: MapKey?

    mutating func set(_ leaf: MapLeaf, _ generation: UInt32, low: MapKey, high: MapKey?) {
        self.leaf = leaf
        self.generation = generation
        self.low = low
        self.high = high
    }

    mutating func clear() { leaf = nil }

    @inline(__always)
    func leaf(for key: MapKey, _ generation: UInt32) -> MapLeaf? {
        guard let leaf, self.generation == generation, !(key < low) else { return nil }
        if let high, !(key < high) { return nil }
        return leaf
    }
}
