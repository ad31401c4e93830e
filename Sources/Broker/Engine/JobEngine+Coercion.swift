internal import HoldfastModel
internal import HoldfastPages
internal import HoldfastRecords

/// Records on jobs, made to fit past a gap. Each job comes once in a record; a second time it is left
/// out.
extension JobEngine {
    /// The greatest version that a delivery can have: a job that was returned beyond `versionMax` is
    /// dead, and is put back a few times at most.
    private static var deliveryVersionMax: UInt32 { versionMax + 10 }

    private static func isDelivery(_ version: UInt32) -> Bool {
        version > 0 && version <= deliveryVersionMax
    }

    /// Leases the jobs of the record that live, from wherever they are.
    mutating func coerceLease(_ record: LeaseRecord, _ lsn: LSN) -> CoercedRecord {
        var count = 0
        for position in 0..<record.count {
            let item = record[position]
            guard Self.isDelivery(item.version), let known = version(of: item.lsn),
                known < item.version, let job = withdraw(item.lsn)
            else { continue }
            if !job.wasReady || item.version - known > 1 { gap?.counts.movedJobCount += 1 }
            grant(
                job, version: item.version, grantLSN: lsn,
                durationMilliseconds: record.durationMilliseconds)
            let queue = queues[job.lane.queue]
            queue.pointee.totals.leased &+= 1
            queue.pointee.grantCount &+= 1
            count += 1
        }
        guard count > 0 else { return .leftOut }
        return count < record.count ? .partlyDone : .done
    }

    mutating func coerceList(
        _ type: RecordType, _ record: JobListRecord, _ lsn: LSN
    ) -> CoercedRecord {
        var seen: Set<UInt64> = []
        var kept: [PendingItem] = []
        for position in 0..<record.count {
            let item = record[position]
            guard seen.insert(item.lsn).inserted else { continue }
            var version: UInt32?
            switch type {
            case .ack: version = makeEndable(item.lsn, item.version)
            case .redrive: version = makeDead(item.lsn, item.version)
            default: version = makeLeased(item.lsn, item.version, lsn)
            }
            if let version { kept.append(PendingItem(lsn: item.lsn, version: version)) }
        }
        let isSame =
            kept.count == record.count
            && (0..<record.count).allSatisfy { kept[$0].version == record[$0].version }
        return fitting(kept.count, of: isSame ? record.count : .max, lsn) { batch in
            _ = kept.withUnsafeBufferPointer {
                JobListRecord.append(type, $0, text: record.text, to: batch)
            }
        }
    }

    mutating func coerceReturn(
        _ record: ReturnRecord, _ lsn: LSN
    ) throws(RecordFault) -> CoercedRecord {
        var items: [PendingItem] = []
        for position in 0..<record.count { items.append(try record.item(position)) }
        var seen: Set<UInt64> = []
        let kept = items.filter { item in
            seen.insert(item.lsn).inserted && makeLeased(item.lsn, item.version, lsn) != nil
        }
        return fitting(kept.count, of: record.count, lsn) { batch in
            _ = kept.withUnsafeBufferPointer {
                ReturnRecord.append($0, error: record.error, to: batch)
            }
        }
    }

    mutating func coerceHeartbeat(
        _ record: HeartbeatRecord, _ lsn: LSN
    ) throws(RecordFault) -> CoercedRecord {
        var record = record
        var changes: [HeartbeatChange] = []
        for _ in 0..<record.count { changes.append(try record.next()) }
        try record.end()
        var seen: Set<UInt64> = []
        let kept = changes.filter { change in
            seen.insert(change.lsn).inserted
                && makeLeased(change.lsn, change.version, lsn) != nil
        }
        return fitting(kept.count, of: record.count, lsn) { batch in
            _ = kept.withUnsafeBufferPointer { HeartbeatRecord.append($0, to: batch) }
        }
    }

    // MARK: The homes that they presuppose

    /// Puts a job that lives into the lease table under that version.
    ///
    /// - Returns: the version; nil where the job has ended or is beyond it.
    private mutating func makeLeased(
        _ lsn: UInt64, _ version: UInt32, _ grantLSN: LSN
    ) -> UInt32? {
        guard Self.isDelivery(version), let known = self.version(of: lsn), known <= version else {
            return nil
        }
        if let slot = leases.slot(of: lsn) {
            guard known < version else { return version }
            leases.change(slot) { $0.version = version }
        } else {
            guard let job = withdraw(lsn) else { return nil }
            let policy = queues[job.lane.queue].pointee.policy
            grant(
                job, version: version, grantLSN: grantLSN,
                durationMilliseconds: policy.visibilityTimeoutMilliseconds)
        }
        gap?.counts.movedJobCount += 1
        return version
    }

    /// Puts a job that lives to the dead ones under that version.
    private mutating func makeDead(_ lsn: UInt64, _ version: UInt32) -> UInt32? {
        guard Self.isDelivery(version), let known = self.version(of: lsn), known <= version else {
            return nil
        }
        if case .known(var state) = place(of: lsn), state.home == .dead {
            guard known < version else { return version }
            state.version = version
            map.setJobState(lsn, state)
        } else {
            guard let job = withdraw(lsn) else { return nil }
            var state = job.known
            state.version = version
            // It is put back by the record that this is for: nobody will see the reason.
            bury(lsn, &state, .attemptsUsedUp, gap?.frameTime ?? frameTime)
            map.setJobState(lsn, state)
        }
        gap?.counts.movedJobCount += 1
        return version
    }

    /// Makes a job that lives one that an ack can end, wherever it is: an end is one under any version.
    ///
    /// - Returns: the version it has then.
    private mutating func makeEndable(_ lsn: UInt64, _ version: UInt32) -> UInt32? {
        guard Self.isDelivery(version), let known = self.version(of: lsn) else { return nil }
        let version = max(version, known)
        switch place(of: lsn) {
        case .gone: return nil
        case .leased: return makeLeased(lsn, version, lastLSN)
        case .known(let state) where state.home == .delayed:
            return makeLeased(lsn, version, lastLSN)
        case .known(var state):
            guard known < version else { return version }
            state.version = version
            map.setJobState(lsn, state)
        case .fresh:
            guard makeKnown(lsn, version) != nil else { return nil }
        }
        gap?.counts.movedJobCount += 1
        return version
    }

    /// Gives a ready job that is as it was born a state, for the record that ends it where it is.
    private mutating func makeKnown(_ lsn: UInt64, _ version: UInt32) -> LaneNumber? {
        guard let lane = lane(ofFresh: lsn) else { return nil }
        var state = JobStateValue(.ready, lane: lane, enqueuedSecond: 0, contentByteCount: 0)
        state.version = version
        map.setJobState(lsn, state)
        return lane
    }

    // MARK: Cancels

    mutating func coerceCancel(
        _ record: CancelRecord, _ lsn: LSN
    ) throws(RecordFault) -> CoercedRecord {
        var items: [PendingItem] = []
        for position in 0..<record.count { items.append(try record.item(position)) }
        // The delayed ones become ready first, where they have to: it changes places.
        for item in items {
            if case .fresh = place(of: item.lsn), delayedLane(of: item) == nil {
                _ = lane(ofFresh: item.lsn)
            }
        }
        var seen: Set<UInt64> = []
        var kept: [PendingItem] = []
        var isSame = true
        for item in items {
            guard seen.insert(item.lsn).inserted, let fit = makeCancellable(item) else { continue }
            kept.append(fit)
            if fit.version != item.version || fit.lane != item.lane || fit.place != item.place {
                isSame = false
            }
        }
        return fitting(kept.count, of: isSame ? record.count : .max, lsn) { batch in
            _ = kept.withUnsafeBufferPointer { CancelRecord.append($0, to: batch) }
        }
    }

    /// The item as the job's place wants it; nil where the job has ended.
    private mutating func makeCancellable(_ item: PendingItem) -> PendingItem? {
        var item = item
        guard item.version <= Self.deliveryVersionMax, let known = version(of: item.lsn) else {
            return nil
        }
        switch place(of: item.lsn) {
        case .gone: return nil
        case .leased(let slot):
            item.lane = leases[slot].lane
            item.version = max(item.version, known)
            leases.change(slot) { $0.version = item.version }
        case .known(var state):
            item.lane = state.lane
            item.version = max(item.version, known)
            state.version = item.version
            map.setJobState(item.lsn, state)
        case .fresh:
            if let lane = delayedLane(of: item) {
                item.lane = lane
                return item
            }
            if item.version > 0 {
                guard let lane = makeKnown(item.lsn, item.version) else { return nil }
                item.lane = lane
            } else {
                guard let lane = lane(ofFresh: item.lsn) else { return nil }
                item.lane = lane
                item.place = .freshReady
                item.dueMilliseconds = 0
                return item
            }
        }
        item.place = .known
        item.dueMilliseconds = 0
        return item
    }

    /// The lane of a job that is delayed as the item says; nil where it is not.
    private func delayedLane(of item: PendingItem) -> LaneNumber? {
        guard item.place == .freshDelayed,
            let place = delayed.place(
                of: DelayedJob(dueMilliseconds: item.dueMilliseconds, lsn: item.lsn), map),
            queues.isLive(place.lane.queueID)
        else { return nil }
        return place.lane
    }

    // MARK: Delays

    mutating func coerceDue(_ record: DueRecord) -> CoercedRecord {
        let count = makeDueReady(through: record.last)
        guard count > 0 else { return .leftOut }
        return count == Int(record.count) ? .done : .partlyDone
    }
}
