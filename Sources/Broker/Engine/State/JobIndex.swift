internal import HoldfastModel

/// Where a job is, in eight bytes.
///
/// ```
/// bits 0…2 home (JobState), 0 = none   bit 3 marked   bit 4 fresh   bits 5…31 lane
/// bits 32…63 slot: of the lease table where the job is leased, else of the job states;
///            the second in which the job was enqueued where it is fresh
/// ```
/// A fresh job is ready and has no state.
struct IndexEntry: Equatable {
    var bits: UInt64

    static let none = IndexEntry(bits: 0)

    init(bits: UInt64) {
        self.bits = bits
    }

    @inline(__always)
    init(_ home: JobState, lane: LaneNumber, slot: UInt32) {
        bits = UInt64(home.rawValue) | UInt64(lane.rawValue) << 5 | UInt64(slot) << 32
    }

    @inline(__always)
    init(freshIn lane: LaneNumber, enqueuedSecond: UInt32) {
        bits = IndexEntry(.ready, lane: lane, slot: enqueuedSecond).bits | 16
    }

    @inline(__always) var isNone: Bool { bits == 0 }
    @inline(__always) func isHome(_ home: JobState) -> Bool { bits & 7 == UInt64(home.rawValue) }
    /// `.done` for the entry that is none.
    var home: JobState { JobState(rawValue: UInt8(truncatingIfNeeded: bits & 7)) ?? .done }
    /// The job is in the record that is being decided: a second time it must not get there.
    @inline(__always) var isMarked: Bool { bits & 8 != 0 }
    @inline(__always) var marked: IndexEntry { IndexEntry(bits: bits | 8) }
    @inline(__always) var lane: LaneNumber {
        LaneNumber(rawValue: UInt32(truncatingIfNeeded: bits) >> 5)
    }
    @inline(__always) var isFresh: Bool { bits & 16 != 0 }
    /// 0 where the job is fresh.
    @inline(__always) var slot: UInt32 {
        isFresh ? 0 : UInt32(truncatingIfNeeded: bits >> 32)
    }
    /// Of a fresh job.
    var enqueuedSecond: UInt32 { UInt32(truncatingIfNeeded: bits >> 32) }
}

/// LSN → where the job is. Pages of 512 entries are made when a job is born in their range and given
/// back when none of it is left; the directory is cut at the front, where the oldest jobs end.
struct JobIndex: ~Copyable {
    private struct Page {
        var entries: UnsafeMutablePointer<UInt64>?
        var liveCount: Int
    }

    private static let pageShift: UInt64 = 9
    private static let pageCount = 512
    private static let sparePageCountMax = 64

    private var directory: UnsafeMutablePointer<Page>
    private var capacity = 16
    /// Where in the directory the first page in use is, and which page that is.
    private var head = 0
    private var firstPage: UInt64 = 0
    private var count = 0
    /// Pages without an entry: a page is given back only when it is all zero.
    private var spares: [UnsafeMutablePointer<UInt64>] = []
    private(set) var liveCount = 0

    init() {
        directory = .allocate(capacity: capacity)
        spares.reserveCapacity(Self.sparePageCountMax)
    }

    deinit {
        for page in head..<head + count { directory[page].entries?.deallocate() }
        for page in spares { page.deallocate() }
        directory.deallocate()
    }

    @inline(__always)
    subscript(_ lsn: UInt64) -> IndexEntry {
        let page = lsn >> Self.pageShift
        guard page >= firstPage, page - firstPage < UInt64(count),
            let entries = directory[head + Int(page - firstPage)].entries
        else { return .none }
        return IndexEntry(bits: entries[Int(lsn) & (Self.pageCount - 1)])
    }

    /// Adds a job that is younger than all there were.
    @inline(__always)
    mutating func insert(_ entry: IndexEntry, at lsn: UInt64) {
        let page = lsn >> Self.pageShift
        if count == 0 || page - firstPage >= UInt64(count) { extend(to: page) }
        let position = head + Int(page - firstPage)
        let entries = directory[position].entries ?? makePage(position)
        entries[Int(lsn) & (Self.pageCount - 1)] = entry.bits
        directory[position].liveCount += 1
        liveCount += 1
    }

    /// Changes the entry of a job that has one.
    @inline(__always)
    func replace(_ lsn: UInt64, by entry: IndexEntry) {
        let position = head + Int((lsn >> Self.pageShift) - firstPage)
        directory[position].entries.unsafelyUnwrapped[Int(lsn) & (Self.pageCount - 1)] = entry.bits
    }

    /// Takes a job out that has an entry.
    @inline(__always)
    mutating func remove(_ lsn: UInt64) {
        replace(lsn, by: .none)
        let position = head + Int((lsn >> Self.pageShift) - firstPage)
        directory[position].liveCount -= 1
        liveCount -= 1
        // The last page is the one that the next job goes to.
        if directory[position].liveCount == 0, position + 1 < head + count { dropPage(position) }
    }

    /// The first job at or after `lsn`.
    func next(from lsn: UInt64) -> (lsn: UInt64, entry: IndexEntry)? {
        guard count > 0 else { return nil }
        var lsn = max(lsn, firstPage << Self.pageShift)
        while lsn >> Self.pageShift < firstPage + UInt64(count) {
            if let entries = directory[head + Int((lsn >> Self.pageShift) - firstPage)].entries {
                for offset in Int(lsn) & (Self.pageCount - 1)..<Self.pageCount
                where entries[offset] != 0 {
                    return (
                        ((lsn >> Self.pageShift) << Self.pageShift) + UInt64(offset),
                        IndexEntry(bits: entries[offset])
                    )
                }
            }
            lsn = ((lsn >> Self.pageShift) + 1) << Self.pageShift
        }
        return nil
    }

    /// Counts what it counted, the slow way.
    func recount() -> Int {
        var live = 0
        for page in head..<head + count {
            guard let entries = directory[page].entries else { continue }
            for offset in 0..<Self.pageCount where entries[offset] != 0 { live += 1 }
        }
        return live
    }

    @inline(never)
    private func makePage(
        _ position: Int, from spare: UnsafeMutablePointer<UInt64>
    ) -> UnsafeMutablePointer<UInt64> {
        directory[position].entries = spare
        return spare
    }

    @inline(never)
    private mutating func makePage(_ position: Int) -> UnsafeMutablePointer<UInt64> {
        if let spare = spares.popLast() { return makePage(position, from: spare) }
        let entries = UnsafeMutablePointer<UInt64>.allocate(capacity: Self.pageCount)
        entries.initialize(repeating: 0, count: Self.pageCount)
        return makePage(position, from: entries)
    }

    @inline(never)
    private mutating func dropPage(_ position: Int) {
        if let entries = directory[position].entries {
            if spares.count < Self.sparePageCountMax {
                spares.append(entries)
            } else {
                entries.deallocate()
            }
            directory[position].entries = nil
        }
        while count > 0, directory[head].entries == nil {
            head += 1
            count -= 1
            firstPage += 1
        }
    }

    @inline(never)
    private mutating func extend(to page: UInt64) {
        if count > 0, directory[head + count - 1].liveCount == 0 { dropPage(head + count - 1) }
        if count == 0 {
            firstPage = page
            head = 0
        }
        precondition(page >= firstPage, "jobs are born in the order of their numbers")
        let needed = Int(page - firstPage) + 1
        if head + needed > capacity {
            // Slide to the front where that frees half of it, so that growth stays amortised.
            if needed > capacity / 2 {
                let grown = UnsafeMutablePointer<Page>.allocate(capacity: needed * 2)
                grown.moveInitialize(from: directory + head, count: count)
                directory.deallocate()
                directory = grown
                capacity = needed * 2
            } else {
                directory.moveUpdate(from: directory + head, count: count)
            }
            head = 0
        }
        (directory + head + count).initialize(
            repeating: Page(entries: nil, liveCount: 0), count: needed - count)
        count = needed
    }
}
