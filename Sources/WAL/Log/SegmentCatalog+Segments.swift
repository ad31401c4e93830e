internal import HoldfastDisk
internal import HoldfastRecords
internal import Synchronization

/// What the background thread does with sealed segments.
extension SegmentCatalog {
    /// All sealed segments, in their order.
    var sealed: [SealedSegment] { state.withLock { $0.sealed } }

    /// Those that are searched, in their order.
    var searched: [SealedSegment] { state.withLock { $0.searched } }

    /// 0 where it is not sealed any more.
    func indexedCount(of key: SegmentKey) throws(DiskError) -> Int {
        guard let segment = hold(key) else { return 0 }
        defer { letGo(key) }
        return try load(segment).index.count
    }

    /// From now on none of these is found. Those that are not sealed stay.
    func release(_ keys: Set<SegmentKey>) {
        state.withLock { state in
            state.leaving += state.sealed.map(\.key).filter(keys.contains)
            state.sealed.removeAll { keys.contains($0.key) }
            state.searched.removeAll { keys.contains($0.key) }
        }
    }

    /// Those that have been released and that nobody holds any more, for the caller to put away.
    func takeLeft() -> [SegmentKey] {
        state.withLock { state in
            let left = Set(state.leaving.filter { state.holds[$0] == nil })
            if left.isEmpty { return [] }
            state.leaving.removeAll(where: left.contains)
            state.loaded.removeAll { left.contains($0.key) }
            for key in left { state.unwritten[key] = nil }
            return left.sorted { $0.number < $1.number }
        }
    }

    /// Whether reads may go to one compacted segment instead of these: nothing else lies between.
    func isGroup(_ keys: Set<SegmentKey>, firstLSN: LSN, nextLSN: LSN) -> Bool {
        state.withLock { state in
            keys.isSubset(of: state.sealed.map(\.key)) && nextLSN <= state.active.firstLSN
                && state.searched.allSatisfy {
                    keys.contains($0.key) || $0.nextLSN <= firstLSN || $0.firstLSN >= nextLSN
                }
        }
    }

    /// From now on reads go to a compacted segment instead of those that it stands for.
    func add(_ compacted: SealedSegment, insteadOf keys: Set<SegmentKey>) {
        state.withLock { state in
            state.searched.removeAll { keys.contains($0.key) }
            state.add(compacted)
        }
    }

    /// The sealed segment behind this one, or the first; held until `letGo`.
    func holdNext(after key: SegmentKey?) -> SealedSegment? {
        state.withLock { state in
            let position = key.flatMap { key in
                state.sealed.lastIndex { $0.isOrdered(notBehind: key) }.map { $0 + 1 }
            }
            guard state.sealed.indices.contains(position ?? 0) else { return nil }
            let segment = state.sealed[position ?? 0]
            state.hold(segment.key)
            return segment
        }
    }

    /// Holds one until `letGo`, if it is still there.
    func hold(_ key: SegmentKey) -> SealedSegment? {
        state.withLock { state in
            guard let segment = state.sealed.first(where: { $0.key == key }) else { return nil }
            state.hold(key)
            return segment
        }
    }

    func letGo(_ key: SegmentKey) {
        state.withLock { $0.letGo(key) }
    }
}
