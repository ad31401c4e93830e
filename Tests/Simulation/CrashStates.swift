/// One disk that a crash may leave behind.
package struct CrashState: Sendable, CustomStringConvertible {
    package enum End: Sendable {
        /// What `choices` say reached the disk, and nothing else.
        case powerLoss(CrashChoices)
        /// The page cache survives, with so many bytes of the interrupted write.
        case kill(taken: Int)
        /// The same, and the power is lost when the next process has just opened the store: what it
        /// saw was in the cache only.
        case killThenPowerLoss(taken: Int)
    }

    package let end: End
    package let description: String

    /// The disk as the next process finds it.
    ///
    /// - Parameters:
    ///   - disk: the moment's.
    ///   - landed: the same with the interrupted write taken.
    func disk(after disk: SimulatedDisk, landed: SimulatedDisk) -> SimulatedDisk {
        switch end {
        case .powerLoss(let choices): landed.afterPowerLoss(choices)
        case .kill(let taken), .killThenPowerLoss(let taken):
            disk.afterKill(inFlightByteCount: taken)
        }
    }
}

/// Every disk that a crash at one moment may leave behind, numbered in a fixed order and made when
/// asked for. What is undecided then (blocks, lengths, names) goes either way, each for itself:
///
/// - up to ten undecided things: all subsets of them; more: none, all, the first n, the last n, all
///   but one, one alone, and 200 random subsets;
/// - each undecided block in turn torn by sectors, zeroed and overwritten with rubbish, with all the
///   rest done and with none of it;
/// - mixtures of all that at random;
/// - the process killed instead, the interrupted write taken up to each page, with and without a
///   power loss right after the next opening.
package struct CrashStates: Sendable {
    /// Up to so many undecided things all subsets are made.
    package static let exhaustiveCountMax = 10
    package static let randomSubsetCount = 200
    package static let mixtureCount = 8
    private static let pageByteCount = 4096

    private let disk: SimulatedDisk
    private let landed: SimulatedDisk
    private let undecided: [SimulatedDisk.Undecided]
    private let blocks: [BlockKey]
    private let seed: UInt64
    private let subsetCount: Int

    /// - Parameter seed: of what is chosen by chance; the same numbers for the same seed.
    package init(_ moment: SimulatedMoment, seed: UInt64) {
        disk = moment.disk
        landed = disk.landed()
        undecided = landed.undecided
        blocks = undecided.compactMap { thing in
            guard case .block(let file, let index) = thing else { return nil }
            return BlockKey(file: file, index: index)
        }
        self.seed = seed
        let count = undecided.count
        subsetCount =
            count <= Self.exhaustiveCountMax ? 1 << count : 4 * count + Self.randomSubsetCount
    }

    private static let fateCount = 6
    private var tornCount: Int { blocks.count * Self.fateCount * 2 }
    private var mixtureCount: Int { undecided.isEmpty ? 0 : Self.mixtureCount }
    /// How often the kernel may stop in the interrupted write: between any two pages of it.
    private var killCount: Int {
        (disk.inFlightByteCount + Self.pageByteCount - 1) / Self.pageByteCount + 1
    }

    package var count: Int { subsetCount + tornCount + mixtureCount + 2 * killCount }

    package subscript(index: Int) -> CrashState {
        var index = index
        if index < subsetCount { return subset(index) }
        index -= subsetCount
        if index < tornCount { return torn(index) }
        index -= tornCount
        if index < mixtureCount {
            return CrashState(
                end: .powerLoss(.random(landed, seed: ContentHash.mix(seed, UInt64(index)))),
                description: "power loss, mixture \(index)")
        }
        index -= mixtureCount
        let taken = index / 2 * Self.pageByteCount
        let text = "kill, \(min(taken, disk.inFlightByteCount)) bytes taken"
        return index % 2 == 0
            ? CrashState(end: .kill(taken: taken), description: text)
            : CrashState(
                end: .killThenPowerLoss(taken: taken), description: text + ", then power loss")
    }

    package func disk(of state: CrashState) -> SimulatedDisk {
        state.disk(after: disk, landed: landed)
    }

    // MARK: Old or new

    private func subset(_ index: Int) -> CrashState {
        let count = undecided.count
        if count <= Self.exhaustiveCountMax {
            return subset("subset \(index) of \(1 << count)") { index >> $0 & 1 == 1 }
        }
        let number = index % count
        switch index / count {
        // The first n, 0 to count - 1; the last n, from all of them down to one.
        case 0: return subset("the first \(number) of \(count)") { $0 < number }
        case 1: return subset("the last \(count - number) of \(count)") { $0 >= number }
        case 2: return subset("all but \(name(number))") { $0 != number }
        case 3: return subset("only \(name(number))") { $0 == number }
        default:
            var random = SeededRandom(seed: ContentHash.mix(seed, UInt64(index)))
            let words = (0...count / 64).map { _ in random.next() }
            return subset("random subset \(index - 4 * count)") {
                words[$0 / 64] >> UInt64($0 % 64) & 1 == 1
            }
        }
    }

    private func subset(_ text: String, _ isNew: (Int) -> Bool) -> CrashState {
        CrashState(end: .powerLoss(choices(isNew)), description: "power loss, \(text)")
    }

    private func choices(_ isNew: (Int) -> Bool) -> CrashChoices {
        var choices = CrashChoices()
        for (position, thing) in undecided.enumerated() where isNew(position) {
            switch thing {
            case .block(let file, let index):
                choices.blocks[BlockKey(file: file, index: index)] = .new
            case .byteCount(let file): choices.newByteCounts.insert(file)
            case .operation(let number): choices.operations.insert(number)
            }
        }
        return choices
    }

    // MARK: Neither old nor new

    private func torn(_ index: Int) -> CrashState {
        let block = blocks[index / (2 * Self.fateCount)]
        let isRestNew = index % 2 == 0
        let random = ContentHash.mix(seed, UInt64(index))
        let (fate, text): (BlockFate, String) =
            switch index / 2 % Self.fateCount {
            case 0: (.torn(newSectors: 1), "new in its first sector")
            case 1: (.torn(newSectors: .max - 1), "old in its first sector")
            case 2: (.torn(newSectors: 0x0F0F_0F0F_0F0F_0F0F), "new in its first half")
            case 3: (.torn(newSectors: random), "torn")
            case 4: (.zero, "zeroed")
            default: (.garbage(seed: random), "overwritten with rubbish")
            }
        var choices = choices { _ in isRestNew }
        // A block behind the old end exists only where the new length does.
        choices.newByteCounts.insert(block.file)
        choices.blocks[block] = fate
        return CrashState(
            end: .powerLoss(choices),
            description: "power loss, \(name(block)) \(text), the rest \(isRestNew ? "new" : "old")"
        )
    }

    private func name(_ block: BlockKey) -> String {
        "block \(block.index) of \(landed.path(of: block.file))"
    }

    private func name(_ position: Int) -> String {
        switch undecided[position] {
        case .block(let file, let index): name(BlockKey(file: file, index: index))
        case .byteCount(let file): "the length of \(landed.path(of: file))"
        case .operation(let number): "change of names \(number)"
        }
    }
}

extension CrashState {
    package var isPowerLoss: Bool {
        if case .powerLoss = end { true } else { false }
    }

    /// Whether the power goes right after the next opening.
    package var isLosingPower: Bool {
        if case .killThenPowerLoss = end { true } else { false }
    }
}
