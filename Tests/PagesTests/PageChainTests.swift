import HoldfastPages
import Testing

@Suite struct PageChainTests {
    /// Like an entry of a lane: no two are the same.
    struct Entry: Equatable {
        var number: UInt64
        var middle: UInt64
        var last: UInt64

        init(_ number: UInt64) {
            self.number = number
            middle = number &* 3
            last = ~number
        }
    }

    typealias Chain = PageChain<Entry>
    typealias Rig = StructureRig<[[Entry]]>

    private func root(_ chain: borrowing Chain) -> [UInt8] {
        var bytes: [UInt8] = []
        chain.encode(into: &bytes)
        return bytes
    }

    private func decode(_ bytes: [UInt8], owner: UInt64, in pages: PageSpace) -> Chain? {
        var chain: Chain?
        bytes.withUnsafeBytes {
            var rest = $0
            chain = Chain(decoding: &rest, owner: owner, in: pages)
        }
        return chain
    }

    private func drain(_ chain: inout Chain, _ pages: PageSpace) -> [UInt64] {
        var numbers: [UInt64] = []
        while let entry = chain.popFirst(pages) { numbers.append(entry.number) }
        return numbers
    }

    @Test(
        "chains are what arrays are, whatever happens to the pages",
        arguments: 1...40 as ClosedRange<UInt64>)
    func randomRun(seed: UInt64) throws {
        var run = ChainRun(seed: seed)
        try run.run(steps: 1_500)
    }

    @Test("a sealed page has its successor's place and its entries")
    func layout() throws {
        let rig = Rig(PageLimits())
        var chain = Chain(owner: 0x77)
        for number in 0..<(168 * 2 + 1) as Range<UInt64> { chain.append(Entry(number), rig.pages) }
        let sealedPageCount = chain.sealedPageCount
        #expect(sealedPageCount == 2)
        var references: [PageReference] = []
        chain.forEachPage(rig.pages) { references.append($0) }
        try #require(references.count == 2)
        let page = rig.pages.read(references[0], .chain, owner: 0x77)
        let content = page + PageFormat.headerByteCount
        #expect(PageFormat.count(of: page) == 168)
        #expect(PageReference(loadingFrom: content) == references[1])
        #expect(content.load(fromByteOffset: 12, as: UInt32.self) == 0)
        for index in 0..<168 {
            let entry = content.load(fromByteOffset: 16 + index * 24, as: Entry.self)
            #expect(entry == Entry(UInt64(index)))
        }
        let second = rig.pages.read(references[1], .chain, owner: 0x77) + PageFormat.headerByteCount
        let reservation = chain.reservation
        #expect(PageReference(loadingFrom: second) == reservation)
        #expect(rig.pages.usedPageCount == 3)
        chain.removeAll(rig.pages)
        #expect(rig.pages.usedPageCount == 0)
    }

    @Test("the encoded form, byte for byte")
    func golden() {
        let rig = Rig(.tiny)
        var chain = Chain(owner: 1)
        #expect(root(chain) == [UInt8](repeating: 0, count: 32))
        for number in 0..<5 as Range<UInt64> { chain.append(Entry(number), rig.pages) }
        _ = chain.popFirst(rig.pages)
        let bytes = root(chain)
        #expect(bytes.count == 32 + 2 * 24)
        #expect(bytes[0..<8] == [1, 0, 0, 0, 1, 0, 2, 0])
        // Number 1 with the first stamp of the first epoch; number 2 with the second.
        #expect(bytes[8..<20] == [1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0])
        #expect(bytes[20..<32] == [2, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0])
        #expect(bytes[32..<40] == [3, 0, 0, 0, 0, 0, 0, 0])
    }

    @Test("a queue that stays short needs no page, however much goes through it")
    func shortQueue() {
        let rig = Rig(PageLimits())
        var chain = Chain(owner: 1)
        var (appended, popped): (UInt64, UInt64) = (0, 0)
        for round in 0..<2_000 {
            for _ in 0..<(round % 80) {
                chain.append(Entry(appended), rig.pages)
                appended += 1
            }
            while popped < appended {
                let first = chain.popFirst(rig.pages)
                #expect(first == Entry(popped))
                popped += 1
                if popped + UInt64(round % 3) >= appended { break }
            }
        }
        #expect(rig.pages.usedPageCount == 0)
        #expect(rig.pages.residentPageCount == 0)
    }

    @Test("truncated or contradictory bytes are refused, and nothing is taken from them")
    func malformed() {
        let rig = Rig(.tiny)
        var chain = Chain(owner: 1)
        for number in 0..<8 as Range<UInt64> { chain.append(Entry(number), rig.pages) }
        let good = root(chain)
        for count in 0..<good.count {
            good.withUnsafeBytes {
                var rest = UnsafeRawBufferPointer(rebasing: $0[..<count])
                let isNil = Chain(decoding: &rest, owner: 1, in: rig.pages) == nil
                #expect(isNil, "\(count) bytes")
                #expect(rest.count == count)
            }
        }
        (good + [7]).withUnsafeBytes {
            var rest = $0
            let isNil = Chain(decoding: &rest, owner: 1, in: rig.pages) == nil
            #expect(!isNil)
            #expect(rest.count == 1)
        }
        func isRefused(_ change: (inout [UInt8]) -> Void) -> Bool {
            var bytes = good
            change(&bytes)
            return decode(bytes, owner: 1, in: rig.pages) == nil
        }
        #expect(isRefused { $0.replaceSubrange(0..<4, with: [0, 0, 0, 0]) }, "head without pages")
        #expect(
            isRefused { $0[0] = UInt8(rig.pages.usedPageCount + 1) }, "more pages than there are")
        #expect(isRefused { $0[4] = 168 }, "position behind every page")
        #expect(isRefused { $0.replaceSubrange(6..<8, with: [0, 0]) }, "pages without a tail")
        #expect(
            isRefused { $0.replaceSubrange(8..<12, with: [0, 0, 0, 0]) }, "pages without a head")
        #expect(
            isRefused { $0.replaceSubrange(20..<24, with: [0, 0, 0, 0]) }, "tail without a place")
        #expect(isRefused { $0.replaceSubrange(20..<32, with: $0[8..<20]) }, "tail in the head")
        #expect(isRefused { $0[7] = 1 }, "more entries than a page has")
    }

    @Test("a page that is not what it should be ends the chain", arguments: [0, 20, 44, 60])
    func damage(offset: Int) throws {
        let rig = Rig(.tiny)
        var chain = Chain(owner: 5)
        for number in 0..<14 as Range<UInt64> { chain.append(Entry(number), rig.pages) }
        var references: [PageReference] = []
        chain.forEachPage(rig.pages) { references.append($0) }
        try #require(references.count == 4)
        rig.freeze(root(chain), [])
        rig.commit()
        rig.disk.pages[references[2].number]![offset] ^= 0x10
        let bytes = try #require(rig.reopen()).root

        for way in 0..<3 {
            _ = rig.reopen()
            guard var again = decode(bytes, owner: 5, in: rig.pages) else {
                Issue.record("the root is whole")
                return
            }
            switch way {
            case 0:
                let numbers = drain(&again, rig.pages)
                #expect(numbers == Array(0..<6))
                let isEmpty = again.isEmpty
                #expect(isEmpty)
            case 1:
                var cursor = Chain.Cursor(again)
                var count = 0
                while cursor.next(rig.pages) != nil { count += 1 }
                #expect(count == 6)
                #expect(cursor.next(rig.pages) == nil)
            default:
                again.removeAll(rig.pages)
                let isEmpty = again.isEmpty
                #expect(isEmpty)
            }
            #expect(rig.pages.failure?.reference == references[2])
        }
    }

    @Test("a root that does not fit its pages ends the chain")
    func contradiction() throws {
        let rig = Rig(.tiny)
        var chain = Chain(owner: 5)
        for number in 0..<8 as Range<UInt64> { chain.append(Entry(number), rig.pages) }
        rig.freeze(root(chain), [])
        rig.commit()
        let good = try #require(rig.reopen()).root
        // A position behind the head page's entries; one page fewer; one more.
        for (offset, value) in [(4, 3), (0, 1), (0, 3)] as [(Int, UInt8)] {
            for isPopped in [true, false] {
                _ = rig.reopen()
                var bytes = good
                bytes[offset] = value
                guard var again = decode(bytes, owner: 5, in: rig.pages) else {
                    Issue.record("only the pages can tell")
                    continue
                }
                if isPopped {
                    _ = drain(&again, rig.pages)
                    let isEmpty = again.isEmpty
                    #expect(isEmpty)
                } else {
                    var cursor = Chain.Cursor(again)
                    while cursor.next(rig.pages) != nil {}
                }
                #expect(
                    rig.pages.failure?.fault == .illFormed,
                    "byte \(offset) = \(value), popped: \(isPopped)")
            }
        }
        // Another owner's pages.
        _ = rig.reopen()
        guard var other = decode(good, owner: 6, in: rig.pages) else { return }
        let first = other.popFirst(rig.pages)
        #expect(first == nil)
        #expect(rig.pages.failure?.fault == .owner(5))
    }

    @Test("what a lost generation wrote at the tail's place is nobody's")
    func lostGeneration() throws {
        let rig = Rig(.tiny)
        var chain = Chain(owner: 9)
        for number in 0..<4 as Range<UInt64> { chain.append(Entry(number), rig.pages) }
        rig.freeze(root(chain), [])
        rig.commit()
        // The tail is sealed at its place, and that page reaches the disk, but no snapshot does.
        for number in 4..<9 as Range<UInt64> { chain.append(Entry(number), rig.pages) }
        rig.freeze(root(chain), [])
        rig.writeFrozen()
        let bytes = try #require(rig.reopen()).root
        guard var again = decode(bytes, owner: 9, in: rig.pages) else {
            Issue.record("the root is whole")
            return
        }
        // The head is read, and what lies behind it is read ahead.
        let first = again.popFirst(rig.pages)
        #expect(first == Entry(0))
        for number in 14..<20 as Range<UInt64> { again.append(Entry(number), rig.pages) }
        let numbers = drain(&again, rig.pages)
        #expect(numbers == [1, 2, 3] + Array(14..<20))
        #expect(rig.pages.failure == nil)
        #expect(rig.pages.usedPageCount == 0)
    }

    @Test("an entry has 24 bytes")
    func entrySize() async {
        await #expect(processExitsWith: .failure) { _ = PageChain<UInt64>(owner: 1) }
    }
}
