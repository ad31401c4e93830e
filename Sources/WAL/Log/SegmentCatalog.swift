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

    /// Where the records lie, one group for each segment; those that are not found are in `absent`.
    ///
    /// - Parameter lsns: rising.
    func locate(_ lsns: [LSN]) throws(DiskError) -> (groups: [Group], absent: [LSN]) {
        var groups: [Group] = []
        var absent: [LSN] = []
        var rest = lsns[...]
        while let lsn = rest.first {
            guard let segment = segment(holding: lsn) else {
                // The active segment may just have become a sealed one: look again.
                guard let active = placesInActive(rest) else { continue }
                if let group = active.group { groups.append(group) }
                absent += active.absent
                break
            }
            let part = rest.prefix { $0 < segment.nextLSN }
            rest = rest.dropFirst(part.count)
            let loaded = try load(segment)
            var group = Group(file: loaded.file, number: segment.number, places: [])
            for lsn in part {
                if let place = loaded.index.place(of: lsn, end: segment.end) {
                    group.places.append(place)
                } else {
                    absent.append(lsn)
                }
            }
            if !group.places.isEmpty { groups.append(group) }
        }
        return (groups, absent)
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
                guard let number = state.unwritten.keys.min(), let index = state.unwritten[number],
                    let segment = state.sealed.first(where: { $0.number == number })
                else { return nil }
                return (segment, index)
            }
            guard let (segment, index) = work else { return false }
            try SidecarFile.store(index, of: segment, in: fileSystem)
            state.withLock { $0.unwritten[segment.number] = nil }
            return true
        }
    }

    private func segment(holding lsn: LSN) -> SealedSegment? {
        state.withLock { state in
            guard lsn < state.active.firstLSN else { return nil }
            var low = 0
            var high = state.sealed.count
            while low < high {
                let middle = (low + high) / 2
                if state.sealed[middle].nextLSN <= lsn { low = middle + 1 } else { high = middle }
            }
            return low < state.sealed.count ? state.sealed[low] : nil
        }
    }

    /// - Returns: nil where the first of the LSNs lies before the active segment.
    private func placesInActive(_ lsns: ArraySlice<LSN>) -> (group: Group?, absent: [LSN])? {
        state.withLock { state in
            guard let first = lsns.first, first >= state.active.firstLSN else { return nil }
            var absent: [LSN] = []
            var group = Group(file: state.active.file, number: state.active.number, places: [])
            for lsn in lsns {
                if let place = state.activeIndex.place(of: lsn, end: state.active.end) {
                    group.places.append(place)
                } else {
                    absent.append(lsn)
                }
            }
            return (group.places.isEmpty ? nil : group, absent)
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
