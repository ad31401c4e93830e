import HoldfastPages
import HoldfastSimulation
import Testing

/// Random operations on a map and its model, with freezes, commits, failed snapshots and restarts
/// in between. The same from the same seed.
struct MapRun {
    let seed: UInt64
    let limits: PageLimits
    var random: SeededRandom
    let disk = FakeDisk()
    var space: PageSpace
    var map: OrderedMap
    var model = MapModel()
    /// The models of the kept snapshots, oldest first.
    var keptModels: [MapModel] = []
    var inFlight: (pages: FrozenPages, bytes: [[UInt8]], root: PageReference, model: MapModel)?

    init(seed: UInt64, limits: PageLimits) {
        self.seed = seed
        self.limits = limits
        random = SeededRandom(seed: seed)
        space = disk.open(limits)
        map = OrderedMap(space)
    }

    private var comment: Comment { "seed \(seed)" }

    mutating func run(steps: Int, keyCount: Int, isLong: Bool) throws {
        // Phases that grow and phases that shrink, so that the map is empty now and then.
        var isGrowing = true
        for step in 0..<steps {
            if random.oneIn(200) { isGrowing.toggle() }
            switch random.below(100) {
            case 0..<50:
                if isGrowing || random.oneIn(4) {
                    insert(keyCount, isLong)
                } else {
                    remove(keyCount)
                }
            case 50..<65: remove(keyCount)
            case 65..<72: change(keyCount)
            case 72..<84: look(keyCount)
            case 84..<90: popFirst()
            case 90..<94: insertRun(keyCount)
            case 94..<97: freezeOrEnd()
            case 97: if random.oneIn(4) { try reopen() }
            default: if random.oneIn(10) { checkAll() }
            }
            space.trim()
            if step % 64 == 0 { checkBudget() }
            try #require(space.failure == nil, comment)
        }
        checkAll()
    }

    private mutating func key(_ keyCount: Int) -> MapKey {
        let number = UInt64(random.below(keyCount))
        // Both halves decide.
        return MapKey(high: number / 7 << 50, low: number % 7 << 40)
    }

    private mutating func value(_ isLong: Bool) -> [UInt8] {
        let length =
            isLong && random.oneIn(3)
            ? random.below(OrderedMap.valueByteCountMax + 1) : random.below(40)
        let byte = UInt8(truncatingIfNeeded: random.next())
        return (0..<length).map { byte &+ UInt8(truncatingIfNeeded: $0) }
    }

    private mutating func insert(_ keyCount: Int, _ isLong: Bool) {
        let (key, value) = (key(keyCount), value(isLong))
        map.insert(key, value)
        model.insert(key, value)
    }

    private mutating func insertRun(_ keyCount: Int) {
        var next: MapKey? = key(keyCount)
        for _ in 0..<random.below(20) {
            guard let key = next else { return }
            let value = value(false)
            map.insert(key, value)
            model.insert(key, value)
            next = key.successor
        }
    }

    private mutating func remove(_ keyCount: Int) {
        let key =
            model.entries.isEmpty || random.oneIn(4)
            ? key(keyCount) : random.pick(model.entries).key
        let (isRemoved, isExpected) = (map.remove(key), model.remove(key))
        #expect(isRemoved == isExpected, comment)
    }

    private mutating func change(_ keyCount: Int) {
        let key =
            model.entries.isEmpty || random.oneIn(4)
            ? key(keyCount) : random.pick(model.entries).key
        let byte = UInt8(truncatingIfNeeded: random.next())
        let isThere = map.change(key) { value in
            for index in value.indices { value[index] = byte }
        }
        let old = model.find(key)
        #expect(isThere == (old != nil), comment)
        if let old { model.insert(key, [UInt8](repeating: byte, count: old.count)) }
    }

    private mutating func look(_ keyCount: Int) {
        let key = key(keyCount)
        #expect(map.find(key).map { [UInt8]($0) } == model.find(key), comment)
        let found = map.first(from: key)
        let expected = model.first(from: key)
        #expect(found?.key == expected?.key, comment)
        #expect(found.map { [UInt8]($0.value) } == expected?.value, comment)
    }

    private mutating func popFirst() {
        for _ in 0..<random.below(20) {
            let found = map.first(from: .min)
            #expect(found?.key == model.entries.first?.key, comment)
            guard let key = found?.key else { return }
            let (isRemoved, isExpected) = (map.remove(key), model.remove(key))
            #expect(isRemoved && isExpected, comment)
        }
    }

    private mutating func freezeOrEnd() {
        guard let ended = inFlight else {
            let pages = space.freeze()
            #expect(space.dirtyPageCount == 0, comment)
            inFlight = (pages, FakeDisk.bytes(of: pages), map.root, model)
            return
        }
        inFlight = nil
        let isUnchanged = FakeDisk.bytes(of: ended.pages) == ended.bytes
        #expect(isUnchanged, "frozen pages changed, \(comment)")
        if random.oneIn(3) {
            // A part of the pages has been written; they are of no account.
            var chance = SeededRandom(seed: random.next())
            disk.write(ended.pages) { _ in chance.oneIn(2) }
            space.abandoned(ended.pages)
        } else {
            disk.write(ended.pages)
            disk.commit(ended.pages, root: ended.root)
            keptModels.append(ended.model)
            if keptModels.count > 2 { keptModels.removeFirst() }
            space.committed(ended.pages)
        }
        #expect(disk.overwritten.isEmpty, comment)
    }

    /// Loses all that is in memory.
    private mutating func reopen() throws {
        if let oldest = disk.kept.first, let expected = keptModels.first {
            let old = OrderedMap(disk.openOldest(limits), root: oldest.root)
            let isSame = MapModel(reading: old) == expected
            #expect(isSame, "older snapshot, \(comment)")
            #expect(old.check() == [], comment)
        }
        inFlight = nil
        space = disk.open(limits)
        map = OrderedMap(space, root: disk.kept.last?.root ?? .none)
        model = keptModels.last ?? MapModel()
        checkAll()
    }

    private func checkAll() {
        #expect(map.check() == [], comment)
        let isSame = MapModel(reading: map) == model
        #expect(isSame, comment)
        var count = 0
        map.forEachPage { _, _ in count += 1 }
        #expect(space.usedPageCount == count, "pages leak, \(comment)")
        #expect(map.isEmpty == model.entries.isEmpty, comment)
    }

    private func checkBudget() {
        let unevictable = space.dirtyPageCount + (inFlight?.pages.count ?? 0)
        #expect(
            space.residentPageCount <= max(limits.cachedPageCountMax, unevictable), comment)
    }

    /// Empties the map, commits twice, and finds every number free.
    mutating func emptyAndCommit() {
        if inFlight != nil { freezeOrEnd() }
        for _ in 0..<3 {
            map.removeAll()
            let pages = space.freeze()
            disk.write(pages)
            disk.commit(pages, root: map.root)
            space.committed(pages)
        }
        #expect(space.usedPageCount == 0, comment)
        #expect(space.retiredPageCount == 0, comment)
        #expect(disk.overwritten.isEmpty, comment)
        let first = space.create(.leaf, owner: 0).0
        #expect(first.number == 1, comment)
    }
}
