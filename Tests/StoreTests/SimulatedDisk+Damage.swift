import HoldfastSimulation

private enum Change: CaseIterable {
    case bit, block, deleted, truncated
}

extension SimulatedDisk {
    /// Those that have something to lose.
    private var filesOfStore: [String] {
        files.filter {
            $0.contains("/") && !$0.hasPrefix("pool/") && !(contents($0) ?? []).isEmpty
        }
    }

    /// Damages one file of a store; the description of what was done repeats it.
    mutating func damage(seed: UInt64) -> String {
        var random = SeededRandom(seed: seed)
        func below(_ bound: Int) -> Int { Int(random.next() % UInt64(max(1, bound))) }
        let files = filesOfStore
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

/// What a foreign hand or a bad disk does to files of a store, one at a time.
private enum Harm: CaseIterable {
    case bits, zeros, rubbish, block, deleted, truncated, lengthened, swapped, renumbered
}

extension SimulatedDisk {
    /// Harms a store in one place or several, mostly in its log; the description repeats it.
    mutating func harm(seed: UInt64) -> String {
        var random = SeededRandom(seed: seed)
        func below(_ bound: Int) -> Int { Int(random.next() % UInt64(max(1, bound))) }
        var changes: [String] = []
        for _ in 0..<[1, 1, 1, 2, 3][below(5)] {
            let all = filesOfStore
            let log = all.filter { $0.hasPrefix("log/") }
            let candidates = below(3) > 0 && !log.isEmpty ? log : all
            guard !candidates.isEmpty else { break }
            let path = candidates[below(candidates.count)]
            guard let bytes = contents(path), !bytes.isEmpty else { continue }
            let used = (bytes.lastIndex { $0 != 0 } ?? 0) + 1
            let offset = below(used)
            let harm = Harm.allCases[[0, 0, 0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8][below(13)]]
            let block = offset / 4_096 * 4_096
            let blockCount = min(bytes.count - block, 4_096 * (1 + below(3)))
            switch harm {
            case .bits:
                for _ in 0...below(3) { flipBit(path, at: below(used), bit: below(8)) }
            case .zeros: corrupt(path, at: block, with: [UInt8](repeating: 0, count: blockCount))
            case .rubbish:
                corrupt(
                    path, at: block,
                    with: (0..<blockCount).map { _ in
                        UInt8(truncatingIfNeeded: random.next() >> 32)
                    })
            case .block:
                // Of this file, in another of its places.
                let source = below(used) / 4_096 * 4_096
                let count = min(4_096, bytes.count - max(block, source))
                corrupt(path, at: block, with: Array(bytes[source..<source + max(0, count)]))
            case .deleted: delete(path)
            case .truncated: truncate(path, to: offset)
            case .lengthened: place(path, bytes + [UInt8](repeating: 3, count: 1 + below(9_000)))
            case .swapped:
                let other = candidates[below(candidates.count)]
                let others = contents(other) ?? []
                place(path, others)
                place(other, bytes)
            case .renumbered:
                let other = candidates[below(candidates.count)]
                place(other, bytes)
                if below(2) == 0 { delete(path) }
            }
            changes.append("\(harm) at \(offset) of \(path)")
        }
        return "seed \(seed): " + changes.joined(separator: ", ")
    }
}
