import HoldfastPages
import Testing

@Suite struct PageSpaceTests {
    private let disk = FakeDisk()

    private func commit(_ space: PageSpace) {
        let pages = space.freeze()
        disk.write(pages)
        disk.commit(pages, root: .none)
        space.committed(pages)
    }

    private func set(_ byte: UInt8, _ page: UnsafeMutableRawPointer) {
        page.storeBytes(of: byte, toByteOffset: 100, as: UInt8.self)
    }

    private func byte(_ page: UnsafeRawPointer) -> UInt8 {
        page.load(fromByteOffset: 100, as: UInt8.self)
    }

    @Test("a number is used again when neither kept snapshot has it, not before")
    func retirement() {
        let space = disk.open(PageLimits())
        var reference = space.create(.array, owner: 1).0
        #expect(reference.number == 1)
        commit(space)  // snapshot 1 has number 1
        _ = space.write(&reference, .array, owner: 1)
        #expect(reference.number == 2)
        commit(space)  // snapshot 2 has number 2; 1 and 2 are kept
        #expect(space.create(.array, owner: 2).0.number == 3)
        commit(space)  // 2 and 3 are kept: number 1 is free
        #expect(space.create(.array, owner: 3).0.number == 1)
        #expect(disk.overwritten.isEmpty)
    }

    @Test("a number that no snapshot has seen is used again at once")
    func freedAtOnce() {
        let space = disk.open(PageLimits())
        let first = space.create(.array, owner: 1).0
        let reserved = space.reserve()
        space.free(first)
        space.free(reserved)
        #expect(space.usedPageCount == 0)
        let numbers = Set([space.reserve().number, space.create(.array, owner: 1).0.number])
        #expect(numbers == [1, 2])
        #expect(space.failure == nil)
    }

    @Test("a reservation outlives a restart, and its number belongs to nobody else")
    func reservation() {
        var space = disk.open(PageLimits())
        let reserved = space.reserve()
        commit(space)
        commit(space)
        space = disk.open(PageLimits())
        #expect(space.create(.array, owner: 1).0.number != reserved.number)
        set(9, space.create(at: reserved, .chain, owner: 5))
        #expect(byte(space.read(reserved, .chain, owner: 5)) == 9)
        commit(space)
        space = disk.open(PageLimits())
        #expect(byte(space.read(reserved, .chain, owner: 5)) == 9)
        space.free(reserved)
        #expect(space.failure == nil)
        #expect(space.reserve().number != reserved.number)
        #expect(disk.overwritten.isEmpty)
    }

    @Test("a page that is being written stays as it was; whoever changes it gets a copy")
    func copyOnWrite() {
        let space = disk.open(PageLimits())
        var reference = space.create(.array, owner: 1).0
        set(1, space.write(&reference, .array, owner: 1))
        let pages = space.freeze()
        let before = FakeDisk.bytes(of: pages)
        let old = reference
        let copy = space.write(&reference, .array, owner: 1)
        #expect(byte(copy) == 1)
        set(2, copy)
        #expect(reference.number != old.number && reference.stamp > old.stamp)
        #expect(FakeDisk.bytes(of: pages) == before)
        #expect(space.write(&reference, .array, owner: 1) == copy)
        space.committed(pages)
        #expect(byte(space.read(reference, .array, owner: 1)) == 2)
        #expect(space.residentPageCount == 1)
        #expect(space.retiredPageCount == 1)
    }

    @Test("after a snapshot that failed, its pages wait for the next one under the same numbers")
    func abandoned() {
        let space = disk.open(PageLimits())
        let kept = space.create(.array, owner: 1).0
        var changed = space.create(.array, owner: 2).0
        let freed = space.create(.array, owner: 3).0
        let old = changed
        let pages = space.freeze()
        _ = space.write(&changed, .array, owner: 2)
        space.free(freed)
        space.abandoned(pages)
        #expect(space.dirtyPageCount == 2)
        #expect(space.residentPageCount == 2)
        #expect(space.retiredPageCount == 0)
        _ = space.read(kept, .array, owner: 1)
        // No snapshot has the numbers of what was given up.
        let numbers = Set([space.reserve().number, space.reserve().number])
        #expect(numbers == [old.number, freed.number])
        let next = space.freeze()
        #expect(next.snapshotNumber == pages.snapshotNumber + 1)
        #expect((0..<next.count).map(next.number(at:)) == [kept.number, changed.number].sorted())
        #expect(space.failure == nil)
    }

    @Test("no snapshot has what was made before one that failed, so its number is free at once")
    func freedAfterFailure() {
        let space = disk.open(PageLimits())
        let reference = space.create(.array, owner: 1).0
        space.abandoned(space.freeze())
        space.free(reference)
        #expect(space.retiredPageCount == 0)
        #expect(space.reserve().number == reference.number)
    }

    @Test("what a failed snapshot retired is still kept for the one before it")
    func abandonedRetirement() {
        let space = disk.open(PageLimits())
        var reference = space.create(.array, owner: 1).0
        commit(space)
        _ = space.write(&reference, .array, owner: 1)
        space.abandoned(space.freeze())
        #expect(space.retiredPageCount == 1)
        commit(space)
        #expect(space.create(.array, owner: 2).0.number == 3)
        commit(space)
        #expect(space.create(.array, owner: 3).0.number == 1)
        #expect(disk.overwritten.isEmpty)
    }

    @Test("a restart keeps the numbers of the snapshot before the newest")
    func retainedNumbers() {
        var space = disk.open(PageLimits())
        var reference = space.create(.array, owner: 1).0
        commit(space)
        _ = space.write(&reference, .array, owner: 1)
        commit(space)
        space = disk.open(PageLimits())
        #expect(space.retiredPageCount == 1)
        #expect(space.create(.array, owner: 2).0.number == 3)
        commit(space)
        #expect(space.retiredPageCount == 0)
        #expect(space.create(.array, owner: 3).0.number == 1)
        #expect(disk.overwritten.isEmpty)
    }

    @Test("the cache keeps to its budget, pinned pages stay, and used ones get a second chance")
    func eviction() {
        var limits = PageLimits()
        limits.cachedPageCountMax = 8
        limits.readAheadPageCount = 1
        let space = disk.open(limits)
        var references = (0..<32).map { space.create(.array, owner: UInt64($0)).0 }
        space.pin(references[3])
        space.trim()
        #expect(space.residentPageCount == 32)
        commit(space)
        space.trim()
        #expect(space.residentPageCount == 8)
        let before = disk.reads.count
        _ = space.read(references[3], .array, owner: 3)
        #expect(disk.reads.count == before)
        // The pin goes along when the page gets another number.
        _ = space.write(&references[3], .array, owner: 3)
        commit(space)
        for index in 10..<30 {
            _ = space.read(references[index], .array, owner: UInt64(index))
            _ = space.read(references[5], .array, owner: 5)
            space.trim()
        }
        let then = disk.reads.count
        _ = space.read(references[3], .array, owner: 3)
        _ = space.read(references[5], .array, owner: 5)
        #expect(disk.reads.count == then)
        space.unpin(references[3])
        for index in 10..<30 {
            _ = space.read(references[index], .array, owner: UInt64(index))
            space.trim()
        }
        _ = space.read(references[3], .array, owner: 3)
        #expect(disk.reads.count > then)
        #expect(space.failure == nil)
    }

    @Test("a miss reads the pages that follow, and fewer where they were read for nothing")
    func readAhead() {
        var limits = PageLimits()
        limits.cachedPageCountMax = 16
        limits.readAheadPageCount = 8
        var space = disk.open(limits)
        let references = (0..<400).map { space.create(.array, owner: UInt64($0)).0 }
        commit(space)
        space = disk.open(limits)
        let before = disk.reads.count
        for (index, reference) in references.prefix(80).enumerated() {
            _ = space.read(reference, .array, owner: UInt64(index))
            space.trim()
        }
        #expect(disk.reads.count - before == 10)
        for index in stride(from: 390, to: 80, by: -9) {
            _ = space.read(references[index], .array, owner: UInt64(index))
            space.trim()
        }
        #expect(disk.reads.last?.count == 1)
        for index in 100..<200 {
            _ = space.read(references[index], .array, owner: UInt64(index))
            space.trim()
        }
        #expect(disk.reads.last?.count == 8)
        #expect(space.failure == nil)
    }
}
