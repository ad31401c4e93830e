import HoldfastPages
import HoldfastSimulation
import Testing

/// Random operations on a few chains and on the arrays that they should equal. The chains lie in
/// memory of the run's own, as a lane's do.
struct ChainRun: ~Copyable {
    typealias Entry = PageChainTests.Entry
    typealias Chain = PageChain<Entry>

    private static let chainCount = 3

    private let seed: UInt64
    private var random: SeededRandom
    private let rig = StructureRig<[[Entry]]>(.tiny)
    private let chains: UnsafeMutablePointer<Chain>
    private var model = [[Entry]](repeating: [], count: chainCount)
    private var lastNumber: UInt64 = 0

    init(seed: UInt64) {
        self.seed = seed
        random = SeededRandom(seed: seed)
        chains = .allocate(capacity: Self.chainCount)
        for index in 0..<Self.chainCount {
            (chains + index).initialize(to: Chain(owner: Self.owner(index)))
        }
    }

    deinit {
        chains.deinitialize(count: Self.chainCount)
        chains.deallocate()
    }

    private static func owner(_ index: Int) -> UInt64 { UInt64(index) << 40 | 3 }

    private var comment: Comment { "seed \(seed), \(lastNumber) entries so far" }

    mutating func run(steps: Int) throws {
        for step in 0..<steps {
            // Long phases of growth and of shrinking.
            let isGrowing = step / 150 % 2 == 0
            let index = random.below(Self.chainCount)
            switch random.below(20) {
            case 0..<8: append(random.below(isGrowing ? 6 : 3), to: index)
            case 8..<16: pop(random.below(isGrowing ? 3 : 8), from: index)
            case 16: try walk(index)
            case 17 where random.oneIn(10):
                chains[index].removeAll(rig.pages)
                model[index] = []
            case 18 where random.oneIn(8): reopen()
            case 17..<19: rig.pages.trim()
            default:
                let (chains, model) = (chains, model)
                rig.happen(&random) { (Self.root(chains), model) }
            }
            try #require(rig.pages.failure == nil, comment)
            #expect(rig.disk.overwritten == [], comment)
            checkCounts()
        }
        for index in 0..<Self.chainCount { pop(model[index].count + 1, from: index) }
        #expect(rig.pages.usedPageCount == 0, comment)
        #expect(rig.pages.failure == nil, comment)
    }

    private mutating func append(_ count: Int, to index: Int) {
        for _ in 0..<count {
            lastNumber += 1
            chains[index].append(Entry(lastNumber), rig.pages)
            model[index].append(Entry(lastNumber))
        }
    }

    private mutating func pop(_ count: Int, from index: Int) {
        for _ in 0..<count {
            let entry = chains[index].popFirst(rig.pages)
            #expect(entry == model[index].first, comment)
            if !model[index].isEmpty { model[index].removeFirst() }
        }
    }

    private mutating func walk(_ index: Int) throws {
        var cursor = Chain.Cursor(chains[index])
        for entry in model[index].prefix(random.below(30)) {
            if random.oneIn(4) {
                cursor.trim(rig.pages)
                // Another's pages come to lie where the cursor's was.
                var other = Chain.Cursor(chains[(index + 1) % Self.chainCount])
                for _ in 0..<20 where other.next(rig.pages) == nil { break }
            }
            try #require(cursor.next(rig.pages) == entry, comment)
        }
        guard random.oneIn(2) else { return }
        cursor = Chain.Cursor(chains[index])
        var count = 0
        while cursor.next(rig.pages) != nil { count += 1 }
        #expect(count == model[index].count, comment)
        #expect(cursor.next(rig.pages) == nil, comment)
    }

    private static func root(_ chains: UnsafeMutablePointer<Chain>) -> [UInt8] {
        var bytes: [UInt8] = []
        for index in 0..<chainCount { chains[index].encode(into: &bytes) }
        return bytes
    }

    private mutating func reopen() {
        let kept = rig.reopen(&random)
        chains.deinitialize(count: Self.chainCount)
        model = kept?.model ?? [[Entry]](repeating: [], count: Self.chainCount)
        let root = kept?.root ?? [UInt8](repeating: 0, count: 32 * Self.chainCount)
        root.withUnsafeBytes {
            var rest = $0
            for index in 0..<Self.chainCount {
                guard let chain = Chain(decoding: &rest, owner: Self.owner(index), in: rig.pages)
                else {
                    preconditionFailure("a root that was written can be read, seed \(seed)")
                }
                (chains + index).initialize(to: chain)
            }
            #expect(rest.isEmpty, comment)
        }
    }

    /// No page is anybody's but the chains'.
    private func checkCounts() {
        var count = 0
        for index in 0..<Self.chainCount {
            count += chains[index].sealedPageCount + (chains[index].reservation.isNone ? 0 : 1)
            let isEmpty = chains[index].isEmpty
            #expect(isEmpty == model[index].isEmpty, comment)
        }
        #expect(rig.pages.usedPageCount == count, comment)
    }
}
