internal import HoldfastModel

extension JobEngine {
    /// The whole state that records make, in a defined order: two engines that were led by the same
    /// records give the same bytes. Left out is what records do not make: the leases' clocks and
    /// owners, connections, and how chunks and chains lie in memory.
    package func canonicalDump() -> [UInt8] {
        var dump = Dump()
        dump.put(lastLSN)
        dump.put(UInt64(bitPattern: frameTime))
        dumpQueues(&dump)
        dumpJobs(&dump)
        dumpProducers(&dump)
        dump.put(UInt64(recentAcks.count))
        recentAcks.forEach { lsn, version in
            dump.put(lsn)
            dump.put(version)
        }
        return dump.bytes
    }

    private func dumpQueues(_ dump: inout Dump) {
        dump.put(UInt64(queues.liveCount))
        for number in 0..<queues.count where queues[number].pointee.isLive {
            let queue = queues[number].pointee
            dump.put(UInt32(number))
            dump.put(queues.name(number))
            dump.put(queue.policy.visibilityTimeoutMilliseconds)
            dump.put(queue.policy.attemptCountMax)
            dump.put(queue.policy.interruptionCountMax)
            dump.put(queue.policy.backoffMilliseconds)
            dump.put(queue.policy.backoffMillisecondsMax)
            dump.put(queue.grantCount)
            for count in [queue.readyCount, queue.delayedCount, queue.leasedCount, queue.deadCount]
            {
                dump.put(UInt64(count))
            }
            let totals = queue.totals
            for total in [
                totals.enqueued, totals.leased, totals.acked, totals.returned, totals.died,
                totals.redriven, totals.cancelled,
            ] { dump.put(total) }
            for priority in 0...Limits.priorityMax {
                dumpLane(
                    LaneNumber(queue: QueueID(rawValue: UInt32(number)), priority: priority), &dump)
            }
            var slot = queue.deadHead
            while slot != 0 {
                dump.put(states.pointer(slot).pointee.lsn)
                slot = states.pointer(slot).pointee.deadNext
            }
        }
    }

    private func dumpLane(_ number: LaneNumber, _ dump: inout Dump) {
        let lane = queues[number.queue].pointee.lanes[Int(number.priority)]
        for chain in [lane.retry, lane.fresh] {
            var cursor = LaneChain.Cursor(chain)
            while let entry = cursor.next() {
                guard isValid(entry, in: number) else { continue }
                dump.put(entry.lsn)
                dump.put(entry.version)
                dump.put(entry.enqueuedSecond)
            }
            dump.put(UInt64.max)
        }
    }

    private func dumpJobs(_ dump: inout Dump) {
        var next = index.next(from: 0)
        while let (lsn, entry) = next {
            dump.put(lsn)
            dump.put(UInt32(entry.home.rawValue))
            dump.put(entry.lane.rawValue)
            dump.put(version(of: entry))
            if entry.isHome(.leased) {
                let lease = leases[entry.slot].pointee
                dump.put(lease.grantLSN)
                dump.put(lease.enqueuedSecond)
                dump.put(lease.durationMilliseconds)
            }
            let slot = stateSlot(entry)
            dump.put(UInt32(slot == 0 ? 0 : 1))
            if slot != 0 {
                let state = states.pointer(slot).pointee
                for number in [
                    state.enqueuedSecond, state.attemptCountMax, state.version, state.attempts,
                    state.interruptions, state.timeouts, state.releases, UInt32(state.deathReason),
                    state.hasCheckpoint ? 1 : 0,
                ] { dump.put(number) }
                // A due time that has passed means nothing any more.
                dump.put(UInt64(bitPattern: entry.isHome(.delayed) ? state.dueMilliseconds : 0))
                dump.put(UInt64(bitPattern: state.diedMilliseconds))
                dump.put(Array(state.error.view))
                dump.put(Array(state.checkpoint.view))
            }
            next = index.next(from: lsn + 1)
        }
        dump.put(UInt64.max)
    }

    private func dumpProducers(_ dump: inout Dump) {
        dump.put(UInt64(producers.count))
        for producer in producers.producers {
            dump.put(producer.id.low)
            dump.put(producer.id.high)
            dump.put(UInt64(bitPattern: producer.usedMilliseconds))
            dump.put(producer.greatestSequence)
            for position in 0..<Limits.producerResultCount {
                guard let result = producer.results?[position], result.count > 0 else { continue }
                dump.put(result.sequence)
                dump.put(result.firstLSN)
                dump.put(result.count)
            }
            dump.put(UInt64.max)
        }
    }
}

/// Little-endian integers and byte strings, one behind the other.
private struct Dump {
    var bytes: [UInt8] = []

    mutating func put(_ value: UInt64) {
        withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }

    mutating func put(_ value: UInt32) {
        withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }

    mutating func put(_ string: [UInt8]) {
        put(UInt64(string.count))
        bytes.append(contentsOf: string)
    }
}
