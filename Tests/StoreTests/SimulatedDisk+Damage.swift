import HoldfastSimulation

private enum Change: CaseIterable {
    case bit, block, deleted, truncated
}

extension SimulatedDisk {
    /// Damages one file of a store; the description of what was done repeats it.
    mutating func damage(seed: UInt64) -> String {
        var random = SeededRandom(seed: seed)
        func below(_ bound: Int) -> Int { Int(random.next() % UInt64(max(1, bound))) }
        let files = files.filter { $0.contains("/") && !$0.hasPrefix("pool/") }
        let path = files[below(files.count)]
        let bytes = contents(path) ?? []
        // Mostly where something was written.
        let used = (bytes.lastIndex { $0 != 0 } ?? 0) + 1
        let change = Change.allCases[[0, 0, 0, 0, 1, 1, 2, 3][below(8)]]
        let offset = below(used)
        switch change {
        case .bit: flipBit(path, at: offset, bit: below(8))
        case .block:
            let start = offset / 4_096 * 4_096
            let block = (0..<min(4_096, bytes.count - start)).map { _ in
                UInt8(truncatingIfNeeded: random.next() >> 32)
            }
            corrupt(path, at: start, with: block)
        case .deleted: delete(path)
        case .truncated: truncate(path, to: offset)
        }
        return "seed \(seed): \(change) at \(offset) of \(path)"
    }
}
