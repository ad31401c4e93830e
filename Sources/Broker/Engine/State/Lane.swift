internal import HoldfastModel

/// A queue and a priority in 27 bits: `queue << 4 | priority`. A tenant will find its place here.
struct LaneNumber: Equatable {
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

/// A job's place in a lane: a hint, valid iff the job is ready in this lane with this version.
struct LaneEntry {
    var lsn: UInt64
    var version: UInt32
    /// When the job was enqueued, broker time in seconds.
    var enqueuedSecond: UInt32
    /// What the job brought with it, so that a lease can stop where a reply is full.
    var contentByteCount: UInt32
    var flags: UInt32 = 0
}

/// 4 KiB of a chain: `next` and 170 entries. Entries are written once and read once.
struct LaneChunk {
    static let byteCount = 4096
    static let headByteCount = 16
    static let entryCount = (byteCount - headByteCount) / MemoryLayout<LaneEntry>.stride

    let start: UnsafeMutableRawPointer

    @inline(__always) var next: UnsafeMutableRawPointer? {
        get { start.load(as: UnsafeMutableRawPointer?.self) }
        nonmutating set { start.storeBytes(of: newValue, as: UnsafeMutableRawPointer?.self) }
    }
    @inline(__always) var entries: UnsafeMutablePointer<LaneEntry> {
        (start + Self.headByteCount).assumingMemoryBound(to: LaneEntry.self)
    }
}

/// Chunks for all lanes, with some kept for the next one who needs one.
struct LaneChunks: ~Copyable {
    private static let spareCountMax = 1_024
    private var spare: UnsafeMutableRawPointer?
    private var spareCount = 0

    deinit {
        var chunk = spare
        while let start = chunk {
            chunk = LaneChunk(start: start).next
            start.deallocate()
        }
    }

    mutating func take() -> LaneChunk {
        let chunk: LaneChunk
        if let start = spare {
            chunk = LaneChunk(start: start)
            spare = chunk.next
            spareCount -= 1
        } else {
            chunk = LaneChunk(
                start: .allocate(byteCount: LaneChunk.byteCount, alignment: 64))
        }
        chunk.next = nil
        return chunk
    }

    mutating func giveBack(_ chunk: LaneChunk) {
        guard spareCount < Self.spareCountMax else { return chunk.start.deallocate() }
        chunk.next = spare
        spare = chunk.start
        spareCount += 1
    }
}

/// First in, first out, in chunks. Its owner gives the chunks back, or frees them, before it goes.
struct LaneChain {
    private var head: UnsafeMutableRawPointer?
    private var tail: UnsafeMutableRawPointer?
    private var headPosition: Int32 = 0
    private var tailPosition: Int32 = 0

    @inline(__always) var isEmpty: Bool { head == nil }

    @inline(__always)
    mutating func append(_ entry: LaneEntry, _ chunks: inout LaneChunks) {
        if tail == nil || tailPosition == LaneChunk.entryCount { addChunk(&chunks) }
        (LaneChunk(start: tail.unsafelyUnwrapped).entries + Int(tailPosition)).initialize(to: entry)
        tailPosition += 1
    }

    @inline(__always)
    mutating func popFirst(_ chunks: inout LaneChunks) -> LaneEntry? {
        guard let head else { return nil }
        let entry = LaneChunk(start: head).entries[Int(headPosition)]
        headPosition += 1
        if headPosition == LaneChunk.entryCount || head == tail && headPosition == tailPosition {
            dropChunk(&chunks)
        }
        return entry
    }

    mutating func removeAll(_ chunks: inout LaneChunks) {
        while head != nil { dropChunk(&chunks) }
    }

    /// Frees the chunks at the end of everything.
    func deallocate() {
        var chunk = head
        while let start = chunk {
            chunk = LaneChunk(start: start).next
            start.deallocate()
        }
    }

    @inline(never)
    private mutating func addChunk(_ chunks: inout LaneChunks) {
        let chunk = chunks.take()
        if let tail {
            LaneChunk(start: tail).next = chunk.start
        } else {
            head = chunk.start
            headPosition = 0
        }
        tail = chunk.start
        tailPosition = 0
    }

    @inline(never)
    private mutating func dropChunk(_ chunks: inout LaneChunks) {
        guard let head else { return }
        let chunk = LaneChunk(start: head)
        self.head = chunk.next
        if self.head == nil { tail = nil }
        headPosition = 0
        chunks.giveBack(chunk)
    }

    /// Walks a chain without changing it.
    struct Cursor {
        private var chunk: UnsafeMutableRawPointer?
        private var position: Int32
        private let tail: UnsafeMutableRawPointer?
        private let tailPosition: Int32

        init(_ chain: LaneChain) {
            chunk = chain.head
            position = chain.headPosition
            tail = chain.tail
            tailPosition = chain.tailPosition
        }

        @inline(__always)
        mutating func next() -> LaneEntry? {
            guard let start = chunk, start != tail || position != tailPosition else { return nil }
            let entry = LaneChunk(start: start).entries[Int(position)]
            position += 1
            if position == LaneChunk.entryCount, start != tail {
                chunk = LaneChunk(start: start).next
                position = 0
            }
            return entry
        }
    }
}

/// The ready jobs of one queue and priority: those that were returned before those that never were,
/// each in the order in which they came.
struct Lane {
    var retry = LaneChain()
    var fresh = LaneChain()
    var readyCount = 0
    /// Entries that are valid no more. While there are none nobody needs to look.
    var staleCount = 0

    /// Walks the entries in the order in which they will be popped, the stale ones too.
    struct Cursor {
        private var retry: LaneChain.Cursor
        private var fresh: LaneChain.Cursor

        init(_ lane: Lane) {
            retry = LaneChain.Cursor(lane.retry)
            fresh = LaneChain.Cursor(lane.fresh)
        }

        @inline(__always)
        mutating func next() -> LaneEntry? { retry.next() ?? fresh.next() }
    }
}
