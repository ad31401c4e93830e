/// The pages of an `OrderedMap`. The header's owner is the level: 0 for leaves, one more than that of
/// its children for a branch. The header's count is the number of entries, at least 1.
///
/// A leaf: keys in rising order in slots behind the header, values from the end of the page downwards,
/// in any order.
/// ```
/// 40 u16 where the values begin: the lowest offset in use; 4,096 with none
/// 42 u16 bytes among the values that belong to no slot any more
/// 44 u16 one more than the slot that was added last, or 0: only a hint, for splitting
/// 46 u16 zero
/// 48     slots of 20 bytes: u64 key high, u64 key low, u16 offset of the value in the page, u16 length
///        …free…
///        values
/// ```
/// A branch:
/// ```
/// 40 u64 zero
/// 48     entries of 28 bytes in rising order: u64 key high, u64 key low, u32 number, u64 stamp
/// ```
/// A child holds the keys from its entry's on, up to the next entry's. The first entry's key is zero
/// whatever its child holds: the lowest child has no bound of its own.
enum MapNode {
    static let valuesStartOffset = 40
    static let unusedByteCountOffset = 42
    static let lastAddedOffset = 44
    static let entriesOffset = 48
    static let slotByteCount = 20
    static let entryByteCount = 28
    static let branchEntryCountMax = (PageFormat.byteCount - entriesOffset) / entryByteCount
    /// A tree of more levels than this cannot be: a level is made by splitting the root below it.
    static let levelMax: UInt64 = 32
    /// Nor one that is read with more than this, so that what is read can grow: with two children a branch
    /// it has more leaves than there are keys to fill them.
    static let rootLevelMax: UInt64 = 24

    @inline(__always)
    static func key(_ entry: UnsafeRawPointer) -> MapKey {
        MapKey(
            high: UInt64(littleEndian: entry.loadUnaligned(as: UInt64.self)),
            low: UInt64(littleEndian: entry.loadUnaligned(fromByteOffset: 8, as: UInt64.self)))
    }

    @inline(__always)
    static func setKey(_ key: MapKey, _ entry: UnsafeMutableRawPointer) {
        entry.storeBytes(of: key.high.littleEndian, as: UInt64.self)
        entry.storeBytes(of: key.low.littleEndian, toByteOffset: 8, as: UInt64.self)
    }

    static func kind(level: UInt64) -> PageKind { level == 0 ? .leaf : .branch }

    static func isWellFormedLeaf(_ page: UnsafeRawPointer) -> Bool {
        let leaf = MapLeaf(reading: page)
        let count = leaf.count
        guard count >= 1, leaf.valuesStart <= PageFormat.byteCount,
            entriesOffset + count * slotByteCount <= leaf.valuesStart
        else { return false }
        // Room is reckoned from this sum when values are moved together.
        var byteCount = leaf.unusedByteCount
        var taken = ByteSet()
        for index in 0..<count {
            let (offset, length) = (leaf.valueOffset(at: index), leaf.valueByteCount(at: index))
            // An empty value may lie anywhere.
            guard length == 0 || offset >= leaf.valuesStart,
                offset + length <= PageFormat.byteCount,
                length <= OrderedMap.valueByteCountMax,
                taken.insert(offset, length),
                index == 0 || leaf.key(at: index - 1) < leaf.key(at: index)
            else { return false }
            byteCount += length
        }
        return byteCount == PageFormat.byteCount - leaf.valuesStart
    }

    static func isWellFormedBranch(_ page: UnsafeRawPointer) -> Bool {
        let branch = MapBranch(reading: page)
        let count = branch.count
        guard count >= 1, count <= branchEntryCountMax, branch.key(at: 0) == .min,
            PageFormat.owner(of: page) >= 1, PageFormat.owner(of: page) <= levelMax
        else { return false }
        for index in 0..<count {
            guard !branch.child(at: index).isNone,
                index == 0 || branch.key(at: index - 1) < branch.key(at: index)
            else { return false }
        }
        return true
    }
}
