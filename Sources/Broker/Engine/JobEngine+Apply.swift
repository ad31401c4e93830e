internal import HoldfastModel
internal import HoldfastRecords

/// What each record does to the state: the only code that changes it, live and in replay.
extension JobEngine {
    @inline(__always)
    mutating func apply(
        lsn: LSN, frameTime: Int64, body: UnsafeRawBufferPointer
    ) throws(RecordFault) {
        guard lsn == lastLSN + 1 else {
            throw RecordFault("its number should be \(lastLSN + 1)")
        }
        guard frameTime >= self.frameTime else {
            throw RecordFault("its frame is older than the one before")
        }
        guard !body.isEmpty else { throw RecordFault("empty") }
        switch RecordType(byte: body[0]) {
        case .enqueue: try applyBirth(try BirthRecord(body), lsn)
        case .lease: try applyLease(try LeaseRecord(body), lsn)
        case .ack: try applyAck(try JobListRecord(body))
        case .return: try applyReturn(try ReturnRecord(body), at: frameTime)
        case .due: try applyDue(try DueRecord(body))
        case .heartbeat: try applyHeartbeat(try HeartbeatRecord(body))
        case .reject: try applyReject(try JobListRecord(body, mayHaveText: true), at: frameTime)
        case .redrive: try applyRedrive(try JobListRecord(body))
        case .cancel: try applyCancel(try JobListRecord(body))
        case .queue: try applyQueue(try QueueRecord(body))
        case .producer: try applyProducer(try ProducerRecord(body), at: frameTime)
        case nil:
            guard body[0] & RecordType.mustUnderstandBit == 0 else {
                throw RecordFault("a newer broker wrote it, and it must not be skipped")
            }
        }
        lastLSN = lsn
        self.frameTime = frameTime
    }

    // MARK: Where jobs come from

    @inline(__always)
    private mutating func applyBirth(_ birth: BirthRecord, _ lsn: LSN) throws(RecordFault) {
        guard queues.isLive(birth.queue) else { throw RecordFault("its queue does not exist") }
        let queue = queues[Int(birth.queue.rawValue)]
        if let mark = birth.producer {
            guard mark.slot.rawValue < UInt32(producers.count), mark.count > 0 else {
                throw RecordFault("its producer does not exist")
            }
            producers.remember(mark, firstLSN: lsn, at: birth.enqueuedMilliseconds)
        }
        let lane = LaneNumber(queue: birth.queue, priority: birth.priority)
        let second = UInt32(clamping: birth.enqueuedMilliseconds / 1_000)
        let contentByteCount = UInt32(birth.content.count)
        var slot: UInt32 = 0
        if birth.dueMilliseconds != nil || birth.attemptCountMax != nil {
            var state = JobStateValue(
                lsn: lsn, enqueuedSecond: second, contentByteCount: contentByteCount)
            state.attemptCountMax = birth.attemptCountMax ?? 0
            state.dueMilliseconds = birth.dueMilliseconds ?? 0
            slot = states.insert(state)
        }
        queue.pointee.totals.enqueued &+= 1
        if let due = birth.dueMilliseconds {
            index.insert(IndexEntry(.delayed, lane: lane, slot: slot), at: lsn)
            delayed.insert(DelayedJob(dueMilliseconds: due, lsn: lsn))
            queue.pointee.delayedCount += 1
        } else {
            index.insert(
                slot == 0
                    ? IndexEntry(freshIn: lane, enqueuedSecond: second)
                    : IndexEntry(.ready, lane: lane, slot: slot), at: lsn)
            pushReady(
                LaneEntry(
                    lsn: lsn, version: 0, enqueuedSecond: second,
                    contentByteCount: contentByteCount), lane, isRetry: false)
        }
    }

    private mutating func applyDue(_ record: DueRecord) throws(RecordFault) {
        var count: UInt32 = 0
        var lastMoved: DelayedJob?
        while let job = delayed.first, job <= record.last {
            _ = delayed.removeFirst()
            count += 1
            lastMoved = job
            let entry = index[job.lsn]
            guard entry.isHome(.delayed) else { throw RecordFault("a stale job was due") }
            let state = states.pointer(entry.slot)
            let version = state.pointee.version
            let second = state.pointee.enqueuedSecond
            let contentByteCount = state.pointee.contentByteCount
            state.pointee.dueMilliseconds = 0
            if state.pointee.isTrivial {
                dropState(entry.slot)
                index.replace(job.lsn, by: IndexEntry(freshIn: entry.lane, enqueuedSecond: second))
            } else {
                index.replace(
                    job.lsn, by: IndexEntry(.ready, lane: entry.lane, slot: entry.slot))
            }
            queues[entry.lane.queue].pointee.delayedCount -= 1
            pushReady(
                LaneEntry(
                    lsn: job.lsn, version: version, enqueuedSecond: second,
                    contentByteCount: contentByteCount), entry.lane, isRetry: version > 0)
            trimDelayed()
        }
        guard count == record.count, lastMoved == record.last else {
            throw RecordFault("other jobs were due than it says")
        }
    }

    // MARK: Where they are worked on

    @inline(__always)
    private mutating func applyLease(_ record: LeaseRecord, _ lsn: LSN) throws(RecordFault) {
        guard queues.isLive(record.queue) else { throw RecordFault("its queue does not exist") }
        let queue = queues[Int(record.queue.rawValue)]
        var position = 0
        for number in 0..<record.runCount {
            let run = record.run(number)
            let lane = LaneNumber(queue: record.queue, priority: run.priority)
            for _ in 0..<run.count {
                let item = record[position]
                position += 1
                guard let taken = popReady(lane), taken.lsn == item.lsn,
                    item.version > taken.version, item.version - taken.version == 1
                else { throw RecordFault("the lane has another job in front") }
                let state = index[item.lsn].slot
                if state != 0 { states.pointer(state).pointee.version = item.version }
                let slot = leases.insert(
                    Lease(
                        lsn: item.lsn, grantLSN: lsn, version: item.version, lane: lane,
                        state: state, enqueuedSecond: taken.enqueuedSecond,
                        contentByteCount: taken.contentByteCount,
                        durationMilliseconds: record.durationMilliseconds))
                index.replace(item.lsn, by: IndexEntry(.leased, lane: lane, slot: slot))
            }
        }
        queue.pointee.leasedCount += record.count
        queue.pointee.totals.leased &+= UInt64(record.count)
        queue.pointee.grantCount &+= UInt32(record.count)
    }

    private mutating func applyHeartbeat(_ record: HeartbeatRecord) throws(RecordFault) {
        var record = record
        for _ in 0..<record.count {
            let change = try record.next()
            let entry = index[change.lsn]
            guard entry.isHome(.leased), leases[entry.slot].pointee.version == change.version else {
                throw RecordFault("its lease does not exist")
            }
            let lease = leases[entry.slot]
            lease.pointee.durationMilliseconds = max(
                lease.pointee.durationMilliseconds, change.durationMilliseconds)
            if let checkpoint = change.checkpoint {
                let state = states.pointer(stateOfLease(entry.slot))
                state.pointee.checkpoint.set(checkpoint)
                state.pointee.hasCheckpoint = true
            }
        }
        try record.end()
    }

    // MARK: Where they go

    @inline(__always)
    private mutating func applyAck(_ record: JobListRecord) throws(RecordFault) {
        for position in 0..<record.count {
            let item = record[position]
            let entry = index[item.lsn]
            let queue = queues[entry.lane.queue]
            if entry.isHome(.leased) {
                let lease = leases[entry.slot]
                guard lease.pointee.version == item.version else {
                    throw RecordFault("its lease does not exist")
                }
                if lease.pointee.state != 0 { dropState(lease.pointee.state) }
                leases.remove(entry.slot)
                queue.pointee.leasedCount -= 1
                index.remove(item.lsn)
            } else {
                // A late ack: of a job that nobody has had since.
                guard entry.isHome(.ready) || entry.isHome(.dead), entry.slot != 0,
                    states.pointer(entry.slot).pointee.version == item.version
                else { throw RecordFault("its delivery is not the latest") }
                removeUnleased(item.lsn, entry)
            }
            queue.pointee.totals.acked &+= 1
            recentAcks.insert(item.lsn, version: item.version)
        }
    }

    private mutating func applyReturn(
        _ record: ReturnRecord, at frameTime: Int64
    ) throws(RecordFault) {
        for position in 0..<record.count {
            let item = try record.item(position)
            let entry = index[item.lsn]
            guard entry.isHome(.leased), leases[entry.slot].pointee.version == item.version else {
                throw RecordFault("its lease does not exist")
            }
            let slot = endLease(entry.slot)
            let state = states.pointer(slot)
            let queue = queues[entry.lane.queue]
            queue.pointee.totals.returned &+= 1
            // Saturating, since a job may be given back more often than anything counts.
            switch item.cause {
            case .failed:
                state.pointee.attempts.increment()
                state.pointee.version.increment()
                if !record.error.isEmpty { state.pointee.error.set(record.error) }
            case .released:
                state.pointee.releases.increment()
                state.pointee.version.increment()
            case .timeout:
                state.pointee.attempts.increment()
                state.pointee.timeouts.increment()
            case .interrupted:
                state.pointee.attempts.increment()
                state.pointee.interruptions.increment()
            case .undelivered:
                break
            }
            switch item.outcome {
            case .front:
                index.replace(item.lsn, by: IndexEntry(.ready, lane: entry.lane, slot: slot))
                pushReady(
                    LaneEntry(
                        lsn: item.lsn, version: state.pointee.version,
                        enqueuedSecond: state.pointee.enqueuedSecond,
                        contentByteCount: state.pointee.contentByteCount), entry.lane,
                    isRetry: true)
            case .delayed:
                state.pointee.dueMilliseconds = item.dueMilliseconds
                index.replace(item.lsn, by: IndexEntry(.delayed, lane: entry.lane, slot: slot))
                delayed.insert(DelayedJob(dueMilliseconds: item.dueMilliseconds, lsn: item.lsn))
                queue.pointee.delayedCount += 1
            case .deadByAttempts: bury(item.lsn, entry.lane, slot, .attemptsUsedUp, frameTime)
            case .deadByInterruptions:
                bury(item.lsn, entry.lane, slot, .interruptionsUsedUp, frameTime)
            case .deadByDeliveries: bury(item.lsn, entry.lane, slot, .deliveriesUsedUp, frameTime)
            case .deadByCorruptPayload:
                bury(item.lsn, entry.lane, slot, .payloadCorrupt, frameTime)
            }
        }
    }

    private mutating func applyReject(
        _ record: JobListRecord, at frameTime: Int64
    ) throws(RecordFault) {
        for position in 0..<record.count {
            let item = record[position]
            let entry = index[item.lsn]
            guard entry.isHome(.leased), leases[entry.slot].pointee.version == item.version else {
                throw RecordFault("its lease does not exist")
            }
            let slot = endLease(entry.slot)
            let state = states.pointer(slot)
            state.pointee.attempts.increment()
            state.pointee.version.increment()
            if !record.text.isEmpty { state.pointee.error.set(record.text) }
            bury(item.lsn, entry.lane, slot, .rejected, frameTime)
        }
    }

    private mutating func applyRedrive(_ record: JobListRecord) throws(RecordFault) {
        for position in 0..<record.count {
            let item = record[position]
            let entry = index[item.lsn]
            guard entry.isHome(.dead), states.pointer(entry.slot).pointee.version == item.version
            else { throw RecordFault("its job is not dead by that version") }
            unlinkDead(entry)
            let state = states.pointer(entry.slot)
            state.pointee.version.increment()
            state.pointee.attempts = 0
            state.pointee.interruptions = 0
            state.pointee.timeouts = 0
            state.pointee.releases = 0
            state.pointee.deathReason = 0
            state.pointee.diedMilliseconds = 0
            queues[entry.lane.queue].pointee.totals.redriven &+= 1
            index.replace(item.lsn, by: IndexEntry(.ready, lane: entry.lane, slot: entry.slot))
            // To the end: a million redriven jobs must not stand before what came meanwhile.
            pushReady(
                LaneEntry(
                    lsn: item.lsn, version: state.pointee.version,
                    enqueuedSecond: state.pointee.enqueuedSecond,
                    contentByteCount: state.pointee.contentByteCount), entry.lane, isRetry: false)
        }
    }

    private mutating func applyCancel(_ record: JobListRecord) throws(RecordFault) {
        for position in 0..<record.count {
            let item = record[position]
            let entry = index[item.lsn]
            guard !entry.isNone, version(of: entry) == item.version else {
                throw RecordFault("its job does not have that version")
            }
            let queue = queues[entry.lane.queue]
            if entry.isHome(.leased) {
                let state = leases[entry.slot].pointee.state
                if state != 0 { dropState(state) }
                leases.remove(entry.slot)
                queue.pointee.leasedCount -= 1
                index.remove(item.lsn)
            } else {
                removeUnleased(item.lsn, entry)
            }
            queue.pointee.totals.cancelled &+= 1
            // Under a version that nobody holds, so that every token of the job is a lost lease.
            if item.version > 0 { recentAcks.insert(item.lsn, version: item.version &+ 1) }
        }
    }

    // MARK: Queues and producers

    private mutating func applyQueue(_ record: QueueRecord) throws(RecordFault) {
        let number = record.queue.rawValue
        switch record.change {
        case .create:
            guard number <= UInt32(queues.count), number < 1 << 23, !queues.isLive(record.queue)
            else { throw RecordFault("its number is not free") }
            guard queues.find(record.name) == nil else { throw RecordFault("its name is taken") }
            queues.insert(record.queue, name: record.name, policy: record.policy)
        case .alter:
            guard queues.isLive(record.queue), queues.find(record.name) == record.queue else {
                throw RecordFault("its queue does not exist")
            }
            queues[Int(number)].pointee.policy = record.policy
        case .delete:
            guard queues.isLive(record.queue), queues.find(record.name) == record.queue else {
                throw RecordFault("its queue does not exist")
            }
            guard queues[Int(number)].pointee.jobCount == 0 else {
                throw RecordFault("its queue has jobs")
            }
            queues.remove(record.queue)
            queueGeneration &+= 1
        }
    }

    private mutating func applyProducer(
        _ record: ProducerRecord, at frameTime: Int64
    ) throws(RecordFault) {
        guard record.slot.rawValue <= UInt32(producers.count) else {
            throw RecordFault("a slot beyond the next")
        }
        guard producers.slot(of: record.id) == nil else {
            throw RecordFault("its producer has a slot already")
        }
        producers.assign(record.slot, to: record.id, at: frameTime)
    }
}

extension UInt32 {
    /// Adds one unless that is too much.
    mutating func increment() {
        if self < .max { self += 1 }
    }
}
