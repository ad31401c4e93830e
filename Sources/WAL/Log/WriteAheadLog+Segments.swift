internal import HoldfastDisk
package import HoldfastRecords
internal import Synchronization

/// What becomes of segments that are not written any more. All of this is for the background thread,
/// and holds up neither the writer nor readers.
extension WriteAheadLog {
    /// The segments that will never be written again, by number. Any thread may ask.
    package var sealedSegments: [SegmentSummary] { catalog.sealed.map(\.summary) }

    /// The first LSN of the segment that is written now.
    package var activeFirstLSN: LSN { catalog.counts.active.firstLSN }

    /// Those of them that reads look into, in their order: where some have been compacted, the one that
    /// stands for them. No two have a record in common.
    package var searchedSegments: [SegmentSummary] { catalog.searched.map(\.summary) }

    /// How many indexed records a sealed segment has. Reads its index where that is not in memory.
    package func indexedCount(of segment: SegmentSummary) throws(LogError) -> Int {
        try LogError.reading { () throws(DiskError) in
            try catalog.indexedCount(of: segment.key)
        }
    }

    /// Gives plain sealed segments back, by number.
    package func release(_ numbers: [UInt64]) throws(LogError) {
        let numbers = Set(numbers)
        try release(sealedSegments.filter { !$0.isCompacted && numbers.contains($0.number) })
    }

    /// Gives sealed segments back: from now on their records are not found, and their files go to
    /// the pool, or back to the volume, as soon as no reader holds them; the next calls of this and
    /// of `prepareSpareSegments` see to that.
    ///
    /// - Parameter segments: which no kept snapshot lists, and whose records every kept snapshot
    ///   knows. Those that are not sealed are passed over.
    package func release(_ segments: [SegmentSummary]) throws(LogError) {
        try checkUsable()
        try poisoning { () throws(LogError) in
            catalog.release(Set(segments.map(\.key)))
            _ = try recycleLeft()
        }
    }

    /// Puts away what was released and is not held any more. Returns whether there was anything.
    func recycleLeft() throws(LogError) -> Bool {
        let left = catalog.takeLeft()
        try LogError.writing { () throws(DiskError) in
            try pool.recycle(
                left.filter { !$0.isCompacted }.map(\.number),
                compacted: left.filter(\.isCompacted).map(\.path))
        }
        return !left.isEmpty
    }

    /// Whether the reserve has more than so many files.
    package func hasSpareSegment(beyond count: Int) -> Bool { pool.reserve.fileCount > count }

    /// Gives the space of one file of the reserve back to the volume.
    package func giveSpareSegmentBack() throws(LogError) {
        try checkUsable()
        try poisoning { () throws(LogError) in
            try LogError.writing { () throws(DiskError) in try pool.removeOne() }
        }
    }

    // MARK: Compacting

    /// Writes what is left of neighbouring sealed segments into one compacted one, which reads use
    /// from then on. The others stay until they are released: when both kept snapshots list the new
    /// one and neither lists them.
    ///
    /// - Parameters:
    ///   - group: entries of `sealedSegments`, plain or compacted, with no other one between them;
    ///     at most 4 GiB together.
    ///   - survivors: the indexed records of one of them that are still wanted.
    /// - Throws: `read` where a wanted record cannot be read, and `full`; nothing has changed then.
    package func compact(
        _ group: [SegmentSummary], survivors: (SegmentSummary) -> [LSN]
    ) throws(LogError) -> SegmentSummary {
        try checkUsable()
        return try poisoning { () throws(LogError) in
            let group = group.sorted { $0.firstLSN < $1.firstLSN }
            let keys = Set(group.map(\.key))
            let nextLSN = group.map(\.nextLSN).max() ?? 1
            precondition(
                !group.isEmpty
                    && catalog.isGroup(keys, firstLSN: group[0].firstLSN, nextLSN: nextLSN),
                "only neighbouring sealed segments can be compacted")
            precondition(
                group.reduce(0) { $0 + $1.byteCount } <= Int(UInt32.max)
                    && nextLSN - group[0].firstLSN <= LSN(UInt32.max),
                "a compacted segment has 32-bit offsets")
            let draft = pool.takeDraftPath()
            let compacted: SealedSegment
            do throws(LogError) {
                compacted = try write(draft, group, nextLSN: nextLSN, survivors).segment
                try LogError.obtaining { () throws(DiskError) in
                    try directory.fileSystem.rename(draft, to: compacted.key.path)
                }
            } catch {
                if !error.isFatal { try? directory.fileSystem.remove(draft) }
                throw error
            }
            try LogError.writing { () throws(DiskError) in
                try directory.fileSystem.syncDirectory(DirectoryLayout.log)
                try directory.fileSystem.syncDirectory(DirectoryLayout.pool)
            }
            catalog.add(compacted, insteadOf: keys)
            return compacted.summary
        }
    }

    private func write(
        _ path: String, _ group: [SegmentSummary], nextLSN: LSN,
        _ survivors: (SegmentSummary) -> [LSN]
    ) throws(LogError) -> CompactedHeader {
        let file = try LogError.obtaining { () throws(DiskError) in
            try directory.fileSystem.createFile(path)
        }
        var writer = CompactedWriter(file: file, firstLSN: group[0].firstLSN)
        for segment in group {
            let lsns = survivors(segment).sorted()
            let located = try LogError.reading { () throws(DiskError) in
                try catalog.locate(lsns)
            }
            defer { catalog.letGo(located) }
            guard located.absent.isEmpty else { throw unreadable(segment) }
            for part in located.groups {
                var places = part.places[...]
                while !places.isEmpty {
                    let piece = places.prefix(Self.piece(of: places))
                    places = places.dropFirst(piece.count)
                    var isWhole = true
                    try LogError.reading { () throws(DiskError) in
                        try RecordReading(file: part.file).read(Array(piece)) { lsn, body in
                            if let body { writer.append(lsn, body) } else { isWhole = false }
                        }
                    }
                    // What is damaged is not to be made to look as if it had never been.
                    guard isWhole else { throw unreadable(segment) }
                    if writer.isPieceFull {
                        try LogError.obtaining { () throws(DiskError) in try writer.flush() }
                    }
                }
            }
        }
        return try LogError.obtaining { () throws(DiskError) in
            try writer.finish(
                uuid: identity.uuid, number: group.map(\.number).max() ?? 0,
                salt: directory.entropy(), nextLSN: nextLSN)
        }
    }

    /// How many records are read before they are written: about a piece.
    private static func piece(of places: ArraySlice<SegmentIndex.Place>) -> Int {
        var byteCount = 0
        for (count, place) in places.enumerated() {
            byteCount += place.limit - place.offset
            if byteCount >= CompactedWriter.pieceByteCount { return count + 1 }
        }
        return places.count
    }

    private func unreadable(_ segment: SegmentSummary) -> LogError {
        .read(DiskError(.read, segment.key.path, code: DiskError.inputOutput))
    }

    // MARK: Scrubbing

    /// What `scrubStep` reads at a time, in bytes, unless a single frame or record is longer.
    package static var scrubPieceByteCount: Int { Scrubber.pieceByteCount }

    /// How far scrubbing has come. Waits for a step that is being made.
    package var scrubProgress: ScrubProgress { scrubber.withLock { $0.progress } }

    /// Reads one piece of the sealed segments, about a MiB, and compares it with its checksums: bytes
    /// that nobody reads may rot for years. Goes on where the last call ended.
    ///
    /// A segment is held while it is read, so that it is not used again meanwhile; one that is released
    /// between two steps is passed over.
    ///
    /// - Parameter found: is told what is not as it was written. The log goes on.
    /// - Throws: `read` where the process is short of something; the next call tries again.
    /// - Returns: false when all that was sealed has been read; the next call begins again.
    package func scrubStep(_ found: (LogDamage) -> Void) throws(LogError) -> Bool {
        try checkUsable()
        return try scrubber.withLock { scrubber throws(LogError) in
            let segment: SealedSegment
            if let key = scrubber.current, let held = catalog.hold(key) {
                segment = held
            } else if let next = catalog.holdNext(after: scrubber.current ?? scrubber.last) {
                segment = next
                scrubber.begin(next)
            } else {
                scrubber.endRound()
                return false
            }
            defer { catalog.letGo(segment.key) }
            try LogError.reading { () throws(DiskError) in
                try scrubber.step(segment, in: directory.fileSystem, found)
            }
            return true
        }
    }
}
