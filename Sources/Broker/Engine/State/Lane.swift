internal import HoldfastModel
internal import HoldfastPages

/// A queue and a priority in 27 bits: `queue << 4 | priority`. A tenant will find its place here.
struct LaneNumber: Equatable, BitwiseCopyable {
    var rawValue: UInt32

    @inline(__always)
    init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    @inline(__always)
    init(queue: QueueID, priority: UInt8) {
        rawValue = queue.rawValue << 4 | UInt32(priority)
    }

    @inline(__always) var queue: Int { Int(rawValue >> 4) }
    @inline(__always) var queueID: QueueID { QueueID(rawValue: rawValue >> 4) }
    @inline(__always) var priority: UInt8 { UInt8(truncatingIfNeeded: rawValue & 15) }
}

/// A job's place in a lane: 24 bytes. A job is put into a lane when it becomes ready and comes out by
/// a lease, or ends there; so an entry is stale iff its job is no longer live.
struct LaneEntry: BitwiseCopyable {
    static let stateFlag: UInt32 = 1

    var lsn: UInt64
    var version: UInt32
    /// When the job was enqueued, broker time in seconds.
    var enqueuedSecond: UInt32
    /// What the job brought with it, so that a lease can stop where a reply is full.
    var contentByteCount: UInt32
    /// 1: the job has a state. All others 0.
    var flags: UInt32

    @inline(__always) var hasState: Bool { flags & Self.stateFlag != 0 }
}

/// The ready jobs of one queue and priority: those that were returned before those that never were,
/// each in the order in which they came.
struct Lane: ~Copyable {
    var retry: PageChain<LaneEntry>
    var fresh: PageChain<LaneEntry>
    var readyCount = 0
    /// Entries that are valid no more. While there are none nobody needs to look.
    var staleCount = 0

    init(_ number: LaneNumber) {
        retry = PageChain(owner: Self.owner(number, isRetry: true))
        fresh = PageChain(owner: Self.owner(number, isRetry: false))
    }

    /// What stands in the pages of a chain, so that no lane takes another's for its own.
    static func owner(_ number: LaneNumber, isRetry: Bool) -> UInt64 {
        UInt64(number.rawValue) << 1 | (isRetry ? 0 : 1)
    }

    mutating func removeAll(_ pages: PageSpace) {
        retry.removeAll(pages)
        fresh.removeAll(pages)
        staleCount = 0
    }

    /// Calls `body` with each entry in the order in which they will be popped, the stale ones too. Trims the
    /// space as it goes.
    borrowing func forEach(_ pages: PageSpace, _ body: (LaneEntry) -> Void) {
        retry.forEach(pages, body)
        fresh.forEach(pages, body)
    }

    /// Walks the same, for who does not go all the way.
    struct Cursor {
        private var retry: PageChain<LaneEntry>.Cursor
        private var fresh: PageChain<LaneEntry>.Cursor

        init(_ lane: borrowing Lane) {
            retry = PageChain<LaneEntry>.Cursor(lane.retry)
            fresh = PageChain<LaneEntry>.Cursor(lane.fresh)
        }

        @inline(__always)
        mutating func next(_ pages: PageSpace) -> LaneEntry? {
            retry.next(pages) ?? fresh.next(pages)
        }
    }
}
