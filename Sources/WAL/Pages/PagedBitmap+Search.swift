extension PagedBitmap {
    /// The lowest number in the set that is `lsn` or more.
    package borrowing func first(
        from lsn: UInt64, _ map: borrowing OrderedMap, _ pages: PageSpace
    ) -> UInt64? {
        let bitCount = Self.bitCount(pages.limits)
        let (range, bit) = Self.place(of: lsn, pages)
        if let content = content(of: range, map, pages),
            let found = Self.firstBit(content, from: bit, bitCount)
        {
            return number(range, found, pages)
        }
        var start = range + 1
        while let (next, reference) = self.range(from: start, map, pages) {
            let page = pages.read(reference, .bitmap, owner: next)
            if let found = Self.firstBit(page + PageFormat.headerByteCount, from: 0, bitCount) {
                return number(next, found, pages)
            }
            start = next + 1
        }
        return nil
    }

    package borrowing func isEmpty(
        in lsns: ClosedRange<UInt64>, _ map: borrowing OrderedMap, _ pages: PageSpace
    ) -> Bool {
        guard let first = first(from: lsns.lowerBound, map, pages) else { return true }
        return first > lsns.upperBound
    }

    /// How many of these numbers are in the set. Reads each page that has one of them.
    package borrowing func count(
        in lsns: ClosedRange<UInt64>, _ map: borrowing OrderedMap, _ pages: PageSpace
    ) -> Int {
        let bitCount = Self.bitCount(pages.limits)
        let first = Self.place(of: lsns.lowerBound, pages)
        let last = Self.place(of: lsns.upperBound, pages)
        var count = 0
        var start = first.range
        while let (range, reference) = self.range(from: start, map, pages), range <= last.range {
            let content =
                pages.read(reference, .bitmap, owner: range) + PageFormat.headerByteCount
            let low = range == first.range ? first.bit : 0
            let high = range == last.range ? last.bit : Int(bitCount) - 1
            count +=
                low == 0 && high == Int(bitCount) - 1
                ? Self.count(of: content) : Self.setBitCount(content, low...high)
            start = range + 1
        }
        return count
    }

    /// Calls `body` with the reference of each page.
    package borrowing func forEachPage(
        _ map: borrowing OrderedMap, _ pages: PageSpace, _ body: (PageReference) -> Void
    ) {
        var start: UInt64 = 0
        while let (range, reference) = self.range(from: start, map, pages) {
            body(reference)
            start = range + 1
        }
    }

    /// What does not hold together, in words. Reads all pages, and trims the space.
    package borrowing func check(
        _ map: borrowing OrderedMap, _ pages: PageSpace
    ) -> [String] {
        let bitCount = Int(Self.bitCount(pages.limits))
        var faults: [String] = []
        let last = lastRange(map, pages)
        var start: UInt64 = 0
        while let (range, reference) = self.range(from: start, map, pages) {
            let content =
                pages.read(reference, .bitmap, owner: range) + PageFormat.headerByteCount
            let count = Self.setBitCount(content, 0...Self.bitCountMax - 1)
            if count != Self.count(of: content) {
                faults.append("range \(range) says \(Self.count(of: content)) bits, has \(count)")
            }
            if count != Self.setBitCount(content, 0...bitCount - 1) {
                faults.append("range \(range) has bits beyond its \(bitCount)")
            }
            if count == 0, range != last { faults.append("range \(range) is empty") }
            pages.trim()
            start = range + 1
        }
        return faults
    }

    /// The lowest range from `start` on that has a page.
    private borrowing func range(
        from start: UInt64, _ map: borrowing OrderedMap, _ pages: PageSpace
    ) -> (range: UInt64, reference: PageReference)? {
        guard let (key, value) = map.first(from: key(of: start)) else { return nil }
        let range = key.high ^ keyPrefix
        guard range >> 60 == 0 else { return nil }
        guard key.low == 0 else {
            pages.condemn("range \(range) of a bitmap stands where nobody looks for it")
            return nil
        }
        // Its numbers have to be such.
        guard number(range, 0, pages) != nil,
            let reference = reference(of: range, in: value, pages)
        else { return nil }
        return (range, reference)
    }

    /// The number of a bit; nil where it would be above all, which fails.
    private borrowing func number(_ range: UInt64, _ bit: Int, _ pages: PageSpace) -> UInt64? {
        let (start, isBeyond) = range.multipliedReportingOverflow(
            by: Self.bitCount(pages.limits))
        let (number, isOver) = start.addingReportingOverflow(UInt64(bit))
        guard isBeyond || isOver else { return number }
        pages.condemn("bit \(bit) of range \(range) of a bitmap is above all numbers")
        return nil
    }

    /// The highest range that has a page. The map looks upwards only, so it is closed in on by halves:
    /// at most sixty look-ups, once.
    borrowing func lastRange(
        _ map: borrowing OrderedMap, _ pages: PageSpace
    ) -> UInt64? {
        guard var low = range(from: 0, map, pages)?.range else { return nil }
        var high: UInt64 = 1 << 60
        while high - low > 1 {
            let middle = low + (high - low) / 2
            if let found = range(from: middle, map, pages) {
                low = found.range
            } else {
                high = middle
            }
        }
        return low
    }

    private static func firstBit(
        _ content: UnsafeRawPointer, from bit: Int, _ bitCount: UInt64
    ) -> Int? {
        let words = words(content)
        var index = bit >> 6
        var word = words[index] & (~0 << UInt64(bit & 63))
        while word == 0 {
            index += 1
            if index == Int(bitCount) >> 6 { return nil }
            word = words[index]
        }
        return index << 6 + word.trailingZeroBitCount
    }

    static func setBitCount(_ content: UnsafeRawPointer, _ bits: ClosedRange<Int>) -> Int {
        let words = words(content)
        let (first, last) = (bits.lowerBound >> 6, bits.upperBound >> 6)
        var count = 0
        for index in first...last {
            var word = words[index]
            if index == first { word &= ~0 << UInt64(bits.lowerBound & 63) }
            if index == last { word &= ~0 >> UInt64(63 - bits.upperBound & 63) }
            count += word.nonzeroBitCount
        }
        return count
    }
}
