import HoldfastPages
import HoldfastSimulation
import Testing

@Suite struct PagedBitmapTests {
    typealias Rig = StructureRig<[Set<UInt64>]>

    @Test(
        "bitmaps are what sets are, whatever happens to the pages",
        arguments: 1...40 as ClosedRange<UInt64>)
    func randomRun(seed: UInt64) throws {
        var run = BitmapRun(seed: seed)
        try run.run(steps: 2_000)
    }

    @Test("a page that counts other bits than it has is ill-formed")
    func miscounted() throws {
        let disk = FakeDisk()
        let space = disk.open(PageLimits())
        var map = OrderedMap(space)
        var bitmap = PagedBitmap(keyPrefix: 1 << 60)
        for lsn in [1, 2, 70] as [UInt64] { bitmap.insert(lsn, &map, space) }
        let pages = space.freeze()
        disk.write(pages)
        disk.commit(pages, root: map.root)
        let number = try #require(
            disk.pages.first { $0.value[PageFormat.kindOffset] == UInt8(PageKind.bitmap.rawValue) }?
                .key)
        for count in [2, 4, 255] as [UInt8] {
            var bytes = try #require(disk.pages[number])
            bytes[PageFormat.headerByteCount] = count
            disk.pages[number] = FakeDisk.sealed(bytes)
            let again = disk.open(PageLimits())
            let forged = OrderedMap(again, root: map.root)
            let first = PagedBitmap(keyPrefix: 1 << 60).first(from: 1, forged, again)
            #expect(first == nil && again.failure?.fault == .illFormed, "\(count)")
        }
    }

    @Test("a range's page and its key, byte for byte")
    func layout() throws {
        let rig = Rig(PageLimits())
        var map = OrderedMap(rig.pages)
        var bitmap = PagedBitmap(keyPrefix: 1 << 60)
        let first: UInt64 = 3 * 32_384
        for lsn in [first, first + 65, first + 32_383] { bitmap.insert(lsn, &map, rig.pages) }
        let value = try #require(map.find(MapKey(high: 1 << 60 | 3, low: 0)))
        try #require(value.count == 12)
        let reference = PageReference(loadingFrom: value.baseAddress!)
        let page = rig.pages.read(reference, .bitmap, owner: 3)
        #expect(PageFormat.count(of: page) == 0)
        #expect(page.load(fromByteOffset: 40, as: UInt32.self) == 3)
        #expect(page.load(fromByteOffset: 44, as: UInt32.self) == 0)
        #expect(page.load(fromByteOffset: 48, as: UInt64.self) == 1)
        #expect(page.load(fromByteOffset: 56, as: UInt64.self) == 2)
        #expect(page.load(fromByteOffset: 4088, as: UInt64.self) == 1 << 63)
        #expect(rig.pages.failure == nil)
    }

    @Test("the highest range keeps its page while it is empty, until a higher one has one")
    func highestRange() throws {
        let rig = Rig(.tiny)
        var map = OrderedMap(rig.pages)
        var bitmap = PagedBitmap(keyPrefix: 1 << 60)
        func pageCount(_ bitmap: borrowing PagedBitmap) -> Int {
            var count = 0
            bitmap.forEachPage(map, rig.pages) { _ in count += 1 }
            return count
        }
        func remove(_ lsn: UInt64) -> Bool { bitmap.remove(lsn, &map, rig.pages) }
        bitmap.insert(70, &map, rig.pages)
        bitmap.insert(3, &map, rig.pages)
        var isRemoved = [remove(70), remove(3), remove(3), remove(1_000)]
        #expect(isRemoved == [true, true, false, false])
        var count = pageCount(bitmap)
        #expect(count == 1)
        bitmap.insert(71, &map, rig.pages)
        isRemoved = [remove(71)]
        // Somebody new finds out which is the highest.
        bitmap = PagedBitmap(keyPrefix: 1 << 60)
        bitmap.insert(64 * 9, &map, rig.pages)
        count = pageCount(bitmap)
        #expect(count == 1)
        isRemoved.append(remove(64 * 9))
        #expect(isRemoved == [true, true])
        bitmap = PagedBitmap(keyPrefix: 1 << 60)
        bitmap.insert(64 * 5, &map, rig.pages)
        isRemoved = [remove(64 * 5)]
        count = pageCount(bitmap)
        #expect(count == 1)
        let faults = bitmap.check(map, rig.pages)
        #expect(faults == [])
    }

    @Test("ranges far apart are found, and the greatest number there is")
    func sparse() {
        let rig = Rig(.tiny)
        var map = OrderedMap(rig.pages)
        var bitmap = PagedBitmap(keyPrefix: 1 << 60)
        let numbers: [UInt64] = [0, 63, 64, 1 << 20, 1 << 40, .max - 64, .max]
        for lsn in numbers.shuffledBySeed(3) { bitmap.insert(lsn, &map, rig.pages) }
        var found: [UInt64] = []
        var from: UInt64 = 0
        while let lsn = bitmap.first(from: from, map, rig.pages) {
            found.append(lsn)
            if lsn == .max { break }
            from = lsn + 1
        }
        #expect(found == numbers)
        let count = bitmap.count(in: 0 ... .max, map, rig.pages)
        #expect(count == numbers.count)
        let isEmpty = bitmap.isEmpty(in: 65...(1 << 20) - 1, map, rig.pages)
        #expect(isEmpty)
        #expect(rig.pages.failure == nil)
    }

    @Test("a page that is not what it should be reads as empty")
    func damage() throws {
        let rig = Rig(.tiny)
        var map = OrderedMap(rig.pages)
        var bitmap = PagedBitmap(keyPrefix: 1 << 60)
        for lsn in 0..<200 as Range<UInt64> { bitmap.insert(lsn, &map, rig.pages) }
        var references: [PageReference] = []
        bitmap.forEachPage(map, rig.pages) { references.append($0) }
        try #require(references.count == 4)
        rig.freeze([], [])
        rig.commit()
        rig.disk.pages[references[1].number]![52] ^= 4
        _ = rig.reopen()
        map = OrderedMap(rig.pages, root: map.root)
        bitmap = PagedBitmap(keyPrefix: 1 << 60)
        #expect(rig.pages.failure == nil)
        let first = bitmap.first(from: 64, map, rig.pages)
        #expect(first == 128)
        #expect(rig.pages.failure?.reference == references[1])
        let isRemoved = bitmap.remove(64, &map, rig.pages)
        #expect(!isRemoved)
        let isThere = bitmap.contains(64, map, rig.pages)
        #expect(!isThere)
        let count = bitmap.count(in: 0...199, map, rig.pages)
        #expect(count == 136)
    }

    @Test("a number that is there already is not inserted, and counts once")
    func insertedTwice() {
        let rig = Rig(.tiny)
        var map = OrderedMap(rig.pages)
        var bitmap = PagedBitmap(keyPrefix: 1 << 60)
        let isFirst = bitmap.insert(5, &map, rig.pages)
        let isSecond = bitmap.insert(5, &map, rig.pages)
        #expect(isFirst && !isSecond)
        let count = bitmap.count(in: 0...99, map, rig.pages)
        #expect(count == 1)
    }
}

extension Array {
    fileprivate func shuffledBySeed(_ seed: UInt64) -> [Element] {
        var random = SeededRandom(seed: seed)
        return shuffled(using: &random)
    }
}
