import HoldfastPages
import HoldfastSimulation
import Testing

/// Random operations on two bitmaps of one map and on the sets that they should equal.
struct BitmapRun: ~Copyable {
    private static let prefixes: [UInt64] = [1 << 60, 3 << 60]

    private let seed: UInt64
    private var random: SeededRandom
    private let rig = StructureRig<[Set<UInt64>]>(.tiny)
    private var map: OrderedMap
    private var low = PagedBitmap(keyPrefix: prefixes[0])
    private var high = PagedBitmap(keyPrefix: prefixes[1])
    private var model: [Set<UInt64>] = [[], []]
    /// Numbers rise with time, as a log's do.
    private var newest: UInt64 = 0

    init(seed: UInt64) {
        self.seed = seed
        random = SeededRandom(seed: seed)
        map = OrderedMap(rig.pages)
        addStranger()
    }

    private var comment: Comment { "seed \(seed), newest \(newest)" }

    /// A key between those of the two, as other things of the engine's have them.
    private mutating func addStranger() {
        [1, 2, 3].withUnsafeBytes { map.insert(MapKey(high: 2 << 60 | 5, low: 9), $0) }
    }

    mutating func run(steps: Int) throws {
        for step in 0..<steps {
            let isGrowing = step / 250 % 2 == 0
            let index = random.below(2)
            switch random.below(20) {
            case 0..<8: insert(isGrowing ? random.below(12) : 1, index)
            case 8..<14: remove(isGrowing ? 1 : random.below(20), index)
            case 14..<17: look(index)
            case 17 where random.oneIn(8): reopen()
            case 17, 18: rig.pages.trim()
            default:
                let root = root
                let model = model
                rig.happen(&random) { (root, model) }
            }
            try #require(rig.pages.failure == nil, comment)
            #expect(rig.disk.overwritten == [], comment)
            if step % 16 == 0 { checkAll() }
        }
        for index in 0..<2 { remove(model[index].count, index) }
        checkAll()
    }

    private mutating func with<Result>(
        _ index: Int, _ body: (inout PagedBitmap, inout OrderedMap, PageSpace) -> Result
    ) -> Result {
        index == 0 ? body(&low, &map, rig.pages) : body(&high, &map, rig.pages)
    }

    private mutating func insert(_ count: Int, _ index: Int) {
        for _ in 0..<count {
            // Mostly the next number, now and then one of long ago, or a leap.
            var lsn = newest
            switch random.below(12) {
            case 0: lsn = UInt64(random.below(Int(newest) + 1))
            case 1: newest += UInt64(random.below(150))
            default: newest += 1
            }
            let isNew = model[index].insert(lsn).inserted
            let isInserted = with(index) { $0.insert(lsn, &$1, $2) }
            #expect(isInserted == isNew, comment)
        }
    }

    private mutating func remove(_ count: Int, _ index: Int) {
        for _ in 0..<count {
            guard let lowest = model[index].min() else { return }
            // Mostly the oldest one; now and then any, or none at all.
            let lsn =
                switch random.below(6) {
                case 0: random.pick(model[index].sorted())
                case 1 where random.oneIn(4): UInt64(random.below(Int(newest) + 200))
                default: lowest
                }
            let isExpected = model[index].remove(lsn) != nil
            let isRemoved = with(index) { $0.remove(lsn, &$1, $2) }
            #expect(isRemoved == isExpected, comment)
        }
    }

    private mutating func look(_ index: Int) {
        let lsn = UInt64(random.below(Int(newest) + 100))
        let end = lsn + UInt64(random.below(200))
        let inside = model[index].filter { $0 >= lsn && $0 <= end }
        let isThere = with(index) { $0.contains(lsn, $1, $2) }
        #expect(isThere == model[index].contains(lsn), comment)
        let first = with(index) { $0.first(from: lsn, $1, $2) }
        #expect(first == model[index].filter { $0 >= lsn }.min(), comment)
        let count = with(index) { $0.count(in: lsn...end, $1, $2) }
        #expect(count == inside.count, comment)
        let isEmpty = with(index) { $0.isEmpty(in: lsn...end, $1, $2) }
        #expect(isEmpty == inside.isEmpty, comment)
    }

    private var root: [UInt8] {
        var bytes = [UInt8](repeating: 0, count: PageReference.byteCount)
        bytes.withUnsafeMutableBytes { map.root.store(to: $0.baseAddress!) }
        return bytes
    }

    private mutating func reopen() {
        let kept = rig.reopen(&random)
        model = kept?.model ?? [[], []]
        map = OrderedMap(
            rig.pages,
            root: kept.map {
                $0.root.withUnsafeBytes { PageReference(loadingFrom: $0.baseAddress!) }
            }
                ?? .none)
        if kept == nil { addStranger() }
        low = PagedBitmap(keyPrefix: Self.prefixes[0])
        high = PagedBitmap(keyPrefix: Self.prefixes[1])
    }

    /// The content, and that no page is anybody's but the map's and the bitmaps'.
    private mutating func checkAll() {
        var count = 0
        map.forEachPage { _, _ in count += 1 }
        for index in 0..<2 {
            var pageCount = 0
            with(index) { $0.forEachPage($1, $2) { _ in pageCount += 1 } }
            let faults = with(index) { $0.check($1, $2) }
            #expect(faults == [], comment)
            let rangeCount = Set(model[index].map { $0 / 64 }).count
            #expect(pageCount == rangeCount || pageCount == rangeCount + 1, comment)
            count += pageCount
        }
        #expect(rig.pages.usedPageCount == count, comment)
    }
}
