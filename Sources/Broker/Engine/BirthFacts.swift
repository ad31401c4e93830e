package import HoldfastRecords

/// What a birth record says of its job beside the content. The engine forgets it while the job is as
/// it was born; whoever asks about such a job reads the record and hands this over.
package struct BirthFacts: Hashable, Sendable {
    package var lsn: LSN
    package var queue: QueueID
    package var priority: UInt8
    /// Broker time.
    package var enqueuedMilliseconds: Int64
    /// Broker time; nil where the job was ready at once.
    package var dueMilliseconds: Int64?
    /// nil = as the queue says.
    package var attemptCountMax: UInt32?
    package var contentByteCount: Int

    /// - Returns: nil where the body is not one of a birth.
    package init?(lsn: LSN, body: UnsafeRawBufferPointer) {
        guard let birth = try? BirthRecord(body) else { return nil }
        self.lsn = lsn
        queue = birth.queue
        priority = birth.priority
        enqueuedMilliseconds = birth.enqueuedMilliseconds
        dueMilliseconds = birth.dueMilliseconds
        attemptCountMax = birth.attemptCountMax
        contentByteCount = birth.content.count
    }

    var lane: LaneNumber { LaneNumber(queue: queue, priority: priority) }
}
