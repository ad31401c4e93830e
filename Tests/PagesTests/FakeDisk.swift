import HoldfastPages

/// Page files in memory, and the snapshots that are kept: at most two.
final class FakeDisk {
    struct Snapshot {
        let number: UInt32
        let used: PageSet
        let root: PageReference
    }

    static let uuid: (UInt64, UInt64) = (0x1122_3344_5566_7788, 0x99AA_BBCC_DDEE_FF00)

    var pages: [UInt32: [UInt8]] = [:]
    /// Oldest first.
    private(set) var kept: [Snapshot] = []
    /// What was written over a page that a kept snapshot refers to.
    private(set) var overwritten: [UInt32] = []
    var isReadable = true
    private(set) var reads: [Range<UInt32>] = []
    private var epoch: UInt32 = 0

    func read(_ first: UInt32, _ count: Int, _ buffer: UnsafeMutableRawBufferPointer) -> Bool {
        guard isReadable else { return false }
        reads.append(first..<first + UInt32(count))
        for position in 0..<count {
            let target = UnsafeMutableRawBufferPointer(
                rebasing: buffer[(position * 4096)..<((position + 1) * 4096)])
            if let page = pages[first + UInt32(position)] {
                target.copyBytes(from: page)
            } else {
                target.initializeMemory(as: UInt8.self, repeating: 0)
            }
        }
        return true
    }

    /// Writes the pages of `frozen` that `choose` takes; all of them before a commit.
    func write(_ frozen: FrozenPages, choosing choose: (Int) -> Bool = { _ in true }) {
        for index in 0..<frozen.count where choose(index) {
            let number = frozen.number(at: index)
            if kept.contains(where: { $0.used.contains(number) && pages[number] != nil }) {
                overwritten.append(number)
            }
            pages[number] = Self.bytes(of: frozen, at: index)
        }
    }

    func commit(_ frozen: FrozenPages, root: PageReference) {
        kept.append(Snapshot(number: frozen.snapshotNumber, used: frozen.used, root: root))
        if kept.count > 2 { kept.removeFirst() }
    }

    /// The page as it is written, header and all.
    static func bytes(of frozen: FrozenPages, at index: Int) -> [UInt8] {
        var buffer = [UInt64](repeating: 0, count: 512)
        return buffer.withUnsafeMutableBytes {
            frozen.copy(index..<index + 1, into: $0)
            return [UInt8]($0)
        }
    }

    static func bytes(of frozen: FrozenPages) -> [[UInt8]] {
        (0..<frozen.count).map { bytes(of: frozen, at: $0) }
    }

    /// With the checksum that belongs to it.
    static func sealed(_ page: [UInt8]) -> [UInt8] {
        var words = [UInt64](repeating: 0, count: 512)
        return words.withUnsafeMutableBytes {
            $0.copyBytes(from: page)
            PageFormat.seal(
                $0.baseAddress!, storeChecksum: PageFormat.storeChecksum(uuid: uuid))
            return [UInt8]($0)
        }
    }

    /// A space as a start of the broker makes it.
    func open(_ limits: PageLimits) -> PageSpace {
        epoch += 1
        let newest = kept.last
        let before = kept.count == 2 ? kept[0].used : PageSet()
        let used = newest?.used ?? PageSet()
        let space = PageSpace(
            limits: limits, storeUUID: Self.uuid, used: used, retained: before.subtracting(used),
            snapshotNumber: (newest?.number ?? 0) + 1, source: { self.read($0, $1, $2) })
        space.beginStamps(epoch: epoch)
        return space
    }

    /// A space that shows the older of the two kept snapshots.
    func openOldest(_ limits: PageLimits) -> PageSpace {
        PageSpace(
            limits: limits, storeUUID: Self.uuid, used: kept[0].used,
            snapshotNumber: kept[0].number + 1, source: { self.read($0, $1, $2) })
    }
}
