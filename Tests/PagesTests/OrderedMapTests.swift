import HoldfastPages
import HoldfastSimulation
import Testing

@Suite struct OrderedMapTests {
    @Test(
        "a map with tiny nodes and a tiny cache is what its model is, through snapshots and restarts",
        arguments: UInt64(1)...24)
    func tinyNodes(seed: UInt64) throws {
        var random = SeededRandom(seed: seed &* 977)
        var limits = PageLimits()
        limits.nodeEntryCountMax = random.pick([3, 4, 5, 8])
        limits.cachedPageCountMax = random.pick([1, 6, 40, 1000])
        limits.readAheadPageCount = random.pick([1, 2, 16])
        var run = MapRun(seed: seed, limits: limits)
        try run.run(steps: 4000, keyCount: random.pick([20, 200, 2000]), isLong: false)
        run.emptyAndCommit()
    }

    @Test("a map with whole pages is what its model is", arguments: UInt64(101)...108)
    func wholePages(seed: UInt64) throws {
        var random = SeededRandom(seed: seed &* 977)
        var limits = PageLimits()
        limits.cachedPageCountMax = random.pick([1, 20, 1000])
        var run = MapRun(seed: seed, limits: limits)
        try run.run(steps: 6000, keyCount: random.pick([500, 20_000]), isLong: seed % 2 == 0)
        run.emptyAndCommit()
    }

    @Test("rising keys fill their leaves, also where others lie behind them")
    func risingKeys() {
        let space = FakeDisk().open(PageLimits())
        var map = OrderedMap(space)
        let value = [UInt8](repeating: 7, count: 24)
        // The keys of two classes rise in turn, and a third lies behind both.
        for number in 0..<1000 { map.insert(MapKey(high: 3 << 60, low: UInt64(number)), value) }
        let before = space.usedPageCount
        for number in 0..<20_000 {
            map.insert(MapKey(high: UInt64(number % 2 + 1) << 60, low: UInt64(number)), value)
        }
        // 92 entries of 44 bytes fit a leaf.
        let leaves = (20_000 + 91) / 92
        #expect(space.usedPageCount - before < leaves * 11 / 10)
        #expect(map.check() == [])
    }

    @Test("a value too long for both its neighbours gets a leaf of its own")
    func threePages() {
        let space = FakeDisk().open(PageLimits())
        var map = OrderedMap(space)
        let long = [UInt8](repeating: 1, count: 1900)
        map.insert(MapKey(high: 1, low: 0), long)
        map.insert(MapKey(high: 3, low: 0), long)
        #expect(space.usedPageCount == 1)
        let longest = [UInt8](repeating: 2, count: OrderedMap.valueByteCountMax)
        map.insert(MapKey(high: 2, low: 0), longest)
        #expect(space.usedPageCount == 4)
        #expect(map.check() == [])
        #expect(map.find(MapKey(high: 2, low: 0)).map { [UInt8]($0) } == longest)
        #expect(map.find(MapKey(high: 3, low: 0)).map { [UInt8]($0) } == long)
        map.remove(MapKey(high: 2, low: 0))
        #expect(space.usedPageCount == 3)
        map.remove(MapKey(high: 1, low: 0))
        #expect(space.usedPageCount == 1)
        map.remove(MapKey(high: 3, low: 0))
        #expect(space.usedPageCount == 0)
        #expect(map.root.isNone)
    }

    @Test("what is not there costs no copy")
    func absentKeys() {
        let disk = FakeDisk()
        let space = disk.open(PageLimits())
        var map = OrderedMap(space)
        for number in 0..<500 { map.insert(MapKey(high: UInt64(number) * 2, low: 0), [1, 2, 3]) }
        let pages = space.freeze()
        disk.write(pages)
        space.committed(pages)
        let isRemoved = map.remove(MapKey(high: 7, low: 0))
        let isChanged = map.change(MapKey(high: 7, low: 0)) { _ in }
        #expect(!isRemoved && !isChanged)
        #expect(space.dirtyPageCount == 0)
    }
}
