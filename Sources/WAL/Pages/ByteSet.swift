/// Bytes of a page, to see that no two values share one.
struct ByteSet {
    private var words = InlineArray<64, UInt64>(repeating: 0)

    /// - Parameters:
    ///   - start: with `count` below the length of a page.
    /// - Returns: false where one of them is in the set already.
    mutating func insert(_ start: Int, _ count: Int) -> Bool {
        var start = start
        let end = start + count
        while start < end {
            let bit = start & 63
            let part = min(end - start, 64 - bit)
            let mask = (UInt64.max >> UInt64(64 - part)) << UInt64(bit)
            guard words[start / 64] & mask == 0 else { return false }
            words[start / 64] |= mask
            start += part
        }
        return true
    }
}
