/// What becomes of one undecided block in a power loss.
package enum BlockFate: Sendable, Hashable {
    case old
    case new
    /// By sectors of 512 bytes: bit n says that sector n is the new one.
    case torn(newSectors: UInt64)
    case zero
    /// Bytes that nobody wrote, by seed.
    case garbage(seed: UInt64)

    func content(old: [UInt8], new: [UInt8]) -> [UInt8] {
        switch self {
        case .old:
            return old
        case .new:
            return new
        case .torn(let newSectors):
            var result = old
            for sector in 0..<old.count / SimulatedDisk.sectorByteCount
            where newSectors >> UInt64(sector) & 1 == 1 {
                let start = sector * SimulatedDisk.sectorByteCount
                let range = start..<start + SimulatedDisk.sectorByteCount
                result.replaceSubrange(range, with: new[range])
            }
            return result
        case .zero:
            return [UInt8](repeating: 0, count: old.count)
        case .garbage(let seed):
            var random = SeededRandom(seed: seed)
            return old.indices.map { _ in UInt8.random(in: .min ... .max, using: &random) }
        }
    }
}

package struct BlockKey: Sendable, Hashable {
    package let file: SimulatedDisk.FileID
    package let index: Int

    package init(file: SimulatedDisk.FileID, index: Int) {
        self.file = file
        self.index = index
    }
}

/// One way in which a power loss may decide all that was undecided.
package struct CrashChoices: Sendable {
    package var blocks: [BlockKey: BlockFate] = [:]
    /// Files whose new length is on the disk.
    package var newByteCounts: Set<SimulatedDisk.FileID> = []
    /// Changes of names that are on the disk.
    package var operations: Set<Int> = []

    /// Nothing that was undecided has reached the disk.
    package init() {}

    /// All of it has.
    package static func everything(_ disk: SimulatedDisk) -> CrashChoices {
        var choices = CrashChoices()
        for undecided in disk.undecided {
            switch undecided {
            case .block(let file, let index):
                choices.blocks[BlockKey(file: file, index: index)] = .new
            case .byteCount(let file): choices.newByteCounts.insert(file)
            case .operation(let number): choices.operations.insert(number)
            }
        }
        return choices
    }

    /// Each decided by itself, at random.
    package static func random(_ disk: SimulatedDisk, seed: UInt64) -> CrashChoices {
        var random = SeededRandom(seed: seed)
        var choices = CrashChoices()
        for undecided in disk.undecided {
            switch undecided {
            case .block(let file, let index):
                let fate: BlockFate =
                    switch random.next() % 8 {
                    case 0, 1, 2: .new
                    case 3, 4: .old
                    case 5: .torn(newSectors: random.next())
                    case 6: .zero
                    default: .garbage(seed: random.next())
                    }
                choices.blocks[BlockKey(file: file, index: index)] = fate
            case .byteCount(let file):
                if random.next() % 2 == 0 { choices.newByteCounts.insert(file) }
            case .operation(let number):
                if random.next() % 2 == 0 { choices.operations.insert(number) }
            }
        }
        return choices
    }
}
