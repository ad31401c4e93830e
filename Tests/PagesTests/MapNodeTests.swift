import HoldfastPages
import HoldfastSimulation
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

    /// From the lowest key to the highest, which must rise.
    private func walk(_ map: OrderedMap, entryCountMax: Int) throws {
        var count = 0
        var key = MapKey.min
        while let found = map.first(from: key) {
            count += 1
            try #require(found.key >= key && count <= entryCountMax)
            guard found.key.low < .max else { return }
            key = MapKey(high: found.key.high, low: found.key.low + 1)
        }
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
    func illFormedNodes(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let disk = FakeDisk()
        let root = committedMap(disk)
        let whole = disk.pages
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
                disk.pages[number] = FakeDisk.sealed(bytes)
            }
            var limits = PageLimits()
            limits.nodeEntryCountMax = 6
            let space = disk.open(limits)
            var map = OrderedMap(space, root: root)
            try walk(map, entryCountMax: .max)
            useAll(&map)
            if space.failure != nil { failureCount += 1 }
        }
        #expect(failureCount > 100, "seed \(seed)")
    }

    @Test("a leaf that begins before its range ends a walk, and does not lead it back")
    func leafBeforeItsRange() throws {
        let disk = FakeDisk()
        let root = committedMap(disk)
        let leaves = disk.pages.filter {
            $0.value[PageFormat.kindOffset] == UInt8(PageKind.leaf.rawValue)
        }
        var failureCount = 0
        for (number, bytes) in leaves {
            var forged = bytes
            forged.replaceSubrange(48..<64, with: repeatElement(0, count: 16))
            disk.pages[number] = FakeDisk.sealed(forged)
            let space = disk.open(PageLimits())
            let map = OrderedMap(space, root: root)
            try walk(map, entryCountMax: 100)
            if space.failure?.fault == .illFormed { failureCount += 1 }
            disk.pages[number] = bytes
        }
        // Only the lowest leaf may begin there.
        #expect(leaves.count > 10 && failureCount == leaves.count - 1)
    }

    @Test("a leaf two of whose values share bytes is ill-formed")
    func sharedBytes() throws {
        let disk = FakeDisk()
        let space = disk.open(PageLimits())
        var map = OrderedMap(space)
        for key in 1...2 as ClosedRange<UInt64> {
            [UInt8](repeating: UInt8(key), count: 64).withUnsafeBytes {
                map.insert(MapKey(high: 1, low: key), $0)
            }
        }
        let pages = space.freeze()
        disk.write(pages)
        disk.commit(pages, root: map.root)
        var bytes = try #require(disk.pages[map.root.number])
        // The second lies where the first does; as many bytes are said to be in use.
        bytes.replaceSubrange(48 + 20 + 16..<48 + 20 + 18, with: bytes[48 + 16..<48 + 18])
        disk.pages[map.root.number] = FakeDisk.sealed(bytes)
        let again = disk.open(PageLimits())
        let isFound = OrderedMap(again, root: map.root).find(MapKey(high: 1, low: 1)) != nil
        #expect(!isFound && again.failure?.fault == .illFormed)
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
            #expect(space.failure?.reference?.number == number)
        }
    }

    @Test("the bytes of a leaf and of a branch are where the format says")
    func layout() {
        var limits = PageLimits()
        limits.nodeEntryCountMax = 3
        let space = FakeDisk().open(limits)
        var map = OrderedMap(space)
        map.insert(MapKey(high: 1, low: 2), [0xAA, 0xBB])
        map.insert(MapKey(high: 3, low: 4), [0xCC])
        let leaf = space.read(map.root, .leaf, owner: 0)
        #expect(PageFormat.count(of: leaf) == 2)
        let bytes = [UInt8](UnsafeRawBufferPointer(start: leaf, count: 4096))
        #expect(Array(bytes[40..<48]) == [0xFD, 0x0F, 0, 0, 2, 0, 0, 0])
        #expect(Array(bytes[48..<64]) == [1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0])
        #expect(Array(bytes[64..<68]) == [0xFE, 0x0F, 2, 0])
        #expect(Array(bytes[68..<84]) == [3, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0])
        #expect(Array(bytes[84..<88]) == [0xFD, 0x0F, 1, 0])
        #expect(Array(bytes[4093...]) == [0xCC, 0xAA, 0xBB])

        for high in 5...6 { map.insert(MapKey(high: UInt64(high), low: 0), []) }
        let branch = space.read(map.root, .branch, owner: 1)
        #expect(PageFormat.count(of: branch) == 2)
        let entries = [UInt8](UnsafeRawBufferPointer(start: branch + 40, count: 64))
        #expect(Array(entries[0..<24]) == [UInt8](repeating: 0, count: 24))
        #expect(Array(entries[24..<36]) == [1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0])
        #expect(Array(entries[36..<52]) == [6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
        #expect(Array(entries[52..<64]) == [2, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0])
    }

    /// Bytes at an offset of a page, and why they cannot be.
    struct Change: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let offset: Int
        let bytes: [UInt8]
    }

    /// What a lone leaf of two entries with values of 10 bytes says after the change.
    private func fault(of change: Change, isBranch: Bool) -> PageFault? {
        let disk = FakeDisk()
        var limits = PageLimits()
        limits.nodeEntryCountMax = 3
        let space = disk.open(limits)
        var map = OrderedMap(space)
        for number in 0..<(isBranch ? 4 : 2) {
            map.insert(
                MapKey(high: UInt64(number) + 1, low: 2), [UInt8](repeating: 9, count: 10))
        }
        let pages = space.freeze()
        disk.write(pages)
        disk.commit(pages, root: map.root)
        var words = [UInt64](repeating: 0, count: 512)
        disk.pages[map.root.number] = words.withUnsafeMutableBytes {
            $0.copyBytes(from: disk.pages[map.root.number] ?? [])
            for (index, byte) in change.bytes.enumerated() { $0[change.offset + index] = byte }
            PageFormat.seal(
                $0.baseAddress!, storeChecksum: PageFormat.storeChecksum(uuid: FakeDisk.uuid))
            return [UInt8]($0)
        }
        let damaged = disk.open(limits)
        let read = OrderedMap(damaged, root: map.root)
        let isFound = read.find(MapKey(high: 1, low: 2)) != nil
        #expect(isFound == (damaged.failure == nil))
        return damaged.failure?.fault
    }

    @Test(
        "a leaf whose counts, offsets or keys contradict each other is ill-formed",
        arguments: [
            Change(testDescription: "no entry", offset: 14, bytes: [0, 0]),
            Change(testDescription: "more entries than room", offset: 14, bytes: [0, 1]),
            Change(testDescription: "values among the slots", offset: 40, bytes: [60, 0]),
            Change(testDescription: "values behind the page", offset: 40, bytes: [1, 16]),
            Change(testDescription: "unused bytes that are not there", offset: 42, bytes: [1, 0]),
            Change(testDescription: "keys that fall", offset: 48, bytes: [7]),
            Change(testDescription: "a key twice", offset: 48, bytes: [2]),
            Change(testDescription: "a value before the values", offset: 64, bytes: [0, 1]),
            Change(testDescription: "a value beyond the page", offset: 64, bytes: [255, 15]),
            Change(testDescription: "values that overlap", offset: 66, bytes: [11, 0]),
            Change(testDescription: "a value too long", offset: 66, bytes: [1, 9]),
        ])
    func illFormedLeaf(change: Change) {
        #expect(fault(of: change, isBranch: false) == .illFormed)
    }

    @Test(
        "a branch whose counts or keys contradict each other is ill-formed",
        arguments: [
            Change(testDescription: "no child", offset: 14, bytes: [0, 0]),
            Change(testDescription: "more children than room", offset: 14, bytes: [145, 0]),
            Change(testDescription: "a bound below the lowest", offset: 48, bytes: [1]),
            Change(testDescription: "a child nowhere", offset: 64, bytes: [0, 0, 0, 0]),
            Change(
                testDescription: "a bound twice", offset: 76,
                bytes: [UInt8](repeating: 0, count: 16)),
        ])
    func illFormedBranch(change: Change) {
        #expect(fault(of: change, isBranch: true) == .illFormed)
    }

    @Test("what is only a hint may say anything")
    func hint() {
        let change = Change(testDescription: "", offset: 44, bytes: [255, 255])
        #expect(fault(of: change, isBranch: false) == nil)
    }
}
