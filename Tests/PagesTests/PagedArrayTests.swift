import HoldfastPages
import HoldfastSimulation
import Testing

@Suite struct PagedArrayTests {
    /// 16 bytes, without a gap.
    struct Element: Equatable {
        var number: UInt64 = 0
        var low: UInt32 = 0
        var high: UInt32 = 0

        init(_ number: UInt64) {
            self.number = number
            low = UInt32(truncatingIfNeeded: number)
            high = number == 0 ? 0 : ~UInt32(truncatingIfNeeded: number)
        }
    }

    typealias Array = PagedArray<Element>
    typealias Rig = StructureRig<[Element]>

    private func coded(_ references: [PageReference]) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: references.count * PageReference.byteCount)
        bytes.withUnsafeMutableBytes {
            for (index, reference) in references.enumerated() {
                reference.store(to: $0.baseAddress! + index * PageReference.byteCount)
            }
        }
        return bytes
    }

    private func decoded(_ bytes: [UInt8]) -> [PageReference] {
        bytes.withUnsafeBytes { bytes in
            stride(from: 0, to: bytes.count, by: PageReference.byteCount).map {
                PageReference(loadingFrom: bytes.baseAddress! + $0)
            }
        }
    }

    @Test(
        "an array is what a plain one is, whatever happens to the pages",
        arguments: 1...40 as ClosedRange<UInt64>)
    func randomRun(seed: UInt64) throws {
        let elementCount = 45
        let empty = [Element](repeating: Element(0), count: elementCount)
        var random = SeededRandom(seed: seed)
        let rig = Rig(.tiny)
        var array = Array(rig.pages, identifier: 7)
        var model = empty
        for step in 0..<2_000 {
            let comment: Comment = "seed \(seed), step \(step)"
            let index = random.below(elementCount)
            switch random.below(24) {
            case 0..<10:
                model[index] = Element(random.next())
                array.mutablePointer(index).pointee = model[index]
            case 10..<12:
                array.dropPage(holding: index)
                for other in 0..<elementCount where other / 4 == index / 4 {
                    model[other] = Element(0)
                }
            case 12 where random.oneIn(20):
                array.removeAll()
                model = empty
                #expect(rig.pages.usedPageCount == 0, comment)
            case 13 where random.oneIn(8):
                let kept = rig.reopen(&random)
                model = kept?.model ?? empty
                array = Array(
                    rig.pages, identifier: 7, references: decoded(kept?.root ?? []))
            case 14..<18:
                let references = array.references
                rig.happen(&random) { (coded(references), model) }
            default:
                let found = array.element(index)
                #expect(found == model[index], comment)
                if let pointer = array.pointer(index) {
                    #expect(pointer.pointee == model[index], comment)
                } else {
                    #expect(model[index] == Element(0), comment)
                }
            }
            try #require(rig.pages.failure == nil, comment)
            #expect(rig.disk.overwritten == [], comment)
            let references = array.references
            #expect(rig.pages.usedPageCount == references.count { !$0.isNone }, comment)
            #expect(references.last?.isNone != true, comment)
        }
        for index in 0..<elementCount {
            let found = array.element(index)
            #expect(found == model[index], "seed \(seed)")
        }
        array.removeAll()
        #expect(rig.pages.usedPageCount == 0, "seed \(seed)")
    }

    @Test("a page has the owner, the count and the elements that the format says")
    func layout() throws {
        let rig = Rig(PageLimits())
        var array = Array(rig.pages, identifier: 0x0A)
        let elementsPerPage = array.elementsPerPage
        #expect(elementsPerPage == 4056 / 16)
        array.mutablePointer(2 * 253 + 5).pointee = Element(99)
        let references = array.references
        try #require(references.count == 3)
        #expect(references[0].isNone && references[1].isNone)
        let page = rig.pages.read(references[2], .array, owner: 0x0A_0000_0002)
        #expect(PageFormat.count(of: page) == 253)
        #expect(page.load(fromByteOffset: 40 + 5 * 16, as: Element.self) == Element(99))
        var visited: [PageReference] = []
        array.forEachPage { visited.append($0) }
        #expect(visited == [references[2]])
        #expect(rig.pages.failure == nil)
    }

    @Test("every index leads to its own element", arguments: [2, 3, 4, 7, 253])
    func division(elementsPerPage: Int) {
        var limits = PageLimits()
        limits.arrayElementCountMax = elementsPerPage
        let rig = Rig(limits)
        var array = Array(rig.pages, identifier: 1)
        for index in 0..<3_000 { array.mutablePointer(index).pointee = Element(UInt64(index)) }
        for index in 0..<3_000 {
            let found = array.element(index)
            #expect(found == Element(UInt64(index)))
        }
        let pageCount = array.references.count
        #expect(pageCount == (3_000 + elementsPerPage - 1) / elementsPerPage)
        let last = array.pointer(Int(UInt32.max))
        #expect(last == nil)
    }

    @Test("an array stays in memory, and comes back in few reads")
    func residence() throws {
        var limits = PageLimits.tiny
        limits.readAheadPageCount = 16
        let rig = Rig(limits)
        var array = Array(rig.pages, identifier: 1)
        // Backwards, so that the order of the numbers is not that of the positions.
        for index in (0..<160).reversed() {
            array.mutablePointer(index).pointee = Element(UInt64(index + 1))
        }
        rig.freeze(coded(array.references), [])
        rig.commit()
        let root = try #require(rig.reopen()).root
        array = Array(rig.pages, identifier: 1, references: decoded(root))
        #expect(rig.pages.counters.readCount <= 3)
        #expect(rig.pages.counters.readPageCount == 40)
        rig.pages.trim()
        #expect(rig.pages.residentPageCount == 40)
        for index in 0..<160 {
            let found = array.element(index)
            #expect(found == Element(UInt64(index + 1)))
        }
        // Copied while the former version is being written, and dropped, it is still the array's.
        array.mutablePointer(0).pointee = Element(5)
        rig.freeze([], [])
        array.mutablePointer(0).pointee = Element(6)
        rig.commit()
        rig.freeze([], [])
        rig.commit()
        rig.pages.trim()
        #expect(rig.pages.residentPageCount == 40)
        array.removeAll()
        #expect(rig.pages.residentPageCount == 0)
        #expect(rig.pages.usedPageCount == 0)
    }

    @Test("a page that is not what it should be reads as zeros")
    func damage() throws {
        let rig = Rig(.tiny)
        var array = Array(rig.pages, identifier: 3)
        for index in 0..<12 { array.mutablePointer(index).pointee = Element(UInt64(index + 1)) }
        let references = array.references
        rig.freeze(coded(references), [])
        rig.commit()
        rig.disk.pages[references[1].number]![100] ^= 1
        let root = try #require(rig.reopen()).root
        array = Array(rig.pages, identifier: 3, references: decoded(root))
        #expect(rig.pages.failure?.reference == references[1])
        #expect(rig.pages.failure?.fault == .checksum)
        for index in 0..<12 {
            let found = array.element(index)
            #expect(found == Element((4..<8).contains(index) ? 0 : UInt64(index + 1)))
        }
        array.mutablePointer(5).pointee = Element(50)
        let (written, besides) = (array.element(5), array.element(4))
        #expect(written == Element(50))
        #expect(besides == Element(0))
    }

    @Test("another array's page is not taken, nor one of another layout")
    func strangers() throws {
        let rig = Rig(.tiny)
        var array = Array(rig.pages, identifier: 3)
        array.mutablePointer(0).pointee = Element(1)
        let references = array.references
        let other = Array(rig.pages, identifier: 4, references: references)
        let found = other.element(0)
        #expect(found == Element(0))
        #expect(rig.pages.failure?.fault == .owner(3 << 32))

        rig.freeze([], [])
        rig.commit()
        _ = rig.reopen { $0.arrayElementCountMax = 5 }
        let again = Array(rig.pages, identifier: 3, references: references)
        let misread = again.element(0)
        #expect(misread == Element(0))
        #expect(rig.pages.failure?.fault == .illFormed)
    }

    @Test("an index beyond 2^32 and a gap between elements are mistakes")
    func mistakes() async {
        await #expect(processExitsWith: .failure) {
            let rig = StructureRig<Int>(.tiny)
            var array = PagedArray<UInt64>(rig.pages, identifier: 1)
            array.mutablePointer(1 << 32).pointee = 1
        }
        await #expect(processExitsWith: .failure) {
            let rig = StructureRig<Int>(.tiny)
            var array = PagedArray<UInt16>(rig.pages, identifier: 1)
            array.mutablePointer(0).pointee = 1
        }
    }
}
