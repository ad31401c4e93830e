/// Elements of one size by index, in pages that are always in memory: for what is bounded and looked
/// up often. An element that was never written reads as zeros.
///
/// ```
/// page's header: owner = identifier << 32 | position of the page, count = elements in a page
///  0 count × stride bytes
/// ```
/// `elementsPerPage` is what fits into 4,056 bytes, or what the space's limits say. The elements are
/// laid out as Swift lays out their type on this (little-endian) machine: their type says where each
/// field is, and leaves no gap.
///
/// An array owns its table of pages, and so cannot be copied. `deinit` leaves the pages alone.
@usableFromInline
package struct PagedArray<Element: BitwiseCopyable>: ~Copyable {
    @usableFromInline let pages: PageSpace
    package let identifier: UInt32
    @usableFromInline package let elementsPerPage: Int
    /// ⌈2^64 / elementsPerPage⌉, to divide by it with a multiplication.
    @usableFromInline let reciprocal: UInt64
    @usableFromInline var slots: UnsafeMutablePointer<PagedArraySlot>
    /// Slots that are in use.
    @usableFromInline var pageCount = 0
    private var capacity = 4

    /// - Parameters:
    ///   - identifier: no other array's of the space.
    ///   - references: of an array that was kept; its pages are read, lowest number first. One that is
    ///     not what it should be reads as zeros, and the space's `failure` says why.
    package init(
        _ pages: PageSpace, identifier: UInt32, references: [PageReference] = []
    ) {
        precondition(
            MemoryLayout<Element>.stride % 4 == 0
                && MemoryLayout<Element>.size == MemoryLayout<Element>.stride
                && MemoryLayout<Element>.alignment <= 8,
            "an element is a multiple of four bytes, and aligned to eight at most")
        let elementsPerPage = Self.elementsPerPage(pages.limits)
        precondition(elementsPerPage >= 2, "a page holds at least two elements")
        self.pages = pages
        self.identifier = identifier
        self.elementsPerPage = elementsPerPage
        reciprocal = UInt64.max / UInt64(elementsPerPage) + 1
        slots = .allocate(capacity: capacity)
        restore(references)
    }

    deinit {
        slots.deallocate()
    }

    package static func elementsPerPage(_ limits: PageLimits) -> Int {
        min(PageFormat.contentByteCount / MemoryLayout<Element>.stride, limits.arrayElementCountMax)
    }

    /// Where the pages are, by position; `.none` where there is none. What brings the array back.
    package var references: [PageReference] {
        (0..<pageCount).map { slots[$0].reference }
    }

    /// From this index on everything reads as zeros.
    package var elementEnd: Int { pageCount * elementsPerPage }

    /// Calls `body` with each page that there is.
    package borrowing func forEachPage(_ body: (PageReference) -> Void) {
        for page in 0..<pageCount where !slots[page].reference.isNone {
            body(slots[page].reference)
        }
    }

    /// A copy of the element.
    ///
    /// - Parameter index: below 2^32, as everywhere.
    @inlinable
    package borrowing func element(_ index: Int) -> Element {
        if let pointer = pointer(index) { return pointer.pointee }
        return withUnsafeTemporaryAllocation(of: Element.self, capacity: 1) {
            _ = UnsafeMutableRawBufferPointer($0).initializeMemory(as: UInt8.self, repeating: 0)
            return $0[0]
        }
    }

    /// The element; nil where it reads as zeros. Good until the page is written or dropped.
    @inlinable
    @inline(__always)
    package borrowing func pointer(_ index: Int) -> UnsafePointer<Element>? {
        let page = page(of: index)
        guard page < pageCount, let content = slots[page].content else { return nil }
        return UnsafePointer(at(index, in: page, content))
    }

    /// The element, to be changed: its page is made, or copied, if need be. Good until the next
    /// `freeze` of the space.
    @inlinable
    @inline(__always)
    package mutating func mutablePointer(_ index: Int) -> UnsafeMutablePointer<Element> {
        let page = page(of: index)
        if page >= pageCount || slots[page].writableGeneration != Int64(pages.generation) {
            makeWritable(page)
        }
        return at(index, in: page, slots[page].content.unsafelyUnwrapped)
    }

    /// Frees the page that the element is in: all its elements read as zeros.
    package mutating func dropPage(holding index: Int) {
        let page = page(of: index)
        if page < pageCount { drop(page) }
        while pageCount > 0, slots[pageCount - 1].reference.isNone { pageCount -= 1 }
    }

    /// Frees all pages: everything reads as zeros.
    package mutating func removeAll() {
        for page in 0..<pageCount { drop(page) }
        pageCount = 0
    }

    @inlinable
    @inline(__always)
    borrowing func page(of index: Int) -> Int {
        // Exact for dividend and divisor below 2^32 (Lemire, Kaser, Kurz, "Faster remainder by
        // direct computation", 2019).
        Int(UInt64(UInt32(index)).multipliedFullWidth(by: reciprocal).high)
    }

    @inlinable
    @inline(__always)
    borrowing func at(
        _ index: Int, in page: Int, _ content: UnsafeMutableRawPointer
    ) -> UnsafeMutablePointer<Element> {
        content.assumingMemoryBound(to: Element.self) + (index &- page &* elementsPerPage)
    }

    private func owner(of page: Int) -> UInt64 { UInt64(identifier) << 32 | UInt64(page) }

    private mutating func restore(_ references: [PageReference]) {
        guard !references.isEmpty else { return }
        extend(to: references.count)
        for page in 0..<pageCount { slots[page].reference = references[page] }
        // In the order of the disk, so that reading ahead is of use.
        let order = (0..<pageCount).filter { !references[$0].isNone }
            .sorted { references[$0].number < references[$1].number }
        for page in order {
            let start = pages.read(references[page], .array, owner: owner(of: page))
            guard PageFormat.count(of: start) == elementsPerPage else {
                pages.fail(references[page], .array, .illFormed)
                continue
            }
            pages.pin(references[page])
            slots[page].content = UnsafeMutableRawPointer(
                mutating: start + PageFormat.headerByteCount)
        }
    }

    @usableFromInline
    @inline(never)
    mutating func makeWritable(_ page: Int) {
        if page >= pageCount { extend(to: page + 1) }
        let slot = slots + page
        let start: UnsafeMutableRawPointer
        if slot.pointee.reference.isNone {
            (slot.pointee.reference, start) = pages.create(.array, owner: owner(of: page))
        } else {
            start = pages.write(&slot.pointee.reference, .array, owner: owner(of: page))
        }
        PageFormat.setCount(elementsPerPage, of: start)
        pages.pin(slot.pointee.reference)
        slot.pointee.content = start + PageFormat.headerByteCount
        slot.pointee.writableGeneration = Int64(pages.generation)
    }

    private mutating func drop(_ page: Int) {
        if !slots[page].reference.isNone { pages.free(slots[page].reference) }
        slots[page] = PagedArraySlot()
    }

    private mutating func extend(to count: Int) {
        if count > capacity {
            let grown = max(count, capacity * 2)
            let moved = UnsafeMutablePointer<PagedArraySlot>.allocate(capacity: grown)
            moved.moveInitialize(from: slots, count: pageCount)
            slots.deallocate()
            slots = moved
            capacity = grown
        }
        (slots + pageCount).initialize(repeating: PagedArraySlot(), count: count - pageCount)
        pageCount = count
    }
}

/// What an array knows of one of its pages.
@usableFromInline
struct PagedArraySlot {
    /// Nil where there is no page, or it is not what it should be.
    @usableFromInline var content: UnsafeMutableRawPointer?
    /// In which generation the page was last made writable; none has the number -1.
    @usableFromInline var writableGeneration: Int64 = -1
    var reference = PageReference.none
}
