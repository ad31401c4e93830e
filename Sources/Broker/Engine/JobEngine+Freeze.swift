internal import HoldfastModel
internal import HoldfastPages
package import HoldfastRecords

extension JobEngine {
    /// Takes an image of the state between two verbs. It is as long as the queues and leases are many
    /// and costs no copy of a page.
    ///
    /// - Parameter ranges: of births, whose live ones are counted.
    /// - Returns: the image, of no use where `pages.failure` is set afterwards.
    package mutating func freeze(liveCountsIn ranges: [ClosedRange<LSN>]) -> EngineImage {
        precondition(pending.isEmpty && changes.isEmpty, "an image is taken between two verbs")
        gap?.lanes = nil
        let counts = ranges.map { range in
            defer { pages.trim() }
            return live.count(in: range, map, pages)
        }
        let root = encodedRoot()
        let image = EngineImage(
            lastLSN: lastLSN, frameTime: frameTime, root: root, pages: pages.freeze(),
            liveCounts: counts)
        pages.trim()
        return image
    }

    /// Jobs that were born in that range and are not done.
    package func liveCount(in range: ClosedRange<LSN>) -> Int { live.count(in: range, map, pages) }

    /// The jobs that were born in that range and are not done, in the order of their birth.
    package func liveJobs(in range: ClosedRange<LSN>) -> [LSN] {
        var jobs: [LSN] = []
        var next = live.first(from: range.lowerBound, map, pages)
        while let lsn = next, lsn <= range.upperBound {
            jobs.append(lsn)
            next = live.first(from: lsn + 1, map, pages)
        }
        return jobs
    }

    func encodedRoot() -> [UInt8] {
        var root = RootWriter()
        root.put(EngineRoot.magic)
        root.put(EngineRoot.version)
        root.put(UInt16(0))
        root.put(lastLSN)
        root.put(frameTime)
        root.put(dead.count)
        root.put(map.root)
        root.put(leases.references)
        root.put(UInt32(recentAcks.capacity))
        root.put(recentAcks.latest)
        root.put(UInt32(recentAcks.count))
        root.put(recentAcks.references)
        root.put(UInt32(producers.count))
        for slot in 0..<producers.count {
            let producer = producers[slot]
            root.put(producer.pointee.id.low)
            root.put(producer.pointee.id.high)
            root.put(producer.pointee.usedMilliseconds)
            root.put(producer.pointee.greatestSequence)
            root.put(producer.pointee.results.references)
        }
        root.put(UInt32(queues.liveCount))
        for number in 0..<queues.count where queues[number].pointee.isLive {
            encodeQueue(number, &root)
        }
        return root.bytes
    }

    private func encodeQueue(_ number: Int, _ root: inout RootWriter) {
        let queue = queues[number]
        let name = queues.name(number)
        root.put(UInt32(number))
        root.put(UInt8(name.count))
        root.bytes.append(contentsOf: name)
        let policy = queue.pointee.policy
        root.put(policy.visibilityTimeoutMilliseconds)
        root.put(policy.attemptCountMax)
        root.put(policy.interruptionCountMax)
        root.put(policy.backoffMilliseconds)
        root.put(policy.backoffMillisecondsMax)
        root.put(queue.pointee.grantCount)
        root.put(count: queue.pointee.delayedCount)
        root.put(count: queue.pointee.leasedCount)
        root.put(count: queue.pointee.deadCount)
        let totals = queue.pointee.totals
        for total in [
            totals.enqueued, totals.leased, totals.acked, totals.returned, totals.died,
            totals.redriven, totals.cancelled,
        ] { root.put(total) }
        // A lane without a ready job has no entries either.
        root.put(UInt8(queue.pointee.laneMask.nonzeroBitCount))
        for priority in 0...Limits.priorityMax
        where queue.pointee.laneMask >> UInt16(priority) & 1 == 1 {
            let lane = queue.pointee.lanes + Int(priority)
            root.put(priority)
            root.put(count: lane.pointee.readyCount)
            root.put(count: lane.pointee.staleCount)
            lane.pointee.retry.encode(into: &root.bytes)
            lane.pointee.fresh.encode(into: &root.bytes)
        }
    }
}
