/// Sizes as parameters: tests use tiny ones, so that every border is crossed within a hundred
/// operations.
package struct PageLimits: Sendable {
    /// Entries of a map's node, at least 3; bytes bound them anyway.
    package var nodeEntryCountMax = Int.max
    /// Entries of 24 bytes in a page of a chain.
    package var chainEntryCountMax = 168
    /// Bits in a page of a bitmap; a multiple of 64.
    package var bitmapBitCount = 32_384
    /// Elements in a page of a `PagedArray`; bytes bound them anyway.
    package var arrayElementCountMax = Int.max
    /// Pages in memory. Those that wait to be written and those that are pinned may exceed it.
    package var cachedPageCountMax = 16_384
    /// Pages to read at a time, at least 1.
    package var readAheadPageCount = 16

    package init() {}
}
