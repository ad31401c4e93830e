internal import HoldfastDisk
internal import HoldfastRecords
internal import Synchronization

/// Which segment an LSN is in and where in it, for readers on any thread. The log's writer tells it
/// what has become durable; a reader holds the lock only while it looks places up.
final class SegmentCatalog: Sendable {
    /// One segment's share of a read.
    struct Group {
        let file: any File
        let number: UInt64
        var places: [SegmentIndex.Place]
    }

    /// Where the records of a read lie. The files in it are held until `letGo`.
    struct Located {
        var groups: [Group] = []
        /// Those that are not found.
        var absent: [LSN] = []
        fileprivate var held: [UInt64] = []
    }

    /// Where the first of some LSNs lies; the segment is held.
    private enum Place {
        case sealed(SealedSegment)
        case active(Group, absent: [LSN])
        /// Nowhere, like all up to `next`.
        case nowhere(next: LSN)
    }

    /// A sealed segment that is in use.
    private final class Loaded: Sendable {
        let file: any File
        let index: SegmentIndex
        init(file: any File, index: SegmentIndex) {
            self.file = file
            self.index = index
        }
    }

    private struct State {
        var sealed: [SealedSegment]
        /// Sealed not long ago, the sidecar not written yet.
        var unwritten: [UInt64: SegmentIndex] = [:]
        /// Least recently used first.
        var loaded: [(number: UInt64, segment: Loaded)] = []
        var active: SegmentWriter
        var activeIndex: SegmentIndex
        var activeNextLSN: LSN
        /// By how many reads a segment is held.
        var holds: [UInt64: Int] = [:]
        /// No longer found, and to be put away when nobody holds them.
        var leaving: [UInt64] = []

        mutating func letGo(_ number: UInt64) {
            let count = holds[number, default: 1] - 1
            holds[number] = count == 0 ? nil : count
        }
    }

    /// What the indexes of sealed segments may take in memory, in bytes.
    static let indexByteCountMax = 16 << 20

    private let fileSystem: any FileSystem
    private let state: Mutex<State>
    /// One thread at a time scans segments and writes sidecars.
    private let sidecarWork = Mutex(())

    init(
        _ fileSystem: any FileSystem, sealed: [SealedSegment], lastIndex: SegmentIndex?,
        active: SegmentWriter, activeIndex: SegmentIndex, nextLSN: LSN
    ) {
        self.fileSystem = fileSystem
        var first = State(
            sealed: sealed, active: active, activeIndex: activeIndex, activeNextLSN: nextLSN)
        if let lastIndex, let last = sealed.last { first.unwritten[last.number] = lastIndex }
        state = Mutex(first)
    }

    // MARK: What the writer says

    /// The batch lies at `offset` of the active segment and is durable.
    func add(_ batch: RecordBatch, at offset: Int, writer: SegmentWriter) {
        state.withLock { state in
            state.activeIndex.append(batch, at: offset)
            state.activeNextLSN = batch.nextLSN
            state.active = writer
        }
    }

    /// The active segment is full and another one takes its place.
    func roll(to writer: SegmentWriter) {
        state.withLock { state in
            // It has no record, and the new one follows its predecessor.
            if state.activeNextLSN == state.active.firstLSN {
                state.leaving.append(state.active.number)
                state.active = writer
                state.activeIndex = SegmentIndex(firstLSN: writer.firstLSN)
                return
            }
            state.sealed.append(
                SealedSegment(
                    header: state.active.header, firstLSN: state.active.firstLSN,
                    nextLSN: state.activeNextLSN, end: state.active.end))
            state.unwritten[state.active.number] = state.activeIndex
            state.active = writer
            state.activeIndex = SegmentIndex(firstLSN: writer.firstLSN)
        }
    }

    // MARK: What readers ask

    /// Where the records lie, one group for each segment.
    ///
    /// - Parameter lsns: rising.
    func locate(_ lsns: [LSN]) throws(DiskError) -> Located {
        var located = Located()
        var rest = lsns[...]
        while !rest.isEmpty {
            switch hold(rest) {
            case .sealed(let segment):
                located.held.append(segment.number)
                let part = rest.prefix { $0 < segment.nextLSN }
                rest = rest.dropFirst(part.count)
                let loaded: Loaded
                do throws(DiskError) {
                    loaded = try load(segment)
                } catch {
                    letGo(located)
                    throw error
                }
                var group = Group(file: loaded.file, number: segment.number, places: [])
                for lsn in part {
                    if let place = loaded.index.place(of: lsn, end: segment.end) {
                        group.places.append(place)
                    } else {
                        located.absent.append(lsn)
                    }
                }
                if !group.places.isEmpty { located.groups.append(group) }
            case .active(let group, let absent):
                located.held.append(group.number)
                located.absent += absent
                if !group.places.isEmpty { located.groups.append(group) }
                rest = []
            case .nowhere(let next):
                let part = rest.prefix { $0 < next }
                rest = rest.dropFirst(part.count)
                located.absent += part
            }
        }
        return located
    }

    /// The read is over.
    func letGo(_ located: Located) {
        state.withLock { state in
            for number in located.held { state.letGo(number) }
        }
    }

    // MARK: What the background thread does

    /// All sealed segments, in their order.
    var sealed: [SealedSegment] { state.withLock { $0.sealed } }

    /// From now on none of these is found. Those that are not sealed stay.
    func release(_ numbers: Set<UInt64>) {
        state.withLock { state in
            state.leaving += state.sealed.map(\.number).filter(numbers.contains)
            state.sealed.removeAll { numbers.contains($0.number) }
        }
    }

    /// Those that have been released and that nobody holds any more, for the caller to put away.
    func takeLeft() -> [UInt64] {
        state.withLock { state in
            let left = Set(state.leaving.filter { state.holds[$0] == nil })
            if left.isEmpty { return [] }
            state.leaving.removeAll(where: left.contains)
            state.loaded.removeAll { left.contains($0.number) }
            for number in left { state.unwritten[number] = nil }
            return left.sorted()
        }
    }

    var counts: (segments: Int, bytes: Int, active: SegmentWriter, indexBytes: Int) {
        state.withLock { state in
            (
                state.sealed.count + 1,
                state.sealed.reduce(state.active.header.byteCount) { $0 + $1.header.byteCount },
                state.active,
                state.loaded.reduce(0) { $0 + $1.segment.index.footprintByteCount }
                    + state.unwritten.values.reduce(0) { $0 + $1.footprintByteCount }
            )
        }
    }

    /// Writes one sidecar that is missing, if one is known to be; for the background thread.
    ///
    /// - Returns: whether there was one.
    func writeSidecar() throws(DiskError) -> Bool {
        try sidecarWork.withLock { _ throws(DiskError) in
            let work = state.withLock { state -> (SealedSegment, SegmentIndex)? in
                guard
                    let number = state.unwritten.keys.filter({ !state.leaving.contains($0) }).min(),
                    let index = state.unwritten[number],
                    let segment = state.sealed.first(where: { $0.number == number })
                else { return nil }
                state.holds[number, default: 0] += 1
                return (segment, index)
            }
            guard let (segment, index) = work else { return false }
            defer { state.withLock { $0.letGo(segment.number) } }
            try SidecarFile.store(index, of: segment, in: fileSystem)
            state.withLock { $0.unwritten[segment.number] = nil }
            return true
        }
    }

    /// Looks in the sealed segments and in the active one at once: between two looks the active one
    /// might become a sealed one.
    private func hold(_ lsns: ArraySlice<LSN>) -> Place {
        let lsn = lsns.first!
        return state.withLock { state in
            if lsn >= state.active.firstLSN {
                state.holds[state.active.number, default: 0] += 1
                var absent: [LSN] = []
                var group = Group(file: state.active.file, number: state.active.number, places: [])
                for lsn in lsns {
                    if let place = state.activeIndex.place(of: lsn, end: state.active.end) {
                        group.places.append(place)
                    } else {
                        absent.append(lsn)
                    }
                }
                return .active(group, absent: absent)
            }
            var low = 0
            var high = state.sealed.count
            while low < high {
                let middle = (low + high) / 2
                if state.sealed[middle].nextLSN <= lsn { low = middle + 1 } else { high = middle }
            }
            guard low < state.sealed.count else { return .nowhere(next: state.active.firstLSN) }
            let segment = state.sealed[low]
            guard segment.firstLSN <= lsn else { return .nowhere(next: segment.firstLSN) }
            state.holds[segment.number, default: 0] += 1
            return .sealed(segment)
        }
    }

    private func load(_ segment: SealedSegment) throws(DiskError) -> Loaded {
        if let loaded = inMemory(segment.number) { return loaded }
        let file = try fileSystem.openFile(
            DirectoryLayout.segment(segment.number), for: .reading)
        let loaded = try sidecarWork.withLock { _ throws(DiskError) in
            // Somebody else may just have done it.
            if let loaded = inMemory(segment.number) { return loaded }
            let known = state.withLock { $0.unwritten[segment.number] }
            if let index = known ?? SidecarFile.load(segment, in: fileSystem) {
                return Loaded(file: file, index: index)
            }
            let reader = SegmentReader(file: file, header: segment.header)
            let index = try SegmentIndex(scanning: reader, end: segment.end)
            try SidecarFile.store(index, of: segment, in: fileSystem)
            return Loaded(file: file, index: index)
        }
        state.withLock { state in
            state.loaded.removeAll { $0.number == segment.number }
            state.loaded.append((segment.number, loaded))
            var byteCount = state.loaded.reduce(0) { $0 + $1.segment.index.footprintByteCount }
            while byteCount > Self.indexByteCountMax, state.loaded.count > 1 {
                byteCount -= state.loaded.removeFirst().segment.index.footprintByteCount
            }
            if state.loaded.count > 64 { state.loaded.removeFirst() }
        }
        return loaded
    }

    private func inMemory(_ number: UInt64) -> Loaded? {
        state.withLock { state in
            guard let position = state.loaded.firstIndex(where: { $0.number == number }) else {
                return nil
            }
            let entry = state.loaded.remove(at: position)
            state.loaded.append(entry)
            return entry.segment
        }
    }
}
