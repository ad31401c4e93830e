/// What a chain that is not empty keeps in memory.
@usableFromInline
struct PageChainState {
    /// The tail's entries start so many bytes after the state.
    @usableFromInline static let byteCount = 64

    /// The oldest sealed page, where there is one.
    @usableFromInline var head = PageReference.none
    /// Where the tail will be when it is full; none while no page has ever led to it.
    @usableFromInline var tail = PageReference.none
    /// The head page's content, copied when it is first popped from: nothing that happens to the
    /// cache in between concerns it.
    @usableFromInline var headContent: UnsafeMutableRawPointer?
    /// From the head to the page before the tail, both included.
    @usableFromInline var sealedPageCount: UInt32 = 0
    /// Entries in `headContent`; 0 while it holds none.
    @usableFromInline var headCount: UInt16 = 0
    /// What to pop next: in the head page, or in the tail where there is no page.
    @usableFromInline var position: UInt16 = 0
    @usableFromInline var tailCount: UInt16 = 0
    @usableFromInline var tailCapacity: UInt16

    @inlinable var isTailFull: Bool { tailCount == tailCapacity }

    /// Those of the tail that have been popped.
    var poppedCount: Int { sealedPageCount == 0 ? Int(position) : 0 }

    init(tailCapacity: Int) {
        self.tailCapacity = UInt16(tailCapacity)
    }
}

/// Where things are in a page of a chain.
@usableFromInline
enum PageChainFormat {
    static let entryByteCount = 24
    /// In the content.
    @usableFromInline static let entriesOffset = 16
    static let entryCountMax = (PageFormat.contentByteCount - entriesOffset) / entryByteCount

    /// A sealed page that is what it should be: it has an entry to go on with, and leads to the tail if
    /// it is the last one, and only then (I8).
    ///
    /// - Returns: nil otherwise; the space's `failure` says why.
    static func page(
        _ reference: PageReference, from position: Int, isLast: Bool, tail: PageReference,
        owner: UInt64, _ pages: PageSpace
    ) -> (content: UnsafeRawPointer, count: Int, successor: PageReference)? {
        let page = pages.read(reference, .chain, owner: owner)
        let count = PageFormat.count(of: page)
        let content = page + PageFormat.headerByteCount
        let successor = PageReference(loadingFrom: content)
        guard count > position, count <= entryCountMax, !successor.isNone,
            (successor == tail) == isLast
        else {
            pages.fail(reference, .chain, .illFormed)
            return nil
        }
        return (content, count, successor)
    }
}

extension PageChain {
    private static var firstCapacity: Int { 4 }

    static func allocate(tailCapacity: Int) -> UnsafeMutablePointer<PageChainState> {
        let memory = UnsafeMutableRawPointer.allocate(
            byteCount: PageChainState.byteCount + tailCapacity * MemoryLayout<Entry>.stride,
            alignment: 16)
        (memory + PageChainState.byteCount).bindMemory(to: Entry.self, capacity: tailCapacity)
        let state = memory.bindMemory(to: PageChainState.self, capacity: 1)
        state.initialize(to: PageChainState(tailCapacity: tailCapacity))
        return state
    }

    static func deallocate(_ state: UnsafeMutablePointer<PageChainState>) {
        state.pointee.headContent?.deallocate()
        UnsafeMutableRawPointer(state).deallocate()
    }

    /// Makes room for one more entry in the tail.
    @usableFromInline
    @inline(never)
    mutating func makeRoom(_ pages: PageSpace) {
        let countMax = min(pages.limits.chainEntryCountMax, PageChainFormat.entryCountMax)
        guard let state else {
            self.state = Self.allocate(tailCapacity: min(Self.firstCapacity, countMax))
            return
        }
        let tailCount = Int(state.pointee.tailCount)
        let poppedCount = state.pointee.poppedCount
        if poppedCount * 2 >= tailCount {
            // A queue that stays short needs no page, however much goes through it.
            let entries = Self.tailEntries(state)
            entries.update(from: entries + poppedCount, count: tailCount - poppedCount)
            state.pointee.tailCount = UInt16(tailCount - poppedCount)
            state.pointee.position = 0
        } else if tailCount < countMax {
            let grown = Self.allocate(tailCapacity: min(tailCount * 2, countMax))
            Self.tailEntries(grown).update(from: Self.tailEntries(state), count: tailCount)
            let capacity = grown.pointee.tailCapacity
            grown.pointee = state.pointee
            grown.pointee.tailCapacity = capacity
            UnsafeMutableRawPointer(state).deallocate()
            self.state = grown
        } else {
            seal(state, pages)
        }
    }

    /// The full tail becomes a page; what was popped of it is left out.
    private func seal(_ state: UnsafeMutablePointer<PageChainState>, _ pages: PageSpace) {
        let poppedCount = state.pointee.poppedCount
        let count = Int(state.pointee.tailCount) - poppedCount
        var reference = state.pointee.tail
        let page: UnsafeMutableRawPointer
        if reference.isNone {
            (reference, page) = pages.create(.chain, owner: owner)
        } else {
            page = pages.create(at: reference, .chain, owner: owner)
        }
        let successor = pages.reserve()
        PageFormat.setCount(count, of: page)
        let content = page + PageFormat.headerByteCount
        successor.store(to: content)
        (content + PageChainFormat.entriesOffset).copyMemory(
            from: Self.tailEntries(state) + poppedCount,
            byteCount: count * MemoryLayout<Entry>.stride)
        if state.pointee.sealedPageCount == 0 {
            state.pointee.head = reference
            state.pointee.position = 0
        }
        state.pointee.sealedPageCount += 1
        state.pointee.tail = successor
        state.pointee.tailCount = 0
    }

    /// Copies the head page's content.
    ///
    /// - Returns: false where the page is not what it should be; then the chain is empty.
    @usableFromInline
    @inline(never)
    mutating func loadHead(_ pages: PageSpace) -> Bool {
        guard let state else { return false }
        let head = state.pointee.head
        guard
            let page = PageChainFormat.page(
                head, from: Int(state.pointee.position),
                isLast: state.pointee.sealedPageCount == 1, tail: state.pointee.tail, owner: owner,
                pages)
        else { return lose() }
        let content =
            state.pointee.headContent
            ?? .allocate(byteCount: PageFormat.contentByteCount, alignment: 16)
        let byteCount = PageChainFormat.entriesOffset + page.count * MemoryLayout<Entry>.stride
        content.copyMemory(from: page.content, byteCount: byteCount)
        state.pointee.headContent = content
        state.pointee.headCount = UInt16(page.count)
        return true
    }

    /// What cannot be reached any more is as if it were not there.
    private mutating func lose() -> Bool {
        if let state { Self.deallocate(state) }
        state = nil
        return false
    }

    /// The head page has been popped: its successor is the next, or the tail.
    @usableFromInline
    @inline(never)
    mutating func leaveHead(_ pages: PageSpace) {
        guard let state, let content = state.pointee.headContent else { return }
        pages.free(state.pointee.head)
        state.pointee.head = PageReference(loadingFrom: content)
        state.pointee.sealedPageCount -= 1
        state.pointee.headCount = 0
        state.pointee.position = 0
        guard state.pointee.sealedPageCount == 0 else { return }
        state.pointee.head = .none
        content.deallocate()
        state.pointee.headContent = nil
    }

    /// The last entry is gone. A tail that is still small stays for the next one, so that a queue which
    /// is emptied job by job asks for no memory each time.
    @usableFromInline
    @inline(never)
    mutating func end(_ pages: PageSpace) {
        guard let state else { return }
        if !state.pointee.tail.isNone { pages.free(state.pointee.tail) }
        let capacity = Int(state.pointee.tailCapacity)
        guard capacity > Self.firstCapacity || state.pointee.headContent != nil else {
            state.pointee = PageChainState(tailCapacity: capacity)
            return
        }
        Self.deallocate(state)
        self.state = nil
    }
}
