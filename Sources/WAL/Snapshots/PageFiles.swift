package import HoldfastDisk
internal import HoldfastMutants
internal import HoldfastPages
internal import Synchronization

/// The files that pages lie in. Each is an *extent* of a fixed number of pages: page n, from 1, is
/// page (n − 1) % count of extent (n − 1) / count.
///
/// Any thread reads at any time. One thread at a time obtains, writes and removes: the one that
/// writes snapshots. Nobody reads a page while it is written, as nothing refers to it yet.
package final class PageFiles: Sendable {
    /// Pages of one extent.
    package let extentPageCount: Int
    private let fileSystem: any FileSystem
    private let state: Mutex<State>

    private struct State {
        /// Extents that have a file.
        var extents: Set<Int> = []
        /// Those of them whose file has not its whole length yet.
        var short: Set<Int> = []
        /// Extents of which this process knows that they have their whole length and a durable name.
        var ready: Set<Int> = []
        /// Files open for reading, each at the place that its extent's number says.
        var open: [(extent: Int, file: any File)?]
        /// Counts removals, so that a file which was opened before one is not kept after it.
        var removalCount = 0
    }

    private init(
        _ fileSystem: any FileSystem, extentPageCount: Int, openExtentCountMax: Int,
        extents: Set<Int>, short: Set<Int>
    ) {
        self.fileSystem = fileSystem
        self.extentPageCount = extentPageCount
        state = Mutex(
            State(
                extents: extents, short: short,
                open: [(extent: Int, file: any File)?](
                    repeating: nil, count: max(1, openExtentCountMax))))
    }

    /// Finds the files that are there. Changes nothing.
    ///
    /// - Parameter extentPageCount: as the newest snapshot says it.
    package static func open(
        _ fileSystem: any FileSystem, extentPageCount: Int, openExtentCountMax: Int = 64
    ) throws(SnapshotError) -> PageFiles {
        precondition(SnapshotFormat.extentPageCounts.contains(extentPageCount))
        let names: [String]
        do throws(DiskError) {
            names = try fileSystem.list(SnapshotLayout.pages)
        } catch {
            guard error.isNotFound else { throw .read(error) }
            names = []
        }
        var extents: Set<Int> = []
        var short: Set<Int> = []
        for extent in names.compactMap(SnapshotLayout.extentNumber(ofName:)) {
            do throws(DiskError) {
                let byteCount =
                    try fileSystem.openFile(SnapshotLayout.extent(extent), for: .reading)
                    .byteCount()
                extents.insert(extent)
                if byteCount < extentPageCount * PageFormat.byteCount { short.insert(extent) }
            } catch {
                // A broker that serves removes some, and this may be somebody who only looks.
                guard error.isNotFound else { throw .read(error) }
            }
        }
        return PageFiles(
            fileSystem, extentPageCount: extentPageCount, openExtentCountMax: openExtentCountMax,
            extents: extents, short: short)
    }

    /// The extent that holds page `number`.
    func extent(of number: UInt32) -> Int {
        Int(number - 1) / extentPageCount
    }

    private var extentByteCount: Int { extentPageCount * PageFormat.byteCount }

    /// Where page `number` begins in its extent, in bytes.
    private func offset(of number: UInt32) -> Int {
        Int(number - 1) % extentPageCount * PageFormat.byteCount
    }

    /// Pages that there are files for.
    package var capacityPageCount: Int {
        state.withLock { $0.extents.count - $0.short.count } * extentPageCount
    }

    // MARK: Reading

    /// Reads pages `first` up to `first + count - 1` as they lie on the disk; those beyond the
    /// files are zeros. What they hold is for the caller to verify. A `PageSource`.
    ///
    /// - Returns: false where the disk did not answer.
    package func read(
        first: UInt32, count: Int, into buffer: UnsafeMutableRawBufferPointer
    ) -> Bool {
        precondition(first > 0 && buffer.count >= count * PageFormat.byteCount)
        var done = 0
        while done < count {
            let number = first + UInt32(done)
            let within = Int(number - 1) % extentPageCount
            let pageCount = min(count - done, extentPageCount - within)
            let part = UnsafeMutableRawBufferPointer(
                rebasing: buffer[
                    done * PageFormat.byteCount..<(done + pageCount)
                        * PageFormat.byteCount])
            do throws(DiskError) {
                let taken =
                    try reader(of: extent(of: number))?
                    .read(into: part, at: offset(of: number)) ?? 0
                UnsafeMutableRawBufferPointer(rebasing: part[taken...])
                    .initializeMemory(as: UInt8.self, repeating: 0)
            } catch {
                return false
            }
            done += pageCount
        }
        return true
    }

    /// The open file of an extent; nil where there is none.
    private func reader(of extent: Int) throws(DiskError) -> (any File)? {
        let (isThere, found, removalCount) = state.withLock { state in
            let place = state.open[extent % state.open.count]
            return (
                state.extents.contains(extent), place?.extent == extent ? place?.file : nil,
                state.removalCount
            )
        }
        if let found { return found }
        guard isThere else { return nil }
        let file: any File
        do throws(DiskError) {
            file = try fileSystem.openFile(SnapshotLayout.extent(extent), for: .reading)
        } catch {
            // Removed a moment ago; somebody reads ahead.
            if error.isNotFound { return nil }
            throw error
        }
        state.withLock { state in
            if state.removalCount == removalCount {
                state.open[extent % state.open.count] = (extent, file)
            }
        }
        return file
    }

    // MARK: Space

    /// Whether writing into the extent can neither run out of space nor lose the file's name.
    func isReady(_ extent: Int) -> Bool {
        state.withLock { $0.ready.contains(extent) }
    }

    /// Makes the extent's file, or the part of it that a crash has kept from being made. The
    /// directory is there.
    func makeReady(_ extent: Int) throws(SnapshotError) {
        let path = SnapshotLayout.extent(extent)
        let isNew = state.withLock { !$0.extents.contains(extent) }
        let file = try SnapshotError.obtaining { () throws(DiskError) in
            try isNew
                ? fileSystem.createFile(path) : fileSystem.openFile(path, for: .readingAndWriting)
        }
        do throws(SnapshotError) {
            try SnapshotError.obtaining { () throws(DiskError) in
                if try file.byteCount() < extentByteCount {
                    try file.allocate(byteCount: extentByteCount)
                    try file.sync()
                }
                if Mutant.noDirectorySyncAfterCreate.isOn { return }
                try fileSystem.syncDirectory(SnapshotLayout.pages)
            }
        } catch {
            // A file that got a part of its space would hold it and be of no use.
            if isNew, !error.isFatal {
                do throws(DiskError) {
                    try fileSystem.remove(path)
                } catch {
                    state.withLock { state in
                        state.extents.insert(extent)
                        state.short.insert(extent)
                    }
                }
            }
            throw error
        }
        state.withLock { state in
            state.extents.insert(extent)
            state.short.remove(extent)
            state.ready.insert(extent)
        }
    }

    /// The lowest extent that has no file of its whole length.
    var firstMissingExtent: Int {
        state.withLock { state in
            var extent = 0
            while state.extents.contains(extent), !state.short.contains(extent) { extent += 1 }
            return extent
        }
    }

    /// How many of these pages lie in each extent, up to the last that has one.
    func pageCounts(of pages: PageSet) -> [Int] {
        guard let last = pages.last else { return [] }
        var counts = [Int](repeating: 0, count: extent(of: last) + 1)
        pages.forEach { counts[extent(of: $0)] += 1 }
        return counts
    }

    /// Removes files without a page that is needed, from the last one down, as long as the files before
    /// it have places for `sparePageCount` more: numbers are given out from the lowest on.
    ///
    /// - Parameters:
    ///   - counts: of pages that are needed, in each extent; none in those beyond.
    ///   - countMax: files that are removed at most.
    /// - Returns: how many were removed.
    func trim(
        needing counts: [Int], sparePageCount: Int, countMax: Int
    ) throws(SnapshotError) -> Int {
        let extents = state.withLock { $0.extents.sorted() }
        let places = extents.map { extentPageCount - ($0 < counts.count ? counts[$0] : 0) }
        var placesBefore = places.reduce(0, +)
        var removed = 0
        for (extent, count) in zip(extents, places).reversed() where removed < countMax {
            placesBefore -= count
            guard placesBefore >= sparePageCount else { break }
            guard count == extentPageCount else { continue }
            state.withLock { state in
                state.extents.remove(extent)
                state.short.remove(extent)
                state.ready.remove(extent)
                state.removalCount += 1
                let place = extent % state.open.count
                if state.open[place]?.extent == extent { state.open[place] = nil }
            }
            do throws(DiskError) {
                try fileSystem.remove(SnapshotLayout.extent(extent))
            } catch {
                guard error.isNotFound else {
                    state.withLock { _ = $0.extents.insert(extent) }
                    throw .failed(error)
                }
            }
            removed += 1
        }
        if removed > 0 {
            try SnapshotError.writing { () throws(DiskError) in
                try fileSystem.syncDirectory(SnapshotLayout.pages)
            }
        }
        return removed
    }

    // MARK: Writing

    /// Writes frozen pages from `start` on: at most `pieceByteCount` bytes of them, all in one
    /// extent, which is ready; and syncs them.
    ///
    /// - Returns: the index behind the last one that was written.
    func write(
        _ frozen: FrozenPages, from start: Int, pieceByteCount: Int, writeByteCount: Int
    ) throws(SnapshotError) -> Int {
        let extent = extent(of: frozen.number(at: start))
        let end = min(frozen.count, start + max(1, pieceByteCount / PageFormat.byteCount))
        let pageCountMax = max(1, writeByteCount / PageFormat.byteCount)
        let buffer = UnsafeMutableRawBufferPointer.allocate(
            byteCount: min(end - start, pageCountMax) * PageFormat.byteCount,
            alignment: PageFormat.byteCount)
        defer { buffer.deallocate() }
        let file = try SnapshotError.obtaining { () throws(DiskError) in
            try fileSystem.openFile(SnapshotLayout.extent(extent), for: .readingAndWriting)
        }
        var index = start
        while index < end, self.extent(of: frozen.number(at: index)) == extent {
            let first = frozen.number(at: index)
            var count = 1
            while count < pageCountMax, index + count < end,
                frozen.number(at: index + count) == first + UInt32(count),
                self.extent(of: first + UInt32(count)) == extent
            {
                count += 1
            }
            let bytes = UnsafeMutableRawBufferPointer(
                rebasing: buffer[..<(count * PageFormat.byteCount)])
            frozen.copy(index..<index + count, into: bytes)
            try SnapshotError.writing { () throws(DiskError) in
                try file.write(UnsafeRawBufferPointer(bytes), at: offset(of: first))
            }
            index += count
        }
        try SnapshotError.writing { () throws(DiskError) in try file.sync() }
        return index
    }
}
