/// LSN → slot, for some thousand jobs at a time: open addressing with linear probing, at most half
/// full, and deletion that moves what follows back (Knuth, TAOCP vol. 3, 6.4, algorithm R), so that it
/// never ages. Jobs born one after the other lie side by side, in groups of eight.
struct SlotTable: ~Copyable {
    private struct Entry {
        /// 0 = free.
        var lsn: UInt64
        var slot: UInt32
    }

    private var entries: UnsafeMutablePointer<Entry>
    private var mask: Int
    private(set) var count = 0

    init() {
        mask = 63
        entries = .allocate(capacity: mask + 1)
        entries.initialize(repeating: Entry(lsn: 0, slot: 0), count: mask + 1)
    }

    deinit {
        entries.deallocate()
    }

    /// The slot of a job; nil where it has none.
    @inline(__always)
    subscript(_ lsn: UInt64) -> UInt32? {
        var position = home(lsn)
        while entries[position].lsn != 0 {
            if entries[position].lsn == lsn { return entries[position].slot }
            position = (position + 1) & mask
        }
        return nil
    }

    /// Adds a job that is not there; its LSN is not 0.
    @inline(__always)
    mutating func insert(_ lsn: UInt64, slot: UInt32) {
        if (count + 1) * 2 > mask { grow() }
        put(Entry(lsn: lsn, slot: slot))
        count += 1
    }

    @inline(__always)
    mutating func remove(_ lsn: UInt64) {
        var hole = home(lsn)
        while entries[hole].lsn != lsn {
            guard entries[hole].lsn != 0 else { return }
            hole = (hole + 1) & mask
        }
        var next = (hole + 1) & mask
        while entries[next].lsn != 0 {
            // It may go to the hole unless its home lies behind that.
            if (next &- home(entries[next].lsn)) & mask >= (next &- hole) & mask {
                entries[hole] = entries[next]
                hole = next
            }
            next = (next + 1) & mask
        }
        entries[hole].lsn = 0
        count -= 1
    }

    @inline(__always)
    private func put(_ entry: Entry) {
        var position = home(entry.lsn)
        while entries[position].lsn != 0 { position = (position + 1) & mask }
        entries[position] = entry
    }

    @inline(__always)
    private func home(_ lsn: UInt64) -> Int {
        let group = (lsn >> 3) &* 0x9E37_79B9_7F4A_7C15 >> 32
        return Int(truncatingIfNeeded: group << 3 | lsn & 7) & mask
    }

    @inline(never)
    private mutating func grow() {
        let old = UnsafeMutableBufferPointer(start: entries, count: mask + 1)
        mask = mask * 2 + 1
        entries = .allocate(capacity: mask + 1)
        entries.initialize(repeating: Entry(lsn: 0, slot: 0), count: mask + 1)
        for entry in old where entry.lsn != 0 { put(entry) }
        old.deallocate()
    }
}
