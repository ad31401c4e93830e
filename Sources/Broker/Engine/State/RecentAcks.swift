/// The last acks, (job, version) each, so that a repeated ack is told from a stale worker's. A
/// cancelled job is remembered too, under a version that no worker ever held.
///
/// A ring with hash chains that are never unlinked: a link is followed only while it leads to an
/// older entry that the ring still holds (after the match finder of zlib's deflate). Jobs born one
/// after the other lie in neighbouring buckets, so that a queue worked off in order stays in cache.
struct RecentAcks: ~Copyable {
    private struct Entry {
        var lsn: UInt64
        var version: UInt32
        /// The number of the entry before in the same bucket.
        var older: UInt32
    }

    private let capacity: Int
    private let ring: UnsafeMutablePointer<Entry>
    /// The number of the youngest entry; entries are counted from 1, modulo 2^32.
    private let buckets: UnsafeMutablePointer<UInt32>
    private var latest: UInt32 = 0
    private(set) var count = 0

    /// - Parameter capacity: a power of two, at least 1.
    init(capacity: Int) {
        precondition(capacity > 0 && capacity & (capacity - 1) == 0, "a power of two")
        self.capacity = capacity
        ring = .allocate(capacity: capacity)
        buckets = .allocate(capacity: capacity)
        buckets.initialize(repeating: 0, count: capacity)
    }

    deinit {
        ring.deallocate()
        buckets.deallocate()
    }

    @inline(__always)
    mutating func insert(_ lsn: UInt64, version: UInt32) {
        latest &+= 1
        let bucket = bucket(lsn)
        ring[position(latest)] = Entry(lsn: lsn, version: version, older: buckets[bucket])
        buckets[bucket] = latest
        if count < capacity { count += 1 }
    }

    /// The version under which the job was acked; nil where that is not remembered.
    func version(of lsn: UInt64) -> UInt32? {
        var number = buckets[bucket(lsn)]
        var age = latest &- number
        while age < UInt32(truncatingIfNeeded: count) {
            let entry = ring[position(number)]
            if entry.lsn == lsn { return entry.version }
            number = entry.older
            let olderAge = latest &- number
            guard olderAge > age else { return nil }
            age = olderAge
        }
        return nil
    }

    /// Oldest first.
    func forEach(_ body: (_ lsn: UInt64, _ version: UInt32) -> Void) {
        for age in stride(from: count, to: 0, by: -1) {
            let entry = ring[position(latest &- UInt32(age - 1))]
            body(entry.lsn, entry.version)
        }
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
