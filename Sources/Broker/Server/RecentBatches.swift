internal import DequeModule
package import HoldfastRecords

/// The batches written last, kept so that a job which is consumed promptly is delivered without a
/// read from the disk. Bounded in bytes; the memory of the oldest is used again for new batches.
///
/// Belongs to the core loop.
package struct RecentBatches {
    private let byteCountMax: Int
    private var byteCount = 0
    private var batches: Deque<RecordBatch> = []
    private var spares: [RecordBatch] = []

    /// - Parameter byteCountMax: bytes of memory the kept batches may take together.
    package init(byteCountMax: Int) {
        self.byteCountMax = byteCountMax
    }

    /// A batch that nobody uses, to be opened.
    package mutating func takeSpare() -> RecordBatch {
        spares.popLast() ?? RecordBatch()
    }

    /// Keeps a batch that is durable. Batches come in the order of their LSNs.
    package mutating func keep(_ batch: RecordBatch) {
        guard !batch.isEmpty else {
            spares.append(batch)
            return
        }
        byteCount += batch.footprintByteCount
        batches.append(batch)
        while byteCount > byteCountMax, let oldest = batches.popFirst() {
            byteCount -= oldest.footprintByteCount
            if spares.count < 4 { spares.append(oldest) }
        }
    }

    /// The body of a record that is still kept. Valid until the next `keep`.
    package func body(of lsn: LSN) -> UnsafeRawBufferPointer? {
        guard let first = batches.first, lsn >= first.firstLSN else { return nil }
        var low = 0
        var high = batches.count
        while high - low > 1 {
            let middle = (low + high) / 2
            if batches[middle].firstLSN <= lsn { low = middle } else { high = middle }
        }
        return batches[low].body(of: lsn)
    }
}
