extension PageFormat {
    /// Whether counts and offsets in the content hold together, so that whoever reads the page may
    /// follow them without checking each again. A checksum proves that we wrote a page, not that
    /// what we wrote made sense.
    static func isWellFormed(_ page: UnsafeRawPointer, _ kind: PageKind) -> Bool {
        switch kind {
        case .leaf: MapNode.isWellFormedLeaf(page)
        case .branch: MapNode.isWellFormedBranch(page)
        case .chain: isWellFormedChain(page)
        case .bitmap: PagedBitmap.isWellFormed(page + headerByteCount)
        // Elements are at least 4 bytes long.
        case .array: count(of: page) <= contentByteCount / 4
        }
    }

    /// 24 bytes an entry, behind the reference to the page that follows.
    private static func isWellFormedChain(_ page: UnsafeRawPointer) -> Bool {
        count(of: page) <= (contentByteCount - PageReference.byteCount) / 24
    }
}
