import HoldfastPages
import Testing

@Suite struct MapNodeTests {
    /// A committed map of three levels, and its root.
    private func committedMap(_ disk: FakeDisk) -> PageReference {
        var limits = PageLimits()
        limits.nodeEntryCountMax = 6
        let space = disk.open(limits)
        var map = OrderedMap(space)
        for number in 0..<100 {
            map.insert(
                MapKey(high: UInt64(number * 37 % 100) << 8, low: 1),
                [UInt8](repeating: UInt8(number), count: number % 50))
        }
        let pages = space.freeze()
        disk.write(pages)
        disk.commit(pages, root: map.root)
        return map.root
    }

    /// Everything that a map can be asked, one after the other.
    private func useAll(_ map: inout OrderedMap) {
        for number in 0..<100 {
            let key = MapKey(high: UInt64(number) << 8, low: 1)
            _ = map.find(key)
            _ = map.first(from: key)
            map.change(key) { $0.initializeMemory(as: UInt8.self, repeating: 1) }
            map.insert(key, [UInt8](repeating: 3, count: number * 20))
            if number % 3 == 0 { map.remove(key) }
        }
        _ = map.check()
        for number in 0..<100 { map.remove(MapKey(high: UInt64(number) << 8, low: 1)) }
        map.removeAll()
    }

    @Test(
        "nodes with a good checksum and any content whatever never end the process",
        arguments: UInt64(1)...8)
    func illFormedNodes(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let disk = FakeDisk()
        let root = committedMap(disk)
        let whole = disk.pages
        let checksum = PageFormat.storeChecksum(uuid: FakeDisk.uuid)
        var failureCount = 0
        for _ in 0..<250 {
            disk.pages = whole
            for _ in 0..<random.below(3) + 1 {
                let number = random.pick(whole.keys.sorted())
                guard var bytes = disk.pages[number] else { continue }
                for _ in 0..<random.below(4) + 1 {
                    // Mostly where it matters: count, node header, slots.
                    let offset = random.pick([
                        14, 15, 40 + random.below(8), 48 + random.below(200), random.below(4096),
                    ])
                    bytes[offset] =
                        random.oneIn(2)
                        ? UInt8(truncatingIfNeeded: random.next()) : random.pick([0, 1, 255])
                }
                var words = [UInt64](repeating: 0, count: 512)
                disk.pages[number] = words.withUnsafeMutableBytes {
                    $0.copyBytes(from: bytes)
                    PageFormat.seal($0.baseAddress!, storeChecksum: checksum)
                    return [UInt8]($0)
                }
            }
            var limits = PageLimits()
            limits.nodeEntryCountMax = 6
            let space = disk.open(limits)
            var map = OrderedMap(space, root: root)
            useAll(&map)
            if space.failure != nil { failureCount += 1 }
        }
        #expect(failureCount > 100, "seed \(seed)")
    }

    @Test("a map whose pages cannot be read is empty, says so, and can be used")
    func unreadable() {
        let disk = FakeDisk()
        let root = committedMap(disk)
        disk.isReadable = false
        let space = disk.open(PageLimits())
        var map = OrderedMap(space, root: root)
        #expect(map.first(from: .min) == nil)
        useAll(&map)
        #expect(space.failure?.fault == .unreadable)
        #expect(space.failure?.reference == root)
    }

    @Test("every page lost in turn is noticed by whoever needs it")
    func lostPages() {
        let disk = FakeDisk()
        let root = committedMap(disk)
        let whole = disk.pages
        for number in whole.keys.sorted() {
            disk.pages = whole
            disk.pages[number] = nil
            var limits = PageLimits()
            limits.nodeEntryCountMax = 6
            let space = disk.open(limits)
            var map = OrderedMap(space, root: root)
            useAll(&map)
            #expect(space.failure?.reference.number == number)
        }
    }
}
