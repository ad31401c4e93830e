/// The memory of pages, 4,096 bytes each and so aligned. It lives as long as anyone may read it: the
/// space that works with it, and the thread that writes a frozen generation.
///
/// Taken from the system in slabs and given back all at once: which page lies where is the space's
/// affair, and what it has once needed it will need again.
final class PageMemory: @unchecked Sendable {
    private static let slabPageCount = 64

    private var slabs: [UnsafeMutableRawPointer] = []
    private var usedOfLast = PageMemory.slabPageCount

    deinit {
        for slab in slabs { slab.deallocate() }
    }

    /// Memory for one more page; not zeroed. Only the space's thread may ask.
    func allocate() -> UnsafeMutableRawPointer {
        if usedOfLast == Self.slabPageCount {
            slabs.append(
                .allocate(
                    byteCount: Self.slabPageCount * PageFormat.byteCount,
                    alignment: PageFormat.byteCount))
            usedOfLast = 0
        }
        defer { usedOfLast += 1 }
        return slabs[slabs.count - 1] + usedOfLast * PageFormat.byteCount
    }
}
