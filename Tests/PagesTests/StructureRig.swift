import HoldfastPages
import HoldfastSimulation

/// A page space on a disk in memory, with its snapshots: they are written wholly, in part, or not at
/// all, and the space is opened again from one of the two that are kept. `Model` is what the state
/// should be; it is kept with each snapshot.
final class StructureRig<Model> {
    private struct Snapshot {
        let number: UInt32
        let used: PageSet
        let root: [UInt8]
        let model: Model
    }

    private var limits: PageLimits
    private(set) var pages: PageSpace
    let disk = FakeDisk()
    /// The committed ones, the newest last, two at most.
    private var kept: [Snapshot] = []
    private var frozen: (pages: FrozenPages, root: [UInt8], model: Model)?
    private var lastSnapshotNumber: UInt32 = 0
    private var epoch: UInt32 = 1

    init(_ limits: PageLimits) {
        self.limits = limits
        pages = Self.space(limits, disk, [], snapshotNumber: 1, epoch: 1)
    }

    var isFrozen: Bool { frozen != nil }

    func freeze(_ root: [UInt8], _ model: Model) {
        let pages = pages.freeze()
        lastSnapshotNumber = pages.snapshotNumber
        frozen = (pages, root, model)
    }

    /// The frozen generation reaches the disk, and its snapshot with it.
    func commit() {
        guard let (frozen, root, model) = frozen else { return }
        disk.write(frozen)
        kept.append(
            Snapshot(number: frozen.snapshotNumber, used: frozen.used, root: root, model: model))
        if kept.count > 2 { kept.removeFirst() }
        self.frozen = nil
        pages.committed(frozen)
    }

    /// The frozen generation's pages reach the disk, its snapshot does not yet.
    func writeFrozen() {
        if let frozen { disk.write(frozen.pages) }
    }

    /// Only some pages of the frozen generation reach the disk.
    func abandon(_ random: inout SeededRandom) {
        guard let frozen = frozen?.pages else { return }
        writePart(of: frozen, &random)
        self.frozen = nil
        pages.abandoned(frozen)
    }

    /// The process ends, perhaps while it writes a generation, and another one begins with the newest
    /// snapshot, or the one before where the newest turns out to be damaged.
    ///
    /// - Returns: nil where there is none: the space is empty.
    func reopen(_ random: inout SeededRandom) -> (root: [UInt8], model: Model)? {
        if let frozen = frozen?.pages { writePart(of: frozen, &random) }
        if kept.count == 2, random.oneIn(4) { kept.removeLast() }
        return reopen()
    }

    /// The process ends, and another one begins with the newest snapshot.
    func reopen(
        changing change: (inout PageLimits) -> Void = { _ in }
    ) -> (root: [UInt8], model: Model)? {
        change(&limits)
        frozen = nil
        epoch += 1
        pages = Self.space(
            limits, disk, kept, snapshotNumber: lastSnapshotNumber + 1, epoch: epoch)
        return kept.last.map { ($0.root, $0.model) }
    }

    private static func space(
        _ limits: PageLimits, _ disk: FakeDisk, _ kept: [Snapshot], snapshotNumber: UInt32,
        epoch: UInt32
    ) -> PageSpace {
        let used = kept.last?.used ?? PageSet()
        let space = PageSpace(
            limits: limits, storeUUID: FakeDisk.uuid, used: used,
            retained: kept.count == 2 ? kept[0].used.subtracting(used) : PageSet(),
            snapshotNumber: snapshotNumber, source: { disk.read($0, $1, $2) })
        space.beginStamps(epoch: epoch)
        return space
    }

    private func writePart(of frozen: FrozenPages, _ random: inout SeededRandom) {
        let odds = random.below(3)
        var choice = SeededRandom(seed: random.next())
        disk.write(frozen) { _ in choice.below(3) < odds }
    }

    /// One of the things that happen to a space between two operations.
    ///
    /// - Parameter state: the root and the model, where a generation ends.
    func happen(
        _ random: inout SeededRandom, _ state: () -> (root: [UInt8], model: Model)
    ) {
        switch random.below(6) {
        case 0, 1: pages.trim()
        case 2, 3:
            guard !isFrozen else { return }
            let (root, model) = state()
            freeze(root, model)
        case 4: commit()
        case 5: abandon(&random)
        default: break
        }
    }
}

extension PageLimits {
    /// So small that every border is crossed within a hundred operations.
    static var tiny: PageLimits {
        var limits = PageLimits()
        limits.nodeEntryCountMax = 3
        limits.chainEntryCountMax = 3
        limits.bitmapBitCount = 64
        limits.arrayElementCountMax = 4
        limits.cachedPageCountMax = 2
        limits.readAheadPageCount = 3
        return limits
    }
}
