/// Numbers of blocks, as bits: sets of neighbours are copied and counted by the word.
struct BlockSet: Sendable, Equatable {
    private var words: [UInt64] = []

    init() {}

    /// All below `count`.
    init(below count: Int) {
        words = [UInt64](repeating: .max, count: count / 64)
        if count % 64 > 0 { words.append(.max >> UInt64(64 - count % 64)) }
    }

    var isEmpty: Bool { words.isEmpty }
    var count: Int { words.reduce(0) { $0 + $1.nonzeroBitCount } }

    func contains(_ index: Int) -> Bool {
        index / 64 < words.count && words[index / 64] >> UInt64(index % 64) & 1 == 1
    }

    mutating func insert(_ range: Range<Int>) {
        guard !range.isEmpty else { return }
        while words.count <= (range.upperBound - 1) / 64 { words.append(0) }
        for index in range { words[index / 64] |= 1 << UInt64(index % 64) }
    }

    mutating func remove(_ range: Range<Int>) {
        for index in range where index / 64 < words.count {
            words[index / 64] &= ~(1 << UInt64(index % 64))
        }
        while words.last == 0 { words.removeLast() }
    }

    /// In rising order.
    func forEach(_ body: (Int) -> Void) {
        for (position, word) in words.enumerated() {
            var rest = word
            while rest != 0 {
                body(position * 64 + rest.trailingZeroBitCount)
                rest &= rest - 1
            }
        }
    }

    /// A number that stands for the set.
    var hash: UInt64 { words.reduce(0) { ContentHash.mix($0, $1) } }
}
