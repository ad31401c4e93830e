/// Fills `buffer` (count × 4,096 bytes) with `count` pages from number `first` on, zeros where the
/// file ends before; false where the disk did not answer.
package typealias PageSource = (
    _ first: UInt32, _ count: Int, _ buffer: UnsafeMutableRawBufferPointer
) -> Bool

/// The pages of one store: their numbers, a cache of them, and copies on write.
///
/// A page belongs to the generation in which it was made or last changed. `freeze` ends a generation:
/// its pages become immutable and can be written to the disk by another thread while the next
/// generation goes on; whoever changes such a page gets a copy under another number. So nothing that
/// a snapshot refers to is ever overwritten, in memory or on the disk.
///
/// One owner, one thread. No file, no clock. A page that is not what it should be never ends the
/// process: it reads as an empty one and is remembered in `failure`, which the owner checks before
/// anything that was computed from pages leaves.
@usableFromInline
package final class PageSpace {
    package let limits: PageLimits
    let storeChecksum: UInt32
    let source: PageSource
    let memory = PageMemory()

    /// Changes with each freeze, so that a pointer kept from an earlier one is known to be stale.
    @exclusivity(unchecked) @usableFromInline
    package internal(set) var generation: UInt32 = 0
    /// The first page that could not be read or was not what it should be. Stays for ever.
    @exclusivity(unchecked) package internal(set) var failure: PageFailure?
    /// Pages in memory, whatever their state.
    @exclusivity(unchecked) package internal(set) var residentPageCount = 0
    /// Pages of the current generation, which the next freeze would write.
    @exclusivity(unchecked) package internal(set) var dirtyPageCount = 0
    /// What `freeze` will call the next snapshot.
    @exclusivity(unchecked) package internal(set) var nextSnapshotNumber: UInt32
    @exclusivity(unchecked) package internal(set) var counters = PageCounters()

    // Numbers: see PageSpace+Numbers.
    @exclusivity(unchecked) var used: PageSet
    @exclusivity(unchecked) var taken: PageSet
    @exclusivity(unchecked) var lowestFreeHint: UInt32 = 1
    @exclusivity(unchecked) var freeAtOnce: [UInt32] = []
    @exclusivity(unchecked) var retiredSinceFreeze: [UInt32] = []
    @exclusivity(unchecked) var retired: [RetiredPages] = []

    // Stamps: 0 until they have begun.
    @exclusivity(unchecked) var nextStamp: UInt64 = 0
    /// The highest of a page that was read.
    @exclusivity(unchecked) var lastReadStamp: UInt64 = 0
    /// A page with this stamp or a later one has never been part of a snapshot.
    @exclusivity(unchecked) var firstStampOfGeneration: UInt64 = 0

    // Frames: see PageSpace+Frames.
    @exclusivity(unchecked) var frames: UnsafeMutablePointer<PageFrame>
    @exclusivity(unchecked) var frameCount: Int
    @exclusivity(unchecked) var frameCapacity: Int
    @exclusivity(unchecked) var frameIndex = FrameIndex()
    @exclusivity(unchecked) var evictablePageCount = 0
    /// Pages that the next miss reads: as many as have been of use lately.
    @exclusivity(unchecked) var readAheadPageCount: Int
    /// The page that came into use last, from the disk or from among those read ahead.
    @exclusivity(unchecked) var lastExaminedNumber: UInt32 = 0
    let readBuffer: UnsafeMutableRawBufferPointer
    /// What a failed page reads as.
    let emptyPage: UnsafeMutableRawPointer

    @exclusivity(unchecked) var frozen: FrozenGeneration?

    /// - Parameters:
    ///   - storeUUID: its high and its low half.
    ///   - used: the page numbers of the snapshot to start from.
    ///   - retained: those of the snapshot before it that are not in `used`.
    ///   - snapshotNumber: of the next snapshot.
    ///   - source: reads pages from the disk.
    package init(
        limits: PageLimits, storeUUID: (UInt64, UInt64), used: PageSet = PageSet(),
        retained: PageSet = PageSet(), snapshotNumber: UInt32, source: @escaping PageSource
    ) {
        precondition(limits.readAheadPageCount >= 1, "a miss reads at least the page itself")
        precondition(limits.nodeEntryCountMax >= 3, "a map's node holds at least three entries")
        self.limits = limits
        self.source = source
        self.used = used
        nextSnapshotNumber = snapshotNumber
        storeChecksum = PageFormat.storeChecksum(uuid: storeUUID)
        taken = used.union(retained)
        if !retained.isEmpty {
            var numbers: [UInt32] = []
            retained.forEach { if !used.contains($0) { numbers.append($0) } }
            retired = [
                RetiredPages(snapshotNumber: snapshotNumber &- 1, numbers: numbers)
            ]
        }
        readAheadPageCount = limits.readAheadPageCount
        readBuffer = .allocate(
            byteCount: limits.readAheadPageCount * PageFormat.byteCount,
            alignment: PageFormat.byteCount)
        emptyPage = memory.allocate()
        emptyPage.initializeMemory(as: UInt8.self, repeating: 0, count: PageFormat.byteCount)
        frameCapacity = 256
        frames = .allocate(capacity: frameCapacity)
        frameCount = PageSpace.listCount
        for list in 0..<PageSpace.listCount {
            (frames + list).initialize(to: PageFrame(memory: emptyPage))
            frames[list].next = UInt32(list)
            frames[list].previous = UInt32(list)
        }
    }

    deinit {
        frames.deallocate()
        readBuffer.deallocate()
    }

    /// Pages that the state consists of, reserved ones included.
    package var usedPageCount: Int { used.count }

    /// Their numbers.
    package var usedPages: PageSet { used }

    /// Pages beyond `usedPageCount` that older snapshots still need.
    package var retiredPageCount: Int {
        retired.reduce(retiredSinceFreeze.count) { $0 + $1.numbers.count }
    }

    /// All stamps from now on are of this opening of the log. To be called once, before the first
    /// page is made.
    ///
    /// - Parameter epoch: higher than that of any opening before, so that no stamp comes twice;
    ///   below 2^24.
    package func beginStamps(epoch: UInt32) {
        precondition(nextStamp == 0, "stamps begin once")
        precondition(epoch > 0 && epoch < 1 << 24, "an epoch has 24 bits and starts at 1")
        nextStamp = UInt64(epoch) << 40
        firstStampOfGeneration = nextStamp
        if lastReadStamp >= nextStamp {
            condemn("a page was written by an opening that is yet to come")
        }
    }

    /// The owner has found that the pages contradict each other: as with a page that fails, nothing
    /// that is computed from them may leave.
    package func condemn(_ reason: String) {
        if failure == nil { failure = .contradiction(reason) }
    }

    /// Remembers the first failure.
    func fail(_ reference: PageReference, _ kind: PageKind, _ fault: PageFault) {
        if failure == nil { failure = .page(reference, kind, fault) }
    }
}

/// What the cache has done since it began.
package struct PageCounters: Sendable {
    /// Reads of the disk, each of one page or more.
    package var readCount = 0
    /// Pages read, read-ahead included.
    package var readPageCount = 0
    /// Pages that gave way to others.
    package var evictedPageCount = 0
}
