internal import HoldfastModel

extension JobEngine {
    /// What is wrong with the state, a sentence each; empty where all holds. Slow: it looks at every
    /// job.
    ///
    /// - I1: each live job has one home, and that home knows it.
    /// - I9: each queue's counts are those of its jobs, and the homes add up to its live jobs.
    package func invariantFaults() -> [String] {
        var check = InvariantCheck()
        checkJobs(&check)
        checkLanes(&check)
        checkTables(&check)
        return check.faults
    }

    private func checkJobs(_ check: inout InvariantCheck) {
        var counts: [[Int]] = Array(repeating: [0, 0, 0, 0, 0, 0], count: queues.count)
        var stateCount = 0
        var leaseCount = 0
        var next = index.next(from: 0)
        while let (lsn, entry) = next {
            next = index.next(from: lsn + 1)
            check.expect(lsn <= lastLSN, "job \(lsn) is younger than the last record")
            check.expect(!entry.isMarked, "job \(lsn) is still marked")
            guard queues.isLive(entry.lane.queueID) else {
                check.faults.append("job \(lsn) is in a queue that does not exist")
                continue
            }
            counts[entry.lane.queue][Int(entry.home.rawValue)] += 1
            if entry.isHome(.leased) {
                leaseCount += 1
                let lease = leases[entry.slot].pointee
                check.expect(
                    lease.lsn == lsn && lease.lane == entry.lane && lease.version > 0,
                    "job \(lsn) is leased, but its lease is another job's")
                check.expect(lease.grantLSN <= lastLSN, "job \(lsn) was leased by no record")
                if lease.state != 0 {
                    check.expect(
                        states.pointer(lease.state).pointee.version == lease.version,
                        "lease and state of job \(lsn) have different versions")
                }
            } else {
                check.expect(
                    (entry.slot == 0) == entry.isFresh && (entry.isHome(.ready) || !entry.isFresh),
                    "job \(lsn) has no state, or is fresh with one")
            }
            let slot = stateSlot(entry)
            if slot != 0 {
                stateCount += 1
                let state = states.pointer(slot).pointee
                check.expect(state.lsn == lsn, "the state of job \(lsn) is another job's")
                check.expect(
                    (state.deathReason != 0) == entry.isHome(.dead),
                    "job \(lsn) is dead without a reason, or the reverse")
            }
            check.expect(
                recentAcks.version(of: lsn) == nil, "job \(lsn) is live, but remembered as done")
        }
        check.expect(index.recount() == index.liveCount, "the index counts its jobs wrongly")
        check.expect(stateCount == states.count, "\(states.count) states of \(stateCount) jobs")
        check.expect(leaseCount == leases.count, "\(leases.count) leases of \(leaseCount) jobs")
        for number in 0..<queues.count {
            let queue = queues[number].pointee
            guard queue.isLive else { continue }
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

    private func checkLanes(_ check: inout InvariantCheck) {
        for number in 0..<queues.count where queues[number].pointee.isLive {
            let queue = queues[number].pointee
            var ready = 0
            for priority in 0...Limits.priorityMax {
                let lane = queue.lanes[Int(priority)]
                let laneNumber = LaneNumber(
                    queue: QueueID(rawValue: UInt32(number)), priority: priority)
                var seen: Set<UInt64> = []
                var stale = 0
                var cursor = Lane.Cursor(lane)
                while let entry = cursor.next() {
                    if !isValid(entry, in: laneNumber) {
                        stale += 1
                    } else if !seen.insert(entry.lsn).inserted {
                        check.faults.append("job \(entry.lsn) is twice in its lane")
                    }
                }
                check.expect(
                    seen.count == lane.readyCount && stale == lane.staleCount,
                    "lane \(number)/\(priority) counts \(lane.readyCount) + \(lane.staleCount) "
                        + "entries, but has \(seen.count) + \(stale)")
                check.expect(
                    (queue.laneMask >> UInt16(priority) & 1 == 1) == (lane.readyCount > 0),
                    "lane \(number)/\(priority) is wrongly masked")
                ready += lane.readyCount
            }
            check.expect(ready == queue.readyCount, "queue \(number) and its lanes differ")
            check.expect(
                queue.readyCount == 0 || queue.isReadied
                    || !readied.contains { $0.rawValue == number },
                "queue \(number) is readied, but not marked so")
            checkDeadList(of: number, &check)
        }
    }

    private func checkDeadList(of number: Int, _ check: inout InvariantCheck) {
        let queue = queues[number].pointee
        var count = 0
        var previous: UInt32 = 0
        var slot = queue.deadHead
        while slot != 0, count <= queue.deadCount {
            let state = states.pointer(slot).pointee
            check.expect(
                state.deadPrevious == previous && index[state.lsn].isHome(.dead)
                    && index[state.lsn].slot == slot && index[state.lsn].lane.queue == number,
                "the dead list of queue \(number) is broken at job \(state.lsn)")
            count += 1
            previous = slot
            slot = state.deadNext
        }
        check.expect(
            count == queue.deadCount && previous == queue.deadTail,
            "the dead list of queue \(number) does not have its \(queue.deadCount) jobs")
    }

    private func checkTables(_ check: inout InvariantCheck) {
        var valid = 0
        var stale = 0
        for job in delayed.unprepared {
            let entry = index[job.lsn]
            if entry.isHome(.delayed),
                states.pointer(entry.slot).pointee.dueMilliseconds == job.dueMilliseconds
            {
                valid += 1
            } else {
                stale += 1
            }
        }
        check.expect(delayed.count == delayed.unprepared.count, "due jobs were left half moved")
        check.expect(stale == delayed.staleCount, "\(delayed.staleCount) stale delays of \(stale)")
        var delayedCount = 0
        for number in 0..<queues.count where queues[number].pointee.isLive {
            delayedCount += queues[number].pointee.delayedCount
        }
        check.expect(valid == delayedCount, "\(valid) delays of \(delayedCount) delayed jobs")
        if let first = delayed.first {
            check.expect(index[first.lsn].isHome(.delayed), "the next delayed job is a stale one")
        }
        var linked = 0
        leases.forEach { slot in
            linked += 1
            let entry = index[leases[slot].pointee.lsn]
            check.expect(
                entry.isHome(.leased) && entry.slot == slot,
                "the lease of job \(leases[slot].pointee.lsn) is not its job's")
        }
        check.expect(linked == leases.count, "\(linked) of \(leases.count) leases are linked")
        check.expect(pending.isEmpty && changes.isEmpty, "a decision was left half done")
    }
}

private struct InvariantCheck {
    var faults: [String] = []

    mutating func expect(_ holds: Bool, _ fault: @autoclosure () -> String) {
        if !holds, faults.count < 100 { faults.append(fault()) }
    }
}
