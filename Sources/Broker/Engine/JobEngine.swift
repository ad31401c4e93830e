internal import HoldfastModel
package import HoldfastPages
package import HoldfastRecords

/// The broker's truth: every job, lease, queue and producer, as a pure state machine. It has no
/// clock, no file, no task and no lock; one owner calls it, and time is an argument.
///
/// Each verb decides, appends what it decided to the open batch as one record, and then applies that
/// record's bytes by the very function that replay uses (`JobEngine+Apply.swift`): live operation
/// and replay cannot differ. A refused verb has appended and changed nothing. Nothing the engine
/// answers may leave before the batch is durable.
///
/// What grows with the jobs lies in pages, which come and go by `pages`; `freeze` makes a snapshot of
/// them. A page that cannot be read ends nothing here: the engine goes on with an empty one. So
/// nothing it answers may leave once `pages.failure` is set, and it must not be used any further.
///
/// The batches must be opened at `lastLSN + 1`, and their frame time must never decrease.
package struct JobEngine: ~Copyable {
    /// As it was given, but for the lease epoch of the key: that is the state's.
    package internal(set) var configuration: EngineConfiguration
    /// Where the state lies. Its stamps have begun before the engine is made.
    package let pages: PageSpace
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

    /// Job states, delayed and dead jobs, and where the bits of the live ones lie: see `StateKey`.
    var map: OrderedMap
    /// One bit for each job that is not done.
    var live = PagedBitmap(keyPrefix: StateKey.live.prefix)
    /// Jobs that are not done.
    package internal(set) var jobCount = 0
    /// Entries of all lanes whose jobs are done.
    var staleEntryCount = 0
    var queues = QueueTable()
    var leases: LeaseTable
    var delayed = DelayedJobs()
    var dead = DeadJobs()
    var producers: ProducerTable
    var recentAcks: RecentAcks
    var rootSizes: RootSizes

    /// Set from the first gap on that replay passed: records are made to fit. Volatile.
    var gap: GapPassage?

    /// Queues whose ready count rose from zero since somebody asked.
    var readied: [QueueID] = []
    /// The jobs of the record that is being decided; empty between verbs.
    var pending: [PendingItem] = []
    /// Those of them that are not leased: a second time they must not get there.
    var chosen = SlotTable()
    var changes: [HeartbeatChange] = []
    var expired: [UInt32] = []

    /// An empty store.
    package init(configuration: EngineConfiguration, pages: PageSpace) {
        self.configuration = configuration
        self.pages = pages
        map = OrderedMap(pages)
        leases = LeaseTable(pages)
        producers = ProducerTable(pages)
        recentAcks = RecentAcks(capacity: configuration.recentAckCount, pages)
        rootSizes = RootSizes(
            leaseCountMax: configuration.leaseCountMax,
            recentAckCount: configuration.recentAckCount, pages.limits)
        pending.reserveCapacity(Limits.itemCountMax)
    }

    package var leaseCount: Int { leases.count }

    /// Applies a record that a verb has just appended. Its own decision not fitting its own state is
    /// a fault of the program or of what it was restored from, unless a page is missing: the owner
    /// lets nothing out, since going on would spread it to the disk.
    @inline(__always)
    mutating func applyAppended(_ lsn: LSN, of batch: RecordBatch) {
        guard let body = batch.body(of: lsn) else {
            preconditionFailure("a record that was appended is in its batch")
        }
        do throws(RecordFault) {
            try apply(lsn: lsn, frameTime: batch.frameTime, body: body)
        } catch {
            pages.condemn(
                "record \(lsn) does not fit the state it was decided on: \(error.reason)")
        }
    }
}
