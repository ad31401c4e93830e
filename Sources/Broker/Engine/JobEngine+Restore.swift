internal import HoldfastModel
package import HoldfastPages

extension JobEngine {
    /// The state of an image: its root, and its pages by `pages`, whose stamps begin later: nothing is
    /// written here. It goes on with the record after `lastLSN`, on the clocks of a start: see
    /// `restartLeaseClocks`.
    ///
    /// The bounds of `configuration` may be others than those of the engine that was frozen.
    ///
    /// - Throws: where the root is not one of this version, or its pages are not what it says. Pages
    ///   that are not needed yet are not looked at: see `pages.failure`.
    package init(
        configuration: EngineConfiguration, pages: PageSpace, restoring root: [UInt8]
    ) throws(RestoreFault) {
        self.init(configuration: configuration, pages: pages)
        // The closure's error type is not inferred, so that the fault is carried out by hand.
        var fault: RestoreFault?
        root.withUnsafeBytes { bytes in
            do throws(RestoreFault) {
                var reader = RootReader(rest: bytes)
                try restore(&reader)
            } catch {
                fault = error
            }
        }
        if let fault { throw fault }
        pages.trim()
    }

    mutating func restore(_ root: inout RootReader) throws(RestoreFault) {
        guard try root.take(UInt32.self) == EngineRoot.magic else {
            throw RestoreFault("it is none")
        }
        let version = try root.take(UInt16.self)
        let zero = try root.take(UInt16.self)
        guard version == EngineRoot.version, zero == 0 else {
            throw RestoreFault("it is of version \(version), which this broker does not know")
        }
        lastLSN = try root.take(UInt64.self)
        guard lastLSN <= StateKey.valueMax else { throw RestoreFault("a last record beyond all") }
        frameTime = try root.take(Int64.self)
        dead.count = try root.take(UInt64.self)
        guard dead.count < UInt64.max / 2 else { throw RestoreFault("more deaths than can be") }
        map = OrderedMap(pages, root: try root.takeReference())
        let leaseReferences = try root.takeReferences()
        try restoreRecentAcks(&root)
        try restoreProducers(&root)
        let queueCount = try root.take(UInt32.self)
        var number: UInt32?
        for _ in 0..<queueCount { number = try restoreQueue(&root, after: number) }
        guard root.rest.isEmpty else { throw RestoreFault("bytes after its end") }
        try restoreLeases(leaseReferences)
        rootSizes = RootSizes(
            leaseCountMax: max(
                configuration.leaseCountMax,
                leaseReferences.count * PagedArray<Lease>.elementsPerPage(pages.limits)),
            recentAckCount: recentAcks.capacity, pages.limits)
        delayed.findFirst(map)
        try restoreLeaseEpoch()
        if let failure = pages.failure {
            throw RestoreFault("\(failure)")
        }
    }

    private mutating func restoreLeaseEpoch() throws(RestoreFault) {
        configuration.key.leaseEpoch = 0
        guard let value = map.find(StateKey.leaseEpoch.key(0)) else { return }
        guard value.count == 4 else { throw RestoreFault("a lease epoch that is none") }
        let epoch = value.start.integer(at: 0, as: UInt32.self)
        guard epoch > 0, epoch <= StoreKey.leaseEpochMax else {
            throw RestoreFault("a lease epoch beyond all")
        }
        configuration.key.leaseEpoch = epoch
    }

    private mutating func restoreRecentAcks(_ root: inout RootReader) throws(RestoreFault) {
        let capacity = Int(try root.take(UInt32.self))
        let latest = try root.take(UInt32.self)
        let count = Int(try root.take(UInt32.self))
        let references = try root.takeReferences()
        guard capacity > 0, capacity & (capacity - 1) == 0, capacity <= RecentAcks.capacityMax,
            count <= capacity,
            count <= references.count * PagedArray<RecentAcks.Entry>.elementsPerPage(pages.limits)
        else { throw RestoreFault("its recent acks contradict each other") }
        recentAcks = RecentAcks(
            capacity: capacity, pages, restoring: references, latest: latest, count: count)
    }

    private mutating func restoreProducers(_ root: inout RootReader) throws(RestoreFault) {
        let count = try root.take(UInt32.self)
        guard count <= ProducerTable.slotEnd else { throw RestoreFault("too many producers") }
        for _ in 0..<count {
            let id = ProducerID(
                low: try root.take(UInt64.self), high: try root.take(UInt64.self))
            let used = try root.take(Int64.self)
            let greatest = try root.take(UInt64.self)
            guard
                producers.restore(
                    id, usedMilliseconds: used, greatestSequence: greatest,
                    references: try root.takeReferences())
            else { throw RestoreFault("a producer is there twice") }
        }
    }

    /// - Returns: the queue's number, which is above the one before.
    private mutating func restoreQueue(
        _ root: inout RootReader, after previous: UInt32?
    ) throws(RestoreFault) -> UInt32 {
        let number = try root.take(UInt32.self)
        guard number < QueueTable.numberEnd, previous.map({ $0 < number }) ?? true else {
            throw RestoreFault("its queues are out of order")
        }
        let id = QueueID(rawValue: number)
        let name = try root.take(byteCount: Int(try root.take(UInt8.self)))
        let policy = QueuePolicy(
            visibilityTimeoutMilliseconds: try root.take(UInt32.self),
            attemptCountMax: try root.take(UInt32.self),
            interruptionCountMax: try root.take(UInt32.self),
            backoffMilliseconds: try root.take(UInt64.self),
            backoffMillisecondsMax: try root.take(UInt64.self))
        guard Name.isValid(name), policy.fault == nil, queues.find(name) == nil else {
            throw RestoreFault("queue \(number) has a name or a policy that it cannot have")
        }
        queues.insert(id, name: name, policy: policy)
        let queue = queues[Int(number)]
        queue.pointee.grantCount = try root.take(UInt32.self)
        queue.pointee.delayedCount = try root.takeCount()
        queue.pointee.leasedCount = try root.takeCount()
        queue.pointee.deadCount = try root.takeCount()
        queue.pointee.totals = QueueTotals(
            enqueued: try root.take(UInt64.self), leased: try root.take(UInt64.self),
            acked: try root.take(UInt64.self), returned: try root.take(UInt64.self),
            died: try root.take(UInt64.self), redriven: try root.take(UInt64.self),
            cancelled: try root.take(UInt64.self))
        for _ in 0..<(try root.take(UInt8.self)) { try restoreLane(&root, of: id) }
        jobCount += queue.pointee.jobCount
        guard jobCount <= Int(lastLSN) else { throw RestoreFault("more jobs than records") }
        if queue.pointee.readyCount > 0 {
            queue.pointee.isReadied = true
            readied.append(id)
        }
        return number
    }

    private mutating func restoreLane(
        _ root: inout RootReader, of id: QueueID
    ) throws(RestoreFault) {
        let priority = try root.take(UInt8.self)
        let queue = queues[Int(id.rawValue)]
        guard priority <= Limits.priorityMax, queue.pointee.laneMask >> UInt16(priority) == 0
        else { throw RestoreFault("the lanes of queue \(id.rawValue) are out of order") }
        let number = LaneNumber(queue: id, priority: priority)
        let lane = queues.lane(number)
        lane.pointee.readyCount = try root.takeCount()
        lane.pointee.staleCount = try root.takeCount()
        guard lane.pointee.readyCount > 0,
            let retry = PageChain<LaneEntry>(
                decoding: &root.rest, owner: Lane.owner(number, isRetry: true), in: pages),
            let fresh = PageChain<LaneEntry>(
                decoding: &root.rest, owner: Lane.owner(number, isRetry: false), in: pages)
        else { throw RestoreFault("a lane of queue \(id.rawValue) cannot be read") }
        // What is refuted later may say anything.
        staleEntryCount = min(staleEntryCount + lane.pointee.staleCount, 1 << 48)
        lane.pointee.retry = retry
        lane.pointee.fresh = fresh
        queue.pointee.laneMask |= 1 << UInt16(priority)
        queue.pointee.readyCount += lane.pointee.readyCount
    }

    private mutating func restoreLeases(_ references: [PageReference]) throws(RestoreFault) {
        // Each takes memory for all the leases that it may hold.
        guard !references.contains(where: \.isNone) else {
            throw RestoreFault("a page of leases that is none")
        }
        guard let restored = LeaseTable(pages, restoring: references) else {
            throw RestoreFault("a job is leased twice")
        }
        leases = restored
        var isSound = true
        var counts = [Int](repeating: 0, count: queues.count)
        leases.forEach { _, lease in
            if !queues.isLive(lease.lane.queueID)
                || lease.durationMilliseconds > Limits.leaseMillisecondsMax
            {
                isSound = false
            } else {
                counts[lease.lane.queue] += 1
            }
        }
        guard isSound else { throw RestoreFault("a lease is of no queue") }
        // A queue may be deleted when it counts no job.
        for number in queues.sorted.map({ Int($0) })
        where queues[number].pointee.leasedCount != counts[number] {
            throw RestoreFault("queue \(number) counts other leases than there are")
        }
    }
}
