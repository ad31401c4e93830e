internal import HoldfastPages

/// The last acks, (job, version) each, so that a repeated ack is told from a stale worker's. A
/// cancelled job is remembered too, under a version that no worker ever held.
///
/// A ring in pages, with hash chains beside it that are never unlinked: a link is followed only while
/// it leads to an older entry that the ring still holds (after the match finder of zlib's deflate).
/// The chains are made anew at a start. Jobs born one after the other lie in neighbouring buckets, so
/// that a queue worked off in order stays in cache.
struct RecentAcks: ~Copyable {
    /// Twelve bytes of a page, little-endian.
    struct Entry: BitwiseCopyable {
        var lsnLow: UInt32 = 0
        var lsnHigh: UInt32 = 0
        var version: UInt32 = 0

        @inline(__always)
        init(_ lsn: UInt64, version: UInt32) {
            lsnLow = UInt32(truncatingIfNeeded: lsn)
            lsnHigh = UInt32(truncatingIfNeeded: lsn >> 32)
            self.version = version
        }

        @inline(__always) var lsn: UInt64 { UInt64(lsnHigh) << 32 | UInt64(lsnLow) }
    }

    /// Whose pages the ring is.
    static let arrayIdentifier: UInt32 = 2
    /// The largest capacity: 32 MiB for the chains.
    static let capacityMax = 1 << 22

    let capacity: Int
    private var ring: PagedArray<Entry>
    /// By position in the ring: the number of the entry before in the same bucket.
    private let older: UnsafeMutablePointer<UInt32>
    /// The number of the youngest entry; entries are counted from 1, modulo 2^32.
    private let buckets: UnsafeMutablePointer<UInt32>
    private(set) var latest: UInt32 = 0
    private(set) var count = 0

    /// - Parameter capacity: a power of two, 1 to `capacityMax`.
    init(capacity: Int, _ pages: PageSpace) {
        precondition(
            capacity > 0 && capacity & (capacity - 1) == 0 && capacity <= Self.capacityMax,
            "a power of two")
        self.capacity = capacity
        ring = PagedArray(pages, identifier: Self.arrayIdentifier)
        older = .allocate(capacity: capacity)
        older.initialize(repeating: 0, count: capacity)
        buckets = .allocate(capacity: capacity)
        buckets.initialize(repeating: 0, count: capacity)
    }

    /// Takes the acks from their pages.
    ///
    /// - Parameters:
    ///   - capacity: that of the ring whose pages these are.
    ///   - count: at most `capacity`.
    init(
        capacity: Int, _ pages: PageSpace, restoring references: [PageReference],
        latest: UInt32, count: Int
    ) {
        self.init(capacity: capacity, pages)
        ring = PagedArray(pages, identifier: Self.arrayIdentifier, references: references)
        self.latest = latest &- UInt32(count)
        for _ in 0..<count {
            self.latest &+= 1
            link(ring.element(position(self.latest)).lsn)
        }
    }

    deinit {
        older.deallocate()
        buckets.deallocate()
    }

    /// Where the ring lies.
    var references: [PageReference] { ring.references }

    @inline(__always)
    mutating func insert(_ lsn: UInt64, version: UInt32) {
        latest &+= 1
        ring.mutablePointer(position(latest)).pointee = Entry(lsn, version: version)
        link(lsn)
    }

    /// The version under which the job was acked; nil where that is not remembered.
    func version(of lsn: UInt64) -> UInt32? {
        var number = buckets[bucket(lsn)]
        var age = latest &- number
        while age < UInt32(truncatingIfNeeded: count) {
            let entry = ring.element(position(number))
            if entry.lsn == lsn { return entry.version }
            number = older[position(number)]
            let olderAge = latest &- number
            guard olderAge > age else { return nil }
            age = olderAge
        }
        return nil
    }

    /// Oldest first.
    func forEach(_ body: (_ lsn: UInt64, _ version: UInt32) -> Void) {
        for age in stride(from: count, to: 0, by: -1) {
            let entry = ring.element(position(latest &- UInt32(age - 1)))
            body(entry.lsn, entry.version)
        }
    }

    /// Puts the entry `latest` in front of its chain.
    @inline(__always)
    private mutating func link(_ lsn: UInt64) {
        let bucket = bucket(lsn)
        older[position(latest)] = buckets[bucket]
        buckets[bucket] = latest
        if count < capacity { count += 1 }
    }

    @inline(__always)
    private func position(_ number: UInt32) -> Int { Int(number) & (capacity - 1) }

    @inline(__always)
    private func bucket(_ lsn: UInt64) -> Int {
        // Multiplicative hashing (Knuth, TAOCP vol. 3, 6.4) of groups of eight.
        let group = (lsn >> 3) &* 0x9E37_79B9_7F4A_7C15 >> 32
        return Int(truncatingIfNeeded: group << 3 | lsn & 7) & (capacity - 1)
    }
}
