internal import HoldfastDisk
internal import HoldfastRecords
internal import Synchronization

/// Which segment an LSN is in and where in it, for readers on any thread. The log's writer tells it
/// what has become durable; a reader holds the lock only while it looks places up.
final class SegmentCatalog: Sendable {
    /// One segment's share of a read.
    struct Group {
        let file: any File
        let key: SegmentKey
        var places: [SegmentIndex.Place]
    }

    /// Where the records of a read lie. The files in it are held until `letGo`.
    struct Located {
        var groups: [Group] = []
        /// Those that are not found.
        var absent: [LSN] = []
        fileprivate var held: [SegmentKey] = []
    }

    /// Where the first of some LSNs lies; the segment is held.
    private enum Place {
        case sealed(SealedSegment)
        case active(Group, absent: [LSN])
        /// Nowhere, like all up to `next`.
        case nowhere(next: LSN)
    }

    /// What the indexes of sealed segments may take in memory, in bytes.
    static let indexByteCountMax = 16 << 20

    private let fileSystem: any FileSystem
    let state: Mutex<CatalogState>
    /// One thread at a time scans segments and writes sidecars.
    private let sidecarWork = Mutex(())

    /// - Parameters:
    ///   - sealed: where two have LSNs in common, the first of them is read.
    ///   - last: the one that `lastIndex` is of.
    init(
        _ fileSystem: any FileSystem, sealed: [SealedSegment], last: SealedSegment?,
        lastIndex: SegmentIndex?, active: SegmentWriter, activeIndex: SegmentIndex, nextLSN: LSN
    ) {
        self.fileSystem = fileSystem
        var first = CatalogState(active: active, activeIndex: activeIndex, activeNextLSN: nextLSN)
        for segment in sealed { first.add(segment) }
        if let last, let lastIndex { first.unwritten[last.key] = lastIndex }
        let start = first
        state = Mutex(start)
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
                state.leaving.append(state.active.header.key)
                state.active = writer
                state.activeIndex = SegmentIndex(firstLSN: writer.firstLSN)
                return
            }
            state.add(
                SealedSegment(
                    header: state.active.header, firstLSN: state.active.firstLSN,
                    nextLSN: state.activeNextLSN, end: state.active.end))
            state.unwritten[state.active.header.key] = state.activeIndex
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
                located.held.append(segment.key)
                let part = rest.prefix { $0 < segment.nextLSN }
                rest = rest.dropFirst(part.count)
                let loaded: LoadedSegment
                do throws(DiskError) {
                    loaded = try load(segment)
                } catch {
                    letGo(located)
                    throw error
                }
                var group = Group(file: loaded.file, key: segment.key, places: [])
                for lsn in part {
                    if let place = loaded.index.place(of: lsn, end: segment.end) {
                        group.places.append(place)
                    } else {
                        located.absent.append(lsn)
                    }
                }
                if !group.places.isEmpty { located.groups.append(group) }
            case .active(let group, let absent):
                located.held.append(group.key)
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
            for key in located.held { state.letGo(key) }
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
                guard let segment = state.sealed.first(where: { state.unwritten[$0.key] != nil }),
                    let index = state.unwritten[segment.key]
                else { return nil }
                state.hold(segment.key)
                return (segment, index)
            }
            guard let (segment, index) = work else { return false }
            defer { letGo(segment.key) }
            try SidecarFile.store(index, of: segment, in: fileSystem)
            state.withLock { $0.unwritten[segment.key] = nil }
            return true
        }
    }

    /// Looks in the sealed segments and in the active one at once: between two looks the active one
    /// might become a sealed one.
    private func hold(_ lsns: ArraySlice<LSN>) -> Place {
        let lsn = lsns.first!
        return state.withLock { state in
            if lsn >= state.active.firstLSN {
                state.hold(state.active.header.key)
                var absent: [LSN] = []
                var group = Group(
                    file: state.active.file, key: state.active.header.key, places: [])
                for lsn in lsns {
                    if let place = state.activeIndex.place(of: lsn, end: state.active.end) {
                        group.places.append(place)
                    } else {
                        absent.append(lsn)
                    }
                }
                return .active(group, absent: absent)
            }
            let position = state.position(of: lsn)
            guard position < state.searched.count else {
                return .nowhere(next: state.active.firstLSN)
            }
            let segment = state.searched[position]
            guard segment.firstLSN <= lsn else { return .nowhere(next: segment.firstLSN) }
            state.hold(segment.key)
            return .sealed(segment)
        }
    }

    func load(_ segment: SealedSegment) throws(DiskError) -> LoadedSegment {
        if let loaded = inMemory(segment.key) { return loaded }
        let file = try fileSystem.openFile(segment.key.path, for: .reading)
        let loaded = try sidecarWork.withLock { _ throws(DiskError) in
            // Somebody else may just have done it.
            if let loaded = inMemory(segment.key) { return loaded }
            // A place that the disk cannot read costs the records that lie there, not the index.
            let readable = PassingFile(file)
            if segment.isCompacted {
                let index = try CompactedFile(file: readable, segment: segment).index().index
                return LoadedSegment(file: file, index: index)
            }
            let known = state.withLock { $0.unwritten[segment.key] }
            if let index = known ?? SidecarFile.load(segment, in: fileSystem) {
                return LoadedSegment(file: file, index: index)
            }
            let (index, isWhole) = try SegmentIndex.scanning(
                SegmentReader(file: readable, header: segment.header), firstLSN: segment.firstLSN,
                end: segment.end, nextLSN: segment.nextLSN)
            if isWhole { try SidecarFile.store(index, of: segment, in: fileSystem) }
            return LoadedSegment(file: file, index: index)
        }
        state.withLock { state in
            state.loaded.removeAll { $0.key == segment.key }
            state.loaded.append((segment.key, loaded))
            var byteCount = state.loaded.reduce(0) { $0 + $1.segment.index.footprintByteCount }
            while byteCount > Self.indexByteCountMax, state.loaded.count > 1 {
                byteCount -= state.loaded.removeFirst().segment.index.footprintByteCount
            }
            if state.loaded.count > 64 { state.loaded.removeFirst() }
        }
        return loaded
    }

    private func inMemory(_ key: SegmentKey) -> LoadedSegment? {
        state.withLock { state in
            guard let position = state.loaded.firstIndex(where: { $0.key == key }) else {
                return nil
            }
            let entry = state.loaded.remove(at: position)
            state.loaded.append(entry)
            return entry.segment
        }
    }
}
