internal import HoldfastModel
internal import HoldfastPages

extension JobEngine {
    /// What is wrong with the state, a sentence each; empty where all holds. Slow: it looks at every
    /// job and every page.
    ///
    /// - I1: each live job has one home, each home is a live job's, and state, lane and lease agree.
    /// - I9: each queue's counts are those of its jobs, and the homes add up to its live jobs.
    /// - The map is in order, and each page that is in use is used once.
    package func invariantFaults() -> [String] {
        var check = InvariantCheck()
        var homes: [UInt64: JobHome] = [:]
        findLeased(&homes, &check)
        findReady(&homes, &check)
        findDelayed(&homes, &check)
        findDead(&homes, &check)
        checkLive(homes, &check)
        checkStates(homes, &check)
        checkCounts(homes, &check)
        checkTables(&check)
        checkPages(&check)
        pages.trim()
        return check.faults
    }

    // MARK: Homes

    private func findLeased(_ homes: inout [UInt64: JobHome], _ check: inout InvariantCheck) {
        var count = 0
        leases.forEach { slot, lease in
            count += 1
            check.add(
                lease.lsn, JobHome(state: .leased, lane: lease.lane, hasState: lease.hasState),
                &homes)
            check.expect(
                leases.slot(of: lease.lsn) == slot && lease.version > 0,
                "the lease of job \(lease.lsn) is not found by its job, or has no version")
            check.expect(lease.grantLSN <= lastLSN, "job \(lease.lsn) was leased by no record")
            check.expect(
                !leases.wheel[slot].pointee.isMarked, "job \(lease.lsn) is still marked")
        }
        check.expect(count == leases.count, "\(leases.count) leases of \(count) jobs")
    }

    private func findReady(_ homes: inout [UInt64: JobHome], _ check: inout InvariantCheck) {
        var stale = 0
        for number in 0..<queues.count where queues[number].pointee.isLive {
            let queue = queues[number].pointee
            var ready = 0
            for priority in 0...Limits.priorityMax {
                let lane = LaneNumber(queue: QueueID(rawValue: UInt32(number)), priority: priority)
                ready += findReady(in: lane, &homes, &check)
                stale += queues.lane(lane).pointee.staleCount
                check.expect(
                    (queue.laneMask >> UInt16(priority) & 1 == 1)
                        == (queues.lane(lane).pointee.readyCount > 0),
                    "lane \(number)/\(priority) is wrongly masked")
            }
            check.expect(ready == queue.readyCount, "queue \(number) and its lanes differ")
            check.expect(
                queue.readyCount == 0 || queue.isReadied
                    || !readied.contains { $0.rawValue == number },
                "queue \(number) is readied, but not marked so")
        }
        check.expect(stale == staleEntryCount, "\(staleEntryCount) stale entries of \(stale)")
    }

    /// - Returns: what the lane counts.
    private func findReady(
        in number: LaneNumber, _ homes: inout [UInt64: JobHome], _ check: inout InvariantCheck
    ) -> Int {
        let lane = queues.lane(number)
        var stale = 0
        var valid = 0
        lane.pointee.forEach(pages) { entry in
            guard isLive(entry.lsn) else {
                stale += 1
                return
            }
            valid += 1
            check.add(
                entry.lsn, JobHome(state: .ready, lane: number, hasState: entry.hasState), &homes)
            check.expect(
                entry.version == (jobState(entry.lsn)?.version ?? 0),
                "the entry of job \(entry.lsn) has another version than the job")
        }
        check.expect(
            valid == lane.pointee.readyCount && stale == lane.pointee.staleCount,
            "lane \(number.queue)/\(number.priority) counts \(lane.pointee.readyCount) + "
                + "\(lane.pointee.staleCount) entries, but has \(valid) + \(stale)")
        check.expect(
            valid > 0 || lane.pointee.retry.isEmpty && lane.pointee.fresh.isEmpty,
            "lane \(number.queue)/\(number.priority) has nothing but stale entries")
        return lane.pointee.readyCount
    }

    private func findDelayed(_ homes: inout [UInt64: JobHome], _ check: inout InvariantCheck) {
        var first: DelayedJob?
        map.forEach(.delayed) { key, value in
            let job = DelayedJob(key)
            if first == nil { first = job }
            guard let place = DelayedPlace(loadingFrom: value) else {
                check.faults.append("the place of delayed job \(job.lsn) cannot be read")
                return
            }
            check.add(
                job.lsn, JobHome(state: .delayed, lane: place.lane, hasState: place.hasState),
                &homes)
        }
        check.expect(first == delayed.first, "the next delayed job is another one")
    }

    private func findDead(_ homes: inout [UInt64: JobHome], _ check: inout InvariantCheck) {
        map.forEach(.dead) { key, value in
            let lsn = DeadJobs.lsn(value)
            guard let state = jobState(lsn) else {
                check.faults.append("dead job \(lsn) has no state")
                return
            }
            check.expect(
                StateKey.value(of: key) == UInt64(state.lane.queue)
                    && state.deathNumber == key.low && (1...max(dead.count, 1)).contains(key.low),
                "job \(lsn) did not die where it says")
            check.add(lsn, JobHome(state: .dead, lane: state.lane, hasState: true), &homes)
        }
    }

    // MARK: What they must agree with

    private func checkLive(_ homes: [UInt64: JobHome], _ check: inout InvariantCheck) {
        var count = 0
        var last: UInt64 = 0
        while last < .max, let lsn = live.first(from: last + 1, map, pages) {
            last = lsn
            count += 1
            if count % 65_536 == 0 { pages.trim() }
            check.expect(lsn <= lastLSN, "job \(lsn) is younger than the last record")
            check.expect(homes[lsn] != nil, "job \(lsn) is live, but nowhere")
            check.expect(
                recentAcks.version(of: lsn) == nil, "job \(lsn) is live, but remembered as done")
        }
        check.expect(count == homes.count, "\(homes.count) jobs are somewhere, but \(count) live")
        check.expect(count == jobCount, "\(jobCount) jobs are counted, but \(count) live")
        if lastLSN > 0 {
            check.expect(
                live.count(in: 1...lastLSN, map, pages) == count, "the live jobs count differently")
        }
    }

    private func checkStates(_ homes: [UInt64: JobHome], _ check: inout InvariantCheck) {
        var stateCount = 0
        var texts: [StateKey: Int] = [.error: 0, .checkpoint: 0]
        map.forEach(.state) { key, value in
            stateCount += 1
            let lsn = StateKey.value(of: key)
            guard let state = JobStateValue(loadingFrom: value), let home = homes[lsn] else {
                check.faults.append("the state of job \(lsn) cannot be read, or is of no live job")
                return
            }
            check.expect(
                home.hasState && home.lane == state.lane
                    && (home.state == .leased || home.state == state.home),
                "job \(lsn) is \(home.state), but its state says \(state.home)")
            check.expect(
                (state.deathReason != 0) == (home.state == .dead),
                "job \(lsn) is dead without a reason, or the reverse")
            check.expect(key.low == 0, "the state of job \(lsn) stands where nobody looks for it")
            check.expect(
                home.state != .delayed
                    || delayed.place(
                        of: DelayedJob(dueMilliseconds: state.dueMilliseconds, lsn: lsn), map)
                        != nil,
                "job \(lsn) is delayed until another time than its state says")
            check.expect(
                (home.state == .leased || state.version < .max - 1) && state.attempts < .max,
                "job \(lsn) has been delivered more often than can be")
            if state.has(JobStateValue.errorFlag) { texts[.error, default: 0] += 1 }
            if !map.text(.checkpoint, lsn).isEmpty {
                texts[.checkpoint, default: 0] += 1
                check.expect(
                    state.has(JobStateValue.checkpointFlag),
                    "job \(lsn) has a checkpoint that its state does not know")
            }
        }
        check.expect(
            stateCount == homes.values.count { $0.hasState },
            "\(stateCount) states of \(homes.values.count { $0.hasState }) jobs that have one")
        for (kind, count) in texts {
            var found = 0
            map.forEach(kind) { key, _ in
                found += 1
                check.expect(
                    key.low == 0, "a text of kind \(kind) stands where nobody looks for it")
            }
            check.expect(found == count, "\(found) texts of kind \(kind), but \(count) expected")
        }
    }

    private func checkCounts(_ homes: [UInt64: JobHome], _ check: inout InvariantCheck) {
        var counts: [[Int]] = Array(repeating: [0, 0, 0, 0, 0, 0], count: queues.count)
        for (lsn, home) in homes {
            guard queues.isLive(home.lane.queueID) else {
                check.faults.append("job \(lsn) is in a queue that does not exist")
                continue
            }
            counts[home.lane.queue][Int(home.state.rawValue)] += 1
        }
        for number in 0..<queues.count where queues[number].pointee.isLive {
            let queue = queues[number].pointee
            for (home, count) in [
                (JobState.ready, queue.readyCount), (.delayed, queue.delayedCount),
                (.leased, queue.leasedCount), (.dead, queue.deadCount),
            ] {
                check.expect(
                    counts[number][Int(home.rawValue)] == count,
                    "queue \(number) counts \(count) jobs as \(home), but has "
                        + "\(counts[number][Int(home.rawValue)])")
            }
        }
    }

    private func checkTables(_ check: inout InvariantCheck) {
        let rootByteCount = encodedRoot().count
        check.expect(
            rootByteCount <= rootByteCountMax,
            "a root of \(rootByteCount) bytes, where \(rootByteCountMax) were reckoned with")
        check.expect(
            pending.isEmpty && changes.isEmpty && chosen.count == 0,
            "a decision was left half done")
        let epoch = map.find(StateKey.leaseEpoch.key(0)).map {
            $0.count == 4 ? $0.start.integer(at: 0, as: UInt32.self) : .max
        }
        check.expect(
            epoch ?? 0 == configuration.key.leaseEpoch, "the key is of another lease epoch")
    }

    private func checkPages(_ check: inout InvariantCheck) {
        if let failure = pages.failure { check.faults.append("\(failure)") }
        check.faults += map.check()
        var numbers = PageSet()
        let used = pages.usedPages
        forEachPage { reference, kind in
            let isUsed = used.contains(reference.number)
            check.expect(isUsed, "page \(reference.number), a \(kind), is used, but free")
            check.expect(
                !isUsed || numbers.insert(reference.number),
                "page \(reference.number), a \(kind), is used twice")
        }
        check.expect(
            numbers.count == used.count,
            "\(used.count) pages are in use, but \(numbers.count) are found")
    }
}

/// Where a job was found.
private struct JobHome {
    let state: JobState
    let lane: LaneNumber
    let hasState: Bool
}

private struct InvariantCheck {
    var faults: [String] = []

    mutating func expect(_ holds: Bool, _ fault: @autoclosure () -> String) {
        if !holds, faults.count < 100 { faults.append(fault()) }
    }

    /// Remembers where a job is; in two places it must not be.
    mutating func add(_ lsn: UInt64, _ home: JobHome, _ homes: inout [UInt64: JobHome]) {
        if let other = homes.updateValue(home, forKey: lsn) {
            expect(false, "job \(lsn) is \(other.state) and \(home.state)")
        }
    }
}
