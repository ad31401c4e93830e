/// First in, first out: entries of 24 bytes, in pages that are written once, read once and freed.
///
/// ```
/// head ──► sealed page ──► sealed page ──► tail
/// popped from, as a copy   on the disk     a growing buffer, where entries are appended
/// ```
/// A sealed page must say which one follows it, and is not touched again: so the place of the tail
/// is reserved when the page before it is sealed. The first tail has no place yet: a chain that
/// stays short never asks for a page. A chain of any length takes 64 bytes, its tail and a copy of
/// its head page; an empty one takes no pages, and at most its first small tail.
///
/// ```
/// page's header: owner = the chain's, count = the entries
///  0 u32, u64  reference of the page that follows
/// 12 u32       zero
/// 16 count × 24 bytes
/// ```
/// A chain owns its memory, and so cannot be copied; `deinit` frees the memory and leaves the pages
/// alone. Where it is stored in memory of the caller's own, that is `deinitialize`. The pages go by
/// popping or by `removeAll`.
///
/// Where a page is not what it should be, the chain is empty from there on, and the space's `failure`
/// says why.
@usableFromInline
package struct PageChain<Entry: BitwiseCopyable>: ~Copyable {
    /// Whose pages they are; in the header of each.
    @usableFromInline package let owner: UInt64
    /// What a chain that is not empty keeps in memory, the tail's entries behind it.
    @usableFromInline var state: UnsafeMutablePointer<PageChainState>?

    package init(owner: UInt64) {
        precondition(
            MemoryLayout<Entry>.size == PageChainFormat.entryByteCount
                && MemoryLayout<Entry>.stride == PageChainFormat.entryByteCount
                && MemoryLayout<Entry>.alignment <= 8,
            "an entry of a chain has 24 bytes")
        self.owner = owner
    }

    deinit {
        guard let state else { return }
        Self.deallocate(state)
    }

    @inlinable package var isEmpty: Bool {
        guard let state else { return true }
        return state.pointee.sealedPageCount == 0
            && state.pointee.position == state.pointee.tailCount
    }

    /// Pages that hold entries; what is in the tail comes on top.
    package var sealedPageCount: Int { state.map { Int($0.pointee.sealedPageCount) } ?? 0 }

    /// Where the tail will be once it is full: a number in use without a page.
    package var reservation: PageReference { state?.pointee.tail ?? .none }

    @inlinable
    @inline(__always)
    package mutating func append(_ entry: Entry, _ pages: PageSpace) {
        if state == nil || state.unsafelyUnwrapped.pointee.isTailFull { makeRoom(pages) }
        let state = self.state.unsafelyUnwrapped
        Self.tailEntries(state)[Int(state.pointee.tailCount)] = entry
        state.pointee.tailCount += 1
    }

    /// Takes the oldest entry out.
    ///
    /// - Returns: nil where there is none, or where its page is not what it should be.
    @inlinable
    @inline(__always)
    package mutating func popFirst(_ pages: PageSpace) -> Entry? {
        guard let state else { return nil }
        let position = state.pointee.position
        guard state.pointee.sealedPageCount > 0 else {
            guard position < state.pointee.tailCount else { return nil }
            let entry = Self.tailEntries(state)[Int(position)]
            state.pointee.position = position + 1
            if position + 1 == state.pointee.tailCount { end(pages) }
            return entry
        }
        if state.pointee.headCount == 0, !loadHead(pages) { return nil }
        let entry = Self.headEntries(state)[Int(position)]
        state.pointee.position = position + 1
        if position + 1 == state.pointee.headCount { leaveHead(pages) }
        return entry
    }

    /// Frees all pages. Trims the space.
    package mutating func removeAll(_ pages: PageSpace) {
        forEachPage(pages) { pages.free($0) }
        end(pages)
    }

    /// Calls `body` with the reference of each sealed page, in order, after the page has been read
    /// for its successor; the last need not be. Trims the space: a chain may be far longer than
    /// the cache.
    package borrowing func forEachPage(_ pages: PageSpace, _ body: (PageReference) -> Void) {
        guard let state else { return }
        var reference = state.pointee.head
        var count = state.pointee.sealedPageCount
        while count > 0 {
            var successor = state.pointee.tail
            if count > 1 {
                guard
                    let page = PageChainFormat.page(
                        reference, from: 0, isLast: false, tail: state.pointee.tail, owner: owner,
                        pages)
                else { return }
                successor = page.successor
            }
            body(reference)
            pages.trim()
            reference = successor
            count -= 1
        }
    }

    @inlinable
    @inline(__always)
    static func tailEntries(
        _ state: UnsafeMutablePointer<PageChainState>
    ) -> UnsafeMutablePointer<Entry> {
        (UnsafeMutableRawPointer(state) + PageChainState.byteCount)
            .assumingMemoryBound(to: Entry.self)
    }

    @inlinable
    @inline(__always)
    static func headEntries(
        _ state: UnsafeMutablePointer<PageChainState>
    ) -> UnsafeMutablePointer<Entry> {
        (state.pointee.headContent.unsafelyUnwrapped + PageChainFormat.entriesOffset)
            .assumingMemoryBound(to: Entry.self)
    }
}
