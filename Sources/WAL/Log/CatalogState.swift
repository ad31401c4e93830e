internal import HoldfastDisk
internal import HoldfastRecords

/// A sealed segment that is in use.
final class LoadedSegment: Sendable {
    let file: any File
    let index: SegmentIndex
    init(file: any File, index: SegmentIndex) {
        self.file = file
        self.index = index
    }
}

/// What the catalog knows, under its lock.
struct CatalogState {
    /// All that are sealed, by number.
    var sealed: [SealedSegment] = []
    /// Those that reads look into, by LSN; no two of them have one in common.
    var searched: [SealedSegment] = []
    /// Sealed not long ago, the sidecar not written yet.
    var unwritten: [SegmentKey: SegmentIndex] = [:]
    /// Least recently used first.
    var loaded: [(key: SegmentKey, segment: LoadedSegment)] = []
    var active: SegmentWriter
    var activeIndex: SegmentIndex
    var activeNextLSN: LSN
    /// By how many reads a segment is held.
    var holds: [SegmentKey: Int] = [:]
    /// No longer found, and to be put away when nobody holds them.
    var leaving: [SegmentKey] = []

    mutating func hold(_ key: SegmentKey) {
        holds[key, default: 0] += 1
    }

    mutating func letGo(_ key: SegmentKey) {
        let count = holds[key, default: 1] - 1
        holds[key] = count == 0 ? nil : count
    }

    /// The first of those that are searched whose records do not all lie before `lsn`.
    func position(of lsn: LSN) -> Int {
        var low = 0
        var high = searched.count
        while low < high {
            let middle = (low + high) / 2
            if searched[middle].nextLSN <= lsn { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// Makes a sealed segment known, and searched where no other one is for these LSNs.
    mutating func add(_ segment: SealedSegment) {
        let behind = sealed.lastIndex { $0.isOrdered(notBehind: segment.key) }
        sealed.insert(segment, at: behind.map { $0 + 1 } ?? 0)
        let position = position(of: segment.firstLSN)
        let isFree =
            position == searched.count || searched[position].firstLSN >= segment.nextLSN
        guard isFree, segment.firstLSN < segment.nextLSN else { return }
        searched.insert(segment, at: position)
    }
}
