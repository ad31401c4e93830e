/// The records of one commit, laid out once: the engine appends to it while it is open, the log
/// writes the very same bytes, and recent batches answer reads until their memory is used again.
///
/// One owner at a time: the core loop while the batch is open, then the log writer, which touches
/// only the headroom and the padding. The records themselves never change once the batch is closed,
/// so the core loop may read them while they are being written: that is what makes it safe to hand
/// a batch between threads without a lock.
///
/// Since there is one owner, the fields go without the check of exclusive access at run time: it took
/// half of all the time that the engine spends on a job.
package final class RecordBatch: @unchecked Sendable {
    /// Bytes kept free before the first record, in which the log puts its frame header.
    package static let headroomByteCount = 48
    /// The memory is aligned to this, in bytes, so that it can be written without a copy.
    package static let alignment = 4096

    /// The LSN of the first record; the one the next batch starts with where this one stays empty.
    @exclusivity(unchecked) package private(set) var firstLSN: LSN = 0
    /// The broker's time of this commit in milliseconds, fixed when the batch is opened.
    @exclusivity(unchecked) package private(set) var frameTime: Int64 = 0
    /// How many records were appended.
    @exclusivity(unchecked) package private(set) var recordCount = 0
    /// Headroom and records, in bytes, without the padding.
    @exclusivity(unchecked) package private(set) var byteCount = RecordBatch.headroomByteCount

    @exclusivity(unchecked) private var memory: UnsafeMutableRawPointer
    @exclusivity(unchecked) private var capacity: Int
    /// Where record n starts in `memory`.
    @exclusivity(unchecked) private var offsets: [UInt32] = []

    /// - Parameter capacity: bytes to hold without growing.
    package init(capacity: Int = 64 * 1024) {
        self.capacity = Self.roundUp(max(capacity, Self.alignment))
        memory = .allocate(byteCount: self.capacity, alignment: Self.alignment)
    }

    deinit {
        memory.deallocate()
    }

    package var isEmpty: Bool { recordCount == 0 }
    /// The LSN that the next record will get.
    package var nextLSN: LSN { firstLSN + LSN(recordCount) }
    /// The LSN of the last record; `firstLSN - 1` where there is none.
    package var lastLSN: LSN { nextLSN - 1 }
    /// The memory this batch holds on to, in bytes.
    package var footprintByteCount: Int { capacity + offsets.capacity * 4 }

    /// Empties the batch for the records from `firstLSN` on. Keeps the memory unless it had grown
    /// beyond `keepingCapacityUpTo` bytes.
    package func open(firstLSN: LSN, frameTime: Int64, keepingCapacityUpTo limit: Int = 4 << 20) {
        self.firstLSN = firstLSN
        self.frameTime = frameTime
        recordCount = 0
        byteCount = Self.headroomByteCount
        offsets.removeAll(keepingCapacity: true)
        if capacity > limit {
            memory.deallocate()
            capacity = Self.roundUp(limit)
            memory = .allocate(byteCount: capacity, alignment: Self.alignment)
        }
    }

    /// Appends a record and returns its LSN.
    ///
    /// - Parameters:
    ///   - bodyByteCount: exactly how many bytes `write` fills in.
    ///   - isIndexed: whether the record is to be found by its LSN later on.
    ///   - write: fills the body; its memory is not zeroed beforehand.
    @inline(__always)
    package func append(
        bodyByteCount: Int, isIndexed: Bool, _ write: (UnsafeMutableRawBufferPointer) -> Void
    ) -> LSN {
        precondition(
            bodyByteCount <= RecordFormat.bodyByteCountMax, "a record is at most 256 MiB long")
        let headByteCount =
            isIndexed ? RecordFormat.indexedHeadByteCount : RecordFormat.plainHeadByteCount
        let start = byteCount
        let end = start + headByteCount + bodyByteCount
        if end > capacity { grow(toHold: end) }
        let lsn = nextLSN
        let body = UnsafeMutableRawBufferPointer(
            start: memory + start + headByteCount, count: bodyByteCount)
        write(body)
        var head = UInt32(bodyByteCount)
        if isIndexed {
            head |= RecordFormat.indexedBit
            store(UInt32(truncatingIfNeeded: lsn), at: start + 4)
            store(RecordFormat.crc32c(UnsafeRawBufferPointer(body)), at: start + 8)
        }
        store(head, at: start)
        offsets.append(UInt32(start))
        byteCount = end
        recordCount += 1
        return lsn
    }

    /// The body of a record of this batch; nil where `lsn` lies outside. Valid until the batch is
    /// opened again or appended to.
    package func body(of lsn: LSN) -> UnsafeRawBufferPointer? {
        guard lsn >= firstLSN, lsn < nextLSN else { return nil }
        let start = Int(offsets[Int(lsn - firstLSN)])
        let word = UInt32(
            littleEndian: UnsafeRawPointer(memory).loadUnaligned(
                fromByteOffset: start, as: UInt32.self))
        guard let head = RecordFormat.Head(word) else { return nil }
        return UnsafeRawBufferPointer(
            start: memory + start + head.headByteCount, count: head.bodyByteCount)
    }

    /// Whether record `lsn` of this batch is an indexed one, and how many bytes after the headroom
    /// it starts.
    package func location(of lsn: LSN) -> (isIndexed: Bool, offset: Int) {
        let start = Int(offsets[Int(lsn - firstLSN)])
        let word = UInt32(
            littleEndian: UnsafeRawPointer(memory).loadUnaligned(
                fromByteOffset: start, as: UInt32.self))
        return (word & RecordFormat.indexedBit != 0, start - Self.headroomByteCount)
    }

    /// The records as they go into a frame's payload.
    package var records: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(
            start: memory + Self.headroomByteCount, count: byteCount - Self.headroomByteCount)
    }

    /// Headroom and records, followed by zeros up to a multiple of `alignment` bytes: what is
    /// written to the file once the log has filled in the headroom.
    package func frame(paddedTo alignment: Int) -> UnsafeMutableRawBufferPointer {
        let padded = (byteCount + alignment - 1) / alignment * alignment
        if padded > capacity { grow(toHold: padded) }
        (memory + byteCount).initializeMemory(
            as: UInt8.self, repeating: 0, count: padded - byteCount)
        return UnsafeMutableRawBufferPointer(start: memory, count: padded)
    }

    @inline(__always)
    private func store(_ value: UInt32, at offset: Int) {
        memory.storeBytes(of: value.littleEndian, toByteOffset: offset, as: UInt32.self)
    }

    private func grow(toHold needed: Int) {
        let grown = Self.roundUp(max(needed, capacity * 2))
        let moved = UnsafeMutableRawPointer.allocate(
            byteCount: grown, alignment: Self.alignment)
        moved.copyMemory(from: memory, byteCount: byteCount)
        memory.deallocate()
        memory = moved
        capacity = grown
    }

    /// Room for the padding of any block size that a log may have, so that the log writer never
    /// has to move memory which the core loop is reading.
    private static let capacityUnit = 64 * 1024

    private static func roundUp(_ byteCount: Int) -> Int {
        (byteCount + capacityUnit - 1) / capacityUnit * capacityUnit
    }
}
