package import HoldfastDisk
package import HoldfastPages
package import HoldfastRecords
package import HoldfastWAL

/// What the snapshots and pages of a store look like, for tools: without the lock and without any
/// change.
package struct SnapshotInspection: Sendable {
    package struct Summary: Sendable, Equatable {
        package let number: UInt64
        package let lastLSN: LSN
        package let frameTime: Int64
        /// Length of the snapshot's file in bytes, what is left of older ones not counted.
        package let byteCount: Int
        package let rootByteCount: Int
        package let usedPageCount: Int
        package let extentPageCount: Int
        package let segments: [SnapshotSegment]
    }

    package enum Slot: Sendable, Equatable {
        case empty
        case whole(Summary)
        /// Damaged, or its writing was interrupted.
        case passedOver(reason: String, number: UInt64?)
        case otherVersion(UInt32)
        case foreign(UniqueID)
        case unreadable(DiskError)
    }

    package struct DamagedPage: Sendable, Equatable {
        package let number: UInt32
        package let fault: PageFault
        package let isInNewest: Bool
        package let isInPrevious: Bool
    }

    package struct PageSummary: Sendable, Equatable {
        /// Pages that the newest snapshot or the one before has.
        package var pageCount = 0
        /// Those that are whole and lie where they belong.
        package var wholeCount = 0
        /// Zeros only. A number may be taken for a page that is to be written later, so this is no
        /// damage by itself.
        package var unwrittenCount = 0
        package var damagedCount = 0
    }

    package let slots: [Slot]
    /// The slot of the newest whole snapshot, and of the one before it.
    package let newestSlot: Int?
    package let previousSlot: Int?
    private let newest: SnapshotContent?
    private let previous: SnapshotContent?
    private let fileSystem: any FileSystem
    private let storeChecksum: UInt32

    /// Reads the three slots.
    package init(_ fileSystem: any FileSystem, identity: StoreIdentity) {
        var slots: [Slot] = []
        var whole: [(slot: Int, content: SnapshotContent)] = []
        for slot in 0..<SnapshotLayout.slotCount {
            do throws(DiskError) {
                switch try SnapshotSlot.read(slot, in: fileSystem, of: identity.uuid) {
                case .empty: slots.append(.empty)
                case .whole(let content):
                    slots.append(.whole(Summary(content)))
                    whole.append((slot, content))
                case .notWhole(let reason, let number):
                    slots.append(.passedOver(reason: reason, number: number))
                case .otherVersion(let version): slots.append(.otherVersion(version))
                case .foreign(let uuid): slots.append(.foreign(uuid))
                }
            } catch {
                slots.append(.unreadable(error))
            }
        }
        self.slots = slots
        self.fileSystem = fileSystem
        storeChecksum = PageFormat.storeChecksum(uuid: (identity.uuid.high, identity.uuid.low))
        let (newest, previous) = SnapshotSlot.twoNewest(of: whole)
        newestSlot = newest?.slot
        previousSlot = previous?.slot
        self.newest = newest?.content
        self.previous = previous?.content
    }

    /// Reads every page whose number the newest snapshot or the one before has, and says which are
    /// not whole or lie where they do not belong. Which writing of a page is the right one, and
    /// whether anything refers to it at all, only the structures on the pages say: a number that
    /// was taken for a page to be written later may hold what a crash left there.
    package func verifyPages(
        _ report: (DamagedPage) -> Void
    ) throws(SnapshotError) -> PageSummary {
        var summary = PageSummary()
        guard let newest else { return summary }
        let files = try PageFiles.open(fileSystem, extentPageCount: newest.extentPageCount)
        let used = previous.map { newest.used.union($0.used) } ?? newest.used
        let buffer = UnsafeMutableRawBufferPointer.allocate(
            byteCount: 64 * PageFormat.byteCount, alignment: PageFormat.byteCount)
        defer { buffer.deallocate() }
        var next = used.lowestPresent(from: 1)
        while let first = next {
            var count = 1
            while count < 64, used.contains(first + UInt32(count)) { count += 1 }
            let isRead = files.read(first: first, count: count, into: buffer)
            for index in 0..<count {
                let number = first + UInt32(index)
                let bytes = UnsafeMutableRawBufferPointer(
                    rebasing: buffer[
                        index * PageFormat.byteCount..<(index + 1)
                            * PageFormat.byteCount])
                summary.pageCount += 1
                let fault: PageFault?
                if isRead || files.read(first: number, count: 1, into: bytes) {
                    let page = UnsafeRawBufferPointer(bytes)
                    if page.isZero {
                        summary.unwrittenCount += 1
                        continue
                    }
                    fault = PageFormat.verify(page, at: number, storeChecksum: storeChecksum)
                } else {
                    fault = .unreadable
                }
                guard let fault else {
                    summary.wholeCount += 1
                    continue
                }
                summary.damagedCount += 1
                report(
                    DamagedPage(
                        number: number, fault: fault, isInNewest: newest.used.contains(number),
                        isInPrevious: previous?.used.contains(number) ?? false))
            }
            next = used.lowestPresent(from: first + UInt32(count))
        }
        return summary
    }
}

extension SnapshotInspection.Summary {
    init(_ content: SnapshotContent) {
        number = content.number
        lastLSN = content.lastLSN
        frameTime = content.frameTime
        byteCount = content.byteCount
        rootByteCount = content.root.count
        usedPageCount = content.used.count
        extentPageCount = content.extentPageCount
        segments = content.segments
    }
}
