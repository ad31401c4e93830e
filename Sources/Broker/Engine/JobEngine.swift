internal import HoldfastModel
package import HoldfastRecords

/// The broker's truth: every job, lease, queue and producer, as a pure state machine. It has no
/// clock, no file, no task and no lock; one owner calls it, and time is an argument.
///
/// Each verb decides, appends what it decided to the open batch as one record, and then applies that
/// record's bytes by the very function that replay uses (`JobEngine+Apply.swift`): live operation
/// and replay cannot differ. A refused verb has appended and changed nothing. Nothing the engine
/// answers may leave before the batch is durable.
///
/// The batches must be opened at `lastLSN + 1`, and their frame time must never decrease.
package struct JobEngine: ~Copyable {
    package let configuration: EngineConfiguration
    /// The last record that was applied.
    package internal(set) var lastLSN: LSN = 0
    /// Broker time of the last record or `advance`, in milliseconds.
    package internal(set) var frameTime: Int64 = 0
    /// Changes when a `QueueID` may have become invalid.
    package internal(set) var queueGeneration: UInt32 = 0

    /// Broker time that delays are counted from where it is later than the batch's: a request may
    /// be decided long after its batch was opened, while the one before is written. Volatile; what
    /// is recorded is when the job is due.
    package var delayOriginMilliseconds: Int64 = 0

    var index = JobIndex()
    var queues = QueueTable()
    var chunks = LaneChunks()
    var leases = LeaseTable()
    var states = Slab<JobStateValue>()
    var delayed = DelayedJobs()
    var producers = ProducerTable()
    var recentAcks: RecentAcks

    /// Queues whose ready count rose from zero since somebody asked.
    var readied: [QueueID] = []
    /// The jobs of the record that is being decided; empty between verbs.
    var pending: [PendingItem] = []
    var changes: [HeartbeatChange] = []
    var expired: [UInt32] = []

    package init(configuration: EngineConfiguration) {
        self.configuration = configuration
        recentAcks = RecentAcks(capacity: configuration.recentAckCount)
        pending.reserveCapacity(Limits.itemCountMax)
    }

    deinit {
        var next = index.next(from: 0)
        while let (lsn, entry) = next {
            let slot = entry.isHome(.leased) ? leases[entry.slot].pointee.state : entry.slot
            if slot != 0 {
                states.pointer(slot).pointee.error.free()
                states.pointer(slot).pointee.checkpoint.free()
            }
            next = index.next(from: lsn + 1)
        }
    }

    /// Jobs that are not done.
    package var jobCount: Int { index.liveCount }
    package var leaseCount: Int { leases.count }

    /// Applies a record that a verb has just appended. Its own decision not fitting its own state is
    /// a fault of the program: going on would spread it to the disk.
    @inline(__always)
    mutating func applyAppended(_ lsn: LSN, of batch: RecordBatch) {
        guard let body = batch.body(of: lsn) else {
            preconditionFailure("a record that was appended is in its batch")
        }
        do throws(RecordFault) {
            try apply(lsn: lsn, frameTime: batch.frameTime, body: body)
        } catch {
            fatalError("record \(lsn) does not fit the state it was decided on: \(error.reason)")
        }
    }
}
