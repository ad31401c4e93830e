/// A set of log sequence numbers, one bit each, in pages that each hold a range of numbers. A range
/// without a bit has no page, but for the highest one, where the next bits will be set.
///
/// ```
/// map's key: high = prefix (top four bits) | range, low = 0         range = number / bitCount
/// map's value: u32, u64 reference of the page
///
/// page's header: owner = range, count = 0
///  0 u32 bits that are set
///  4 u32 zero
///  8 bitCount / 64 words of 64 bits; bit b of word w: number range × bitCount + w × 64 + b
/// ```
/// `bitCount` is 32,384, or what the space's limits say if that is less.
///
/// The map holds all that there is: this is the way to read it, and remembers where the pages are
/// that were written last. All calls get the same map and space. Not to be copied, since a copy would
/// not hear that a page is gone.
package struct PagedBitmap: ~Copyable {
    static let wordsOffset = 8
    package static let bitCountMax = (PageFormat.contentByteCount - wordsOffset) * 8

    /// OR-ed into the high word of each key.
    package let keyPrefix: UInt64
    /// The pages that were written last: enough for those who append and those who remove in order.
    private var recent = WrittenRange()
    private var older = WrittenRange()
    /// The highest range with a page, once somebody had to know.
    private var highest: UInt64?

    private struct WrittenRange {
        var range: UInt64 = 0
        /// A page of the current generation is neither moved nor evicted.
        var generation: UInt32 = 0
        var content: UnsafeMutableRawPointer?
    }

    /// - Parameter keyPrefix: in the top four bits; no other key of the map has it.
    package init(keyPrefix: UInt64) {
        precondition(keyPrefix << 4 == 0, "a prefix has four bits")
        self.keyPrefix = keyPrefix
    }

    package static func bitCount(_ limits: PageLimits) -> UInt64 {
        precondition(
            limits.bitmapBitCount > 0 && limits.bitmapBitCount % 64 == 0,
            "a range is whole words")
        return UInt64(min(limits.bitmapBitCount, bitCountMax))
    }

    package borrowing func contains(
        _ lsn: UInt64, _ map: borrowing OrderedMap, _ pages: PageSpace
    ) -> Bool {
        let (range, bit) = Self.place(of: lsn, pages)
        guard let content = content(of: range, map, pages) else { return false }
        return Self.words(content)[bit >> 6] >> UInt64(bit & 63) & 1 == 1
    }

    /// Sets a bit.
    ///
    /// - Returns: false where it was set, or where the page counts more bits than it has; then none is set.
    @discardableResult
    package mutating func insert(
        _ lsn: UInt64, _ map: inout OrderedMap, _ pages: PageSpace
    ) -> Bool {
        let (range, bit) = Self.place(of: lsn, pages)
        let content =
            writableContent(of: range, &map, pages) ?? makeContent(of: range, &map, pages)
        let word = Self.writableWords(content) + bit >> 6
        let mask: UInt64 = 1 << UInt64(bit & 63)
        let count = Self.count(of: content)
        guard word.pointee & mask == 0, count < Self.bitCount(pages.limits) else { return false }
        word.pointee |= mask
        Self.setCount(count + 1, of: content)
        return true
    }

    /// Clears a bit.
    ///
    /// - Returns: false where it was not set; then nothing has changed.
    package mutating func remove(
        _ lsn: UInt64, _ map: inout OrderedMap, _ pages: PageSpace
    ) -> Bool {
        let (range, bit) = Self.place(of: lsn, pages)
        guard let content = writableContent(of: range, &map, pages) else { return false }
        let word = Self.writableWords(content) + bit >> 6
        let mask: UInt64 = 1 << UInt64(bit & 63)
        let count = Self.count(of: content)
        guard word.pointee & mask != 0, count > 0 else { return false }
        word.pointee ^= mask
        Self.setCount(count - 1, of: content)
        if count == 1, range != highestRange(map, pages) { dropRange(range, &map, pages) }
        return true
    }

    static func place(of lsn: UInt64, _ pages: PageSpace) -> (range: UInt64, bit: Int) {
        let (range, bit) = lsn.quotientAndRemainder(dividingBy: bitCount(pages.limits))
        return (range, Int(bit))
    }

    static func words(_ content: UnsafeRawPointer) -> UnsafePointer<UInt64> {
        (content + wordsOffset).assumingMemoryBound(to: UInt64.self)
    }

    private static func writableWords(
        _ content: UnsafeMutableRawPointer
    ) -> UnsafeMutablePointer<UInt64> {
        (content + wordsOffset).assumingMemoryBound(to: UInt64.self)
    }

    /// How many bits of the page are set.
    static func count(of content: UnsafeRawPointer) -> Int {
        Int(UInt32(littleEndian: content.load(as: UInt32.self)))
    }

    static func isWellFormed(_ content: UnsafeRawPointer) -> Bool {
        count(of: content) == setBitCount(content, 0...bitCountMax - 1)
    }

    private static func setCount(_ count: Int, of content: UnsafeMutableRawPointer) {
        content.storeBytes(of: UInt32(count).littleEndian, as: UInt32.self)
    }

    func key(of range: UInt64) -> MapKey { MapKey(high: keyPrefix | range, low: 0) }

    /// What to read of a range; nil where it has no page. Good as long as what `read` gives.
    borrowing func content(
        of range: UInt64, _ map: borrowing OrderedMap, _ pages: PageSpace
    ) -> UnsafeRawPointer? {
        if let content = writtenContent(of: range, pages) { return UnsafeRawPointer(content) }
        guard let reference = reference(of: range, map, pages) else { return nil }
        return pages.read(reference, .bitmap, owner: range) + PageFormat.headerByteCount
    }

    private borrowing func reference(
        of range: UInt64, _ map: borrowing OrderedMap, _ pages: PageSpace
    ) -> PageReference? {
        guard let value = map.find(key(of: range)) else { return nil }
        return reference(of: range, in: value, pages)
    }

    borrowing func reference(
        of range: UInt64, in value: UnsafeRawBufferPointer, _ pages: PageSpace
    ) -> PageReference? {
        guard value.count == PageReference.byteCount else {
            pages.condemn("range \(range) of a bitmap has a reference of \(value.count) bytes")
            return nil
        }
        return PageReference(loadingFrom: value.baseAddress!)
    }

    @inline(__always)
    private borrowing func writtenContent(
        of range: UInt64, _ pages: PageSpace
    ) -> UnsafeMutableRawPointer? {
        let generation = pages.generation
        if recent.range == range, recent.generation == generation { return recent.content }
        if older.range == range, older.generation == generation { return older.content }
        return nil
    }

    @inline(__always)
    private mutating func writableContent(
        of range: UInt64, _ map: inout OrderedMap, _ pages: PageSpace
    ) -> UnsafeMutableRawPointer? {
        if let content = writtenContent(of: range, pages) { return content }
        return madeWritable(range, &map, pages)
    }

    @inline(never)
    private mutating func madeWritable(
        _ range: UInt64, _ map: inout OrderedMap, _ pages: PageSpace
    ) -> UnsafeMutableRawPointer? {
        guard let former = reference(of: range, map, pages) else { return nil }
        var reference = former
        let page = pages.write(&reference, .bitmap, owner: range)
        if reference != former {
            _ = map.change(key(of: range)) { reference.store(to: $0.baseAddress!) }
        }
        return remember(page, of: range, pages)
    }

    @inline(never)
    private mutating func makeContent(
        of range: UInt64, _ map: inout OrderedMap, _ pages: PageSpace
    ) -> UnsafeMutableRawPointer {
        let highest = highestRange(map, pages)
        let (reference, page) = pages.create(.bitmap, owner: range)
        withUnsafeTemporaryAllocation(byteCount: PageReference.byteCount, alignment: 4) {
            reference.store(to: $0.baseAddress!)
            map.insert(key(of: range), UnsafeRawBufferPointer($0))
        }
        if highest.map({ $0 < range }) ?? true { self.highest = range }
        // It was kept for what comes next, and that has passed it.
        if let highest, highest < range, let content = content(of: highest, map, pages),
            Self.count(of: content) == 0
        {
            dropRange(highest, &map, pages)
        }
        return remember(page, of: range, pages)
    }

    private mutating func remember(
        _ page: UnsafeMutableRawPointer, of range: UInt64, _ pages: PageSpace
    ) -> UnsafeMutableRawPointer {
        let content = page + PageFormat.headerByteCount
        older = recent
        recent = WrittenRange(range: range, generation: pages.generation, content: content)
        return content
    }

    private mutating func dropRange(
        _ range: UInt64, _ map: inout OrderedMap, _ pages: PageSpace
    ) {
        if recent.range == range { recent = WrittenRange() }
        if older.range == range { older = WrittenRange() }
        guard let reference = reference(of: range, map, pages) else { return }
        map.remove(key(of: range))
        pages.free(reference)
    }

    private mutating func highestRange(
        _ map: borrowing OrderedMap, _ pages: PageSpace
    ) -> UInt64? {
        if highest == nil { highest = lastRange(map, pages) }
        return highest
    }
}
