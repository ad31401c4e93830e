/// What the content of a page is. The numbers are the format's.
package enum PageKind: UInt16, CaseIterable, Sendable {
    /// Keys and values of an `OrderedMap`.
    case leaf = 1
    /// Keys and references of an `OrderedMap`.
    case branch = 2
    /// Entries of a `PageChain`.
    case chain = 3
    /// Bits of a `PagedBitmap`.
    case bitmap = 4
    /// Elements of a `PagedArray`.
    case array = 5
}
