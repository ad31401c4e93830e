internal import HoldfastModel
internal import HoldfastMutants
internal import HoldfastPages
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
        case .cancel: try applyCancel(try CancelRecord(body))
        case .queue: try applyQueue(try QueueRecord(body))
        case .producer: try applyProducer(try ProducerRecord(body), at: frameTime)
        case nil:
            guard body[0] & RecordType.mustUnderstandBit == 0 else {
                throw RecordFault("a newer broker wrote it, and it must not be skipped")
            }
        }
        lastLSN = lsn
        self.frameTime = frameTime
        pages.trim()
    }

    // MARK: Where jobs come from

    @inline(__always)
    private mutating func applyBirth(_ birth: BirthRecord, _ lsn: LSN) throws(RecordFault) {
        guard queues.isLive(birth.queue) else { throw RecordFault("its queue does not exist") }
        let queue = queues[Int(birth.queue.rawValue)]
        if let mark = birth.producer {
            guard mark.slot.rawValue < UInt32(producers.count), mark.hasPossibleCount
            else { throw RecordFault("its producer does not exist, or enqueues more than it may") }
            producers.remember(mark, firstLSN: lsn, at: birth.enqueuedMilliseconds)
        }
        let lane = LaneNumber(queue: birth.queue, priority: birth.priority)
        let second = UInt32(clamping: birth.enqueuedMilliseconds / 1_000)
        let contentByteCount = UInt32(birth.content.count)
        let hasState = birth.attemptCountMax ?? 0 != 0
        if hasState {
            var state = JobStateValue(
                birth.dueMilliseconds == nil ? .ready : .delayed, lane: lane,
                enqueuedSecond: second, contentByteCount: contentByteCount)
            state.attemptCountMax = birth.attemptCountMax ?? 0
            state.dueMilliseconds = birth.dueMilliseconds ?? 0
            map.setJobState(lsn, state)
        }
        queue.pointee.totals.enqueued &+= 1
        guard insertLive(lsn) else { throw RecordFault("the state has a job of its number") }
        if let due = birth.dueMilliseconds {
            delayed.insert(
                DelayedJob(dueMilliseconds: due, lsn: lsn),
                DelayedPlace(
                    lane: lane, enqueuedSecond: second, contentByteCount: contentByteCount,
                    hasState: hasState), &map)
            queue.pointee.delayedCount += 1
        } else {
            pushReady(
                LaneEntry(
                    lsn: lsn, version: 0, enqueuedSecond: second,
                    contentByteCount: contentByteCount,
                    flags: hasState ? LaneEntry.stateFlag : 0), lane, isRetry: false)
        }
    }

    private mutating func applyDue(_ record: DueRecord) throws(RecordFault) {
        let (count, lastMoved) = try moveDue(through: record.last)
        guard count == record.count, lastMoved == record.last else {
            throw RecordFault("other jobs were due than it says")
        }
    }

    /// Makes all delayed jobs ready up to and including this one.
    mutating func moveDue(
        through last: DelayedJob
    ) throws(RecordFault) -> (count: UInt32, lastMoved: DelayedJob?) {
        var count: UInt32 = 0
        var lastMoved: DelayedJob?
        while let job = delayed.first, job <= last {
            guard let place = delayed.place(of: job, map), queues.isLive(place.lane.queueID) else {
                throw RecordFault("a delayed job cannot be read")
            }
            var entry = LaneEntry(
                lsn: job.lsn, version: 0, enqueuedSecond: place.enqueuedSecond,
                contentByteCount: place.contentByteCount, flags: 0)
            if place.hasState {
                guard var state = jobState(job.lsn), state.home == .delayed,
                    state.lane == place.lane
                else { throw RecordFault("a delayed job's state cannot be read") }
                state.home = .ready
                state.dueMilliseconds = 0
                map.setJobState(job.lsn, state)
                entry = state.laneEntry(job.lsn)
            }
            delayed.remove(job, &map)
            count += 1
            lastMoved = job
            Self.countOut(&queues[place.lane.queue].pointee.delayedCount, pages)
            pushReady(entry, place.lane, isRetry: entry.version > 0)
            if Mutant.dueMoveRepeatsPage.isOn, count == configuration.dueCountMax {
                pushReady(entry, place.lane, isRetry: entry.version > 0)
            }
        }
        if Mutant.dueMoveSkipsPage.isOn, count == configuration.dueCountMax,
            let skipped = delayed.first
        {
            delayed.remove(skipped, &map)
        }
        return (count, lastMoved)
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
                leases.insert(
                    Lease(
                        lsn: item.lsn, grantLSN: lsn, version: item.version, lane: lane,
                        enqueuedSecond: taken.enqueuedSecond,
                        contentByteCount: taken.contentByteCount,
                        durationMilliseconds: record.durationMilliseconds,
                        flags: taken.hasState ? Lease.stateFlag : 0))
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
            let (slot, lease) = try lease(of: change.lsn, change.version)
            if change.durationMilliseconds > lease.durationMilliseconds {
                leases.change(slot) { $0.durationMilliseconds = change.durationMilliseconds }
            }
            guard let checkpoint = change.checkpoint else { continue }
            guard var state = state(ofLease: lease) else { throw Self.lostState }
            if !lease.hasState || !state.has(JobStateValue.checkpointFlag) {
                state.flags |= JobStateValue.checkpointFlag
                map.setJobState(change.lsn, state)
            }
            map.setText(.checkpoint, change.lsn, checkpoint)
            if !lease.hasState { leases.change(slot) { $0.flags |= Lease.stateFlag } }
        }
        try record.end()
    }

    @inline(__always)
    private func lease(
        of lsn: UInt64, _ version: UInt32
    ) throws(RecordFault) -> (slot: UInt32, Lease) {
        guard let slot = leases.slot(of: lsn) else {
            throw RecordFault("its lease does not exist")
        }
        let lease = leases[slot]
        guard lease.version == version else { throw RecordFault("its lease does not exist") }
        return (slot, lease)
    }

    private static var lostState: RecordFault { RecordFault("its job's state cannot be read") }

    // MARK: Where they go

    @inline(__always)
    private mutating func applyAck(_ record: JobListRecord) throws(RecordFault) {
        for position in 0..<record.count {
            let item = record[position]
            let lane: LaneNumber
            if let slot = leases.slot(of: item.lsn) {
                let lease = leases[slot]
                guard lease.version == item.version else {
                    throw RecordFault("its lease does not exist")
                }
                lane = lease.lane
                endLeased(item.lsn, slot, lease)
            } else {
                // A late ack: of a job that nobody has had since.
                guard isLive(item.lsn), let state = jobState(item.lsn), state.home != .delayed,
                    state.version == item.version, item.version > 0
                else { throw RecordFault("its delivery is not the latest") }
                lane = state.lane
                endUnleased(item.lsn, state)
            }
            queues[lane.queue].pointee.totals.acked &+= 1
            recentAcks.insert(item.lsn, version: item.version)
        }
    }

    private mutating func applyReturn(
        _ record: ReturnRecord, at frameTime: Int64
    ) throws(RecordFault) {
        for position in 0..<record.count {
            let item = try record.item(position)
            let (slot, lease) = try lease(of: item.lsn, item.version)
            guard var state = state(ofLease: lease) else { throw Self.lostState }
            endLease(slot, lease)
            queues[lease.lane.queue].pointee.totals.returned &+= 1
            // Saturating, since a job may be given back more often than anything counts.
            switch item.cause {
            case .failed:
                state.attempts.increment()
                state.version.increment()
                setError(item.lsn, &state, record.error)
            case .released:
                state.releases.increment()
                state.version.increment()
            case .timeout:
                if !Mutant.attemptsCountedAfterDelivery.isOn { state.attempts.increment() }
                state.timeouts.increment()
            case .interrupted:
                if !Mutant.attemptsCountedAfterDelivery.isOn { state.attempts.increment() }
                state.interruptions.increment()
            case .undelivered:
                break
            }
            switch item.outcome {
            case .front:
                state.home = .ready
                pushReady(state.laneEntry(item.lsn), state.lane, isRetry: true)
            case .delayed:
                state.home = .delayed
                state.dueMilliseconds = item.dueMilliseconds
                delay(item.lsn, state)
            case .deadByAttempts: bury(item.lsn, &state, .attemptsUsedUp, frameTime)
            case .deadByInterruptions: bury(item.lsn, &state, .interruptionsUsedUp, frameTime)
            case .deadByDeliveries: bury(item.lsn, &state, .deliveriesUsedUp, frameTime)
            case .deadByCorruptPayload: bury(item.lsn, &state, .payloadCorrupt, frameTime)
            }
            map.setJobState(item.lsn, state)
        }
    }

    private mutating func applyReject(
        _ record: JobListRecord, at frameTime: Int64
    ) throws(RecordFault) {
        for position in 0..<record.count {
            let item = record[position]
            let (slot, lease) = try lease(of: item.lsn, item.version)
            guard var state = state(ofLease: lease) else { throw Self.lostState }
            endLease(slot, lease)
            state.attempts.increment()
            state.version.increment()
            setError(item.lsn, &state, record.text)
            bury(item.lsn, &state, .rejected, frameTime)
            map.setJobState(item.lsn, state)
        }
    }

    /// Keeps a text as the job's last error where there is one.
    private mutating func setError(
        _ lsn: UInt64, _ state: inout JobStateValue, _ text: UnsafeRawBufferPointer
    ) {
        guard !text.isEmpty else { return }
        state.flags |= JobStateValue.errorFlag
        map.setText(.error, lsn, text)
    }

    private mutating func applyRedrive(_ record: JobListRecord) throws(RecordFault) {
        for position in 0..<record.count {
            let item = record[position]
            guard leases.slot(of: item.lsn) == nil, isLive(item.lsn),
                var state = jobState(item.lsn), state.home == .dead, state.version == item.version
            else { throw RecordFault("its job is not dead by that version") }
            dead.remove(state.deathNumber, queue: state.lane.queueID, &map)
            state.home = .ready
            state.version.increment()
            state.attempts = 0
            state.interruptions = 0
            state.timeouts = 0
            state.releases = 0
            state.deathReason = 0
            state.diedMilliseconds = 0
            state.deathNumber = 0
            map.setJobState(item.lsn, state)
            let queue = queues[state.lane.queue]
            Self.countOut(&queue.pointee.deadCount, pages)
            queue.pointee.totals.redriven &+= 1
            // To the end: a million redriven jobs must not stand before what came meanwhile.
            pushReady(state.laneEntry(item.lsn), state.lane, isRetry: false)
        }
    }

    private mutating func applyCancel(_ record: CancelRecord) throws(RecordFault) {
        for position in 0..<record.count {
            let item = try record.item(position)
            let fault = RecordFault("its job is not where it says")
            switch (place(of: item.lsn), item.place) {
            case (.leased(let slot), .known):
                let lease = leases[slot]
                guard lease.version == item.version, lease.lane == item.lane else { throw fault }
                endLeased(item.lsn, slot, lease)
            case (.known(let state), .known):
                guard state.version == item.version, state.lane == item.lane else { throw fault }
                endUnleased(item.lsn, state)
            case (.fresh, .freshReady):
                guard queues.isLive(item.lane.queueID),
                    queues.lane(item.lane).pointee.readyCount > 0
                else { throw fault }
                removeLive(item.lsn)
                endReady(item.lane)
            case (.fresh, .freshDelayed):
                let job = DelayedJob(dueMilliseconds: item.dueMilliseconds, lsn: item.lsn)
                guard let place = delayed.place(of: job, map), place.lane == item.lane,
                    queues.isLive(place.lane.queueID)
                else { throw fault }
                removeLive(item.lsn)
                delayed.remove(job, &map)
                Self.countOut(&queues[item.lane.queue].pointee.delayedCount, pages)
            default: throw fault
            }
            queues[item.lane.queue].pointee.totals.cancelled &+= 1
            // Under a version that nobody holds, so that every token of the job is a lost lease.
            if item.version > 0 { recentAcks.insert(item.lsn, version: item.version &+ 1) }
        }
    }

    // MARK: Queues and producers

    private mutating func applyQueue(_ record: QueueRecord) throws(RecordFault) {
        let number = record.queue.rawValue
        switch record.change {
        case .create:
            guard number <= UInt32(queues.count), number < QueueTable.numberEnd,
                !queues.isLive(record.queue)
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
            guard queues[Int(number)].pointee.isEmpty else {
                throw RecordFault("its queue has jobs")
            }
            removeQueue(record.queue)
        }
    }

    /// Takes out a queue that has no jobs.
    mutating func removeQueue(_ queue: QueueID) {
        for priority in 0...Limits.priorityMax {
            removeAll(of: queues.lane(LaneNumber(queue: queue, priority: priority)))
        }
        queues.remove(queue)
        queueGeneration &+= 1
    }

    private mutating func applyProducer(
        _ record: ProducerRecord, at frameTime: Int64
    ) throws(RecordFault) {
        guard record.slot.rawValue <= UInt32(producers.count),
            record.slot.rawValue < ProducerTable.slotEnd
        else {
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
