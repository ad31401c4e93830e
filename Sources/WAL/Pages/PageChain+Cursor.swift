extension PageChain {
    /// Calls `body` with each entry, the oldest first; ends where a page is not what it should be. Trims
    /// the space as it goes: a chain may be far longer than the cache.
    package borrowing func forEach(_ pages: PageSpace, _ body: (Entry) -> Void) {
        var cursor = Cursor(self)
        var count = 0
        while let entry = cursor.next(pages) {
            body(entry)
            count += 1
            if count % 65_536 == 0 { cursor.trim(pages) }
        }
    }

    /// Walks a chain without changing it. Good until the chain is changed; `trim` of the space takes
    /// the page that the cursor stands in, `Cursor.trim` lets it go on.
    @usableFromInline
    package struct Cursor {
        @usableFromInline var entries: UnsafePointer<Entry>?
        @usableFromInline var position = 0
        @usableFromInline var end = 0
        /// The page that `entries` are in; none where they are in the chain's own memory.
        @usableFromInline var current = PageReference.none
        /// The page to read next, what to begin with there, and how many there are from it on.
        @usableFromInline var following = PageReference.none
        @usableFromInline var followingPosition = 0
        @usableFromInline var pageCount = 0
        @usableFromInline var tail: UnsafePointer<Entry>?
        @usableFromInline var tailCount = 0
        /// Where the last page must lead.
        @usableFromInline var reservation = PageReference.none
        @usableFromInline var isInTail = false
        @usableFromInline let owner: UInt64

        /// - Parameter chain: the cursor starts with its oldest entry.
        @inlinable
        package init(_ chain: borrowing PageChain) {
            owner = chain.owner
            guard let state = chain.state else { return }
            pageCount = Int(state.pointee.sealedPageCount)
            tail = UnsafePointer(PageChain.tailEntries(state))
            tailCount = Int(state.pointee.tailCount)
            reservation = state.pointee.tail
            guard pageCount > 0 else {
                entries = tail
                position = Int(state.pointee.position)
                end = tailCount
                isInTail = true
                return
            }
            following = state.pointee.head
            followingPosition = Int(state.pointee.position)
            if let content = state.pointee.headContent, state.pointee.headCount > 0 {
                entries = UnsafePointer(PageChain.headEntries(state))
                position = followingPosition
                end = Int(state.pointee.headCount)
                following = PageReference(loadingFrom: content)
                followingPosition = 0
                pageCount -= 1
            }
        }

        /// The next entry; nil after the last, and where a page is not what it should be.
        @inlinable
        @inline(__always)
        package mutating func next(_ pages: PageSpace) -> Entry? {
            if position == end, !advance(pages) { return nil }
            let entry = entries.unsafelyUnwrapped[position]
            position += 1
            return entry
        }

        /// Trims the space in the middle of a long walk.
        package mutating func trim(_ pages: PageSpace) {
            if !current.isNone {
                // A page that has nothing more is not gone back to.
                if position < end {
                    following = current
                    followingPosition = position
                    pageCount += 1
                }
                current = .none
                entries = nil
                position = 0
                end = 0
            }
            pages.trim()
        }

        /// Goes to the next page, or to the tail.
        @usableFromInline
        @inline(never)
        mutating func advance(_ pages: PageSpace) -> Bool {
            if pageCount > 0 {
                guard
                    let page = PageChainFormat.page(
                        following, from: followingPosition, isLast: pageCount == 1,
                        tail: reservation, owner: owner, pages)
                else { return finish() }
                current = following
                following = page.successor
                position = followingPosition
                end = page.count
                followingPosition = 0
                pageCount -= 1
                entries = (page.content + PageChainFormat.entriesOffset)
                    .assumingMemoryBound(to: Entry.self)
                return true
            }
            current = .none
            guard !isInTail, tailCount > 0 else { return finish() }
            isInTail = true
            entries = tail
            position = 0
            end = tailCount
            return true
        }

        private mutating func finish() -> Bool {
            current = .none
            pageCount = 0
            isInTail = true
            position = 0
            end = 0
            return false
        }
    }
}
