internal import HoldfastModel
internal import HoldfastPages

extension JobEngine {
    /// The whole state that records make, in a defined order: two engines that were led by the same
    /// records give the same bytes. Left out is what records do not make: the leases' clocks and
    /// owners, connections, entries that are valid no more, and how all this lies in pages.
    package func canonicalDump() -> [UInt8] {
        var dump = Dump()
        dump.put(lastLSN)
        dump.put(UInt64(bitPattern: frameTime))
        dumpQueues(&dump)
        dumpLeases(&dump)
        dumpMap(&dump)
        dumpProducers(&dump)
        dump.put(UInt64(recentAcks.count))
        recentAcks.forEach { lsn, version in
            dump.put(lsn)
            dump.put(version)
        }
        pages.trim()
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
                dump.put(UInt64(bitPattern: Int64(count)))
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
        }
    }

    private func dumpLane(_ number: LaneNumber, _ dump: inout Dump) {
        let lane = queues.lane(number)
        lane.pointee.retry.forEach(pages) { dumpEntry($0, &dump) }
        dump.put(UInt64.max)
        lane.pointee.fresh.forEach(pages) { dumpEntry($0, &dump) }
        dump.put(UInt64.max)
    }

    private func dumpEntry(_ entry: LaneEntry, _ dump: inout Dump) {
        guard isLive(entry.lsn) else { return }
        dump.put(entry.lsn)
        dump.put(entry.version)
        dump.put(entry.enqueuedSecond)
        dump.put(entry.contentByteCount)
        dump.put(entry.flags)
    }

    private func dumpLeases(_ dump: inout Dump) {
        var all: [Lease] = []
        leases.forEach { _, lease in all.append(lease) }
        for lease in all.sorted(by: { $0.lsn < $1.lsn }) {
            dump.put(lease.lsn)
            dump.put(lease.grantLSN)
            dump.put(lease.version)
            dump.put(lease.lane.rawValue)
            dump.put(lease.enqueuedSecond)
            dump.put(lease.contentByteCount)
            dump.put(lease.durationMilliseconds)
            dump.put(lease.flags)
        }
        dump.put(UInt64.max)
    }

    /// The live jobs as ranges without a gap, then every key and value of the other kinds.
    private func dumpMap(_ dump: inout Dump) {
        var start: UInt64 = 0
        var end: UInt64 = 0
        while end < .max, let lsn = live.first(from: end + 1, map, pages) {
            if lsn != end + 1 {
                dump.put(start)
                dump.put(end)
                start = lsn
            }
            end = lsn
        }
        dump.put(start)
        dump.put(end)
        dump.put(dead.count)
        for kind in StateKey.allCases where kind != .live {
            map.forEach(kind) { key, value in
                dump.put(key.high)
                dump.put(key.low)
                dump.put(Array(value))
            }
        }
        dump.put(UInt64.max)
    }

    private func dumpProducers(_ dump: inout Dump) {
        dump.put(UInt64(producers.count))
        for slot in 0..<producers.count {
            let producer = producers[slot]
            dump.put(producer.pointee.id.low)
            dump.put(producer.pointee.id.high)
            dump.put(UInt64(bitPattern: producer.pointee.usedMilliseconds))
            dump.put(producer.pointee.greatestSequence)
            let end = min(Limits.producerResultCount, producer.pointee.results.elementEnd)
            for position in 0..<end {
                let result = producer.pointee.results.element(position)
                guard result.count > 0 else { continue }
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
