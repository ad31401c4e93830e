internal import HoldfastModel
internal import HoldfastPages
package import HoldfastRecords

/// What became of the births of a log of which only parts are left.
package struct RebuildCounts: Sendable, Equatable {
    /// Births that were read.
    package var birthCount = 0
    /// Those known to be done.
    package var doneCount = 0
    /// Ready or delayed again.
    package var readyCount = 0
    package var deadCount = 0
    /// Of those two, jobs of which later records are missing: they may have been done, and are then
    /// delivered again.
    package var doubtfulCount = 0
    /// Of those two, jobs that were leased: no token of theirs is good any more.
    package var leasedCount = 0
    /// Queues whose name is gone.
    package var namelessQueueCount = 0
    /// Births that cannot be read for what they are.
    package var unreadableCount = 0

    package init() {}
}

extension LogRemains {
    /// Takes the queues from the root of a snapshot whose pages cannot be used. To be called before
    /// any record is noted.
    ///
    /// - Parameter engine: an empty one, which is of no use afterwards.
    package mutating func noteQueues(ofRoot root: [UInt8], _ engine: consuming JobEngine) {
        root.withUnsafeBytes { bytes in
            var reader = RootReader(rest: bytes)
            // It ends with the first page that is missing; the queues are known by then.
            do throws(RestoreFault) { try engine.restore(&reader) } catch {}
        }
        for number in 0..<engine.queues.count where engine.queues[number].pointee.isLive {
            noteQueue(
                UInt32(number), name: engine.queues.name(number),
                policy: engine.queues[number].pointee.policy, through: engine.lastLSN)
        }
    }
}

extension JobEngine {
    package var queueCount: Int { queues.liveCount }

    /// Takes a record of what is left, where that is a birth, and makes its queue. Into an engine that
    /// is still empty; in the order of the LSNs where they are to be leased in that order, after
    /// `remains` was shown all records. A birth may come twice.
    package mutating func rebuild(
        _ remains: LogRemains, lsn: LSN, body: UnsafeRawBufferPointer, _ counts: inout RebuildCounts
    ) {
        guard body.first.flatMap({ RecordType(byte: $0) }) == .enqueue, !isLive(lsn) else { return }
        lastLSN = max(lastLSN, lsn)
        guard let birth = BirthFacts(lsn: lsn, body: body),
            birth.queue.rawValue < QueueTable.numberEnd
        else {
            counts.unreadableCount += 1
            return
        }
        counts.birthCount += 1
        let start = remains.queueStarts[birth.queue.rawValue] ?? 0
        guard !remains.isDone(lsn), lsn > start else {
            counts.doneCount += 1
            return
        }
        makeQueue(birth.queue, remains, &counts)
        let job = remains.jobs[lsn]
        let missingCount = remains.missingCount(after: lsn)
        if missingCount > 0 { counts.doubtfulCount += 1 }
        if job?.isLeased == true { counts.leasedCount += 1 }
        adopt(birth, job, version: version(of: job, missingCount: missingCount), remains, &counts)
        pages.trim()
    }

    /// Makes the queues that have no job, and says where the log ends.
    package mutating func endRebuilding(_ remains: LogRemains, _ counts: inout RebuildCounts) {
        for number in remains.queues.keys.sorted() {
            makeQueue(QueueID(rawValue: number), remains, &counts)
        }
        // What a compacted segment holds may be younger than what is left of the log.
        lastLSN = max(lastLSN, remains.lastLSN)
        frameTime = remains.frameTime
    }

    /// One that no token which was ever given out may have: each record can have raised it by one.
    private func version(of job: LogRemains.Job?, missingCount: UInt64) -> UInt32 {
        let known = job.map { $0.isLeased ? UInt64($0.version) + 1 : UInt64($0.version) } ?? 0
        // Behind that no version would be left for what comes.
        return UInt32(
            min(known + (missingCount > 0 ? missingCount + 1 : 0), UInt64(UInt32.max / 2)))
    }

    private mutating func makeQueue(
        _ id: QueueID, _ remains: LogRemains, _ counts: inout RebuildCounts
    ) {
        guard !queues.isLive(id), id.rawValue < QueueTable.numberEnd else { return }
        if let queue = remains.queues[id.rawValue] {
            let isFree = queue.name.withUnsafeBytes { queues.find($0) == nil }
            if isFree {
                queue.name.withUnsafeBytes { queues.insert(id, name: $0, policy: queue.policy) }
                return
            }
        }
        counts.namelessQueueCount += 1
        let name = recoveredName(of: id) { name in
            remains.queues.values.contains { $0.name == name }
        }
        name.withUnsafeBytes { queues.insert(id, name: $0, policy: .standard) }
    }

    /// A name, UTF-8, for a queue whose own is gone; no other queue has it.
    ///
    /// - Parameter isKnown: whether a queue that is yet to be made has the name.
    func recoveredName(
        of id: QueueID, besides isKnown: (_ name: [UInt8]) -> Bool = { _ in false }
    ) -> [UInt8] {
        let start = "recovered-\(id.rawValue)"
        var name = Array(start.utf8)
        var number = 1
        while isKnown(name) || name.withUnsafeBytes({ queues.find($0) != nil }) {
            number += 1
            name = Array("\(start)-\(number)".utf8)
        }
        return name
    }

    private mutating func adopt(
        _ birth: BirthFacts, _ job: LogRemains.Job?, version: UInt32, _ remains: LogRemains,
        _ counts: inout RebuildCounts
    ) {
        let lane = birth.lane
        let contentByteCount = UInt32(clamping: birth.contentByteCount)
        let second = UInt32(clamping: birth.enqueuedMilliseconds / 1_000)
        var state = JobStateValue(
            .ready, lane: lane, enqueuedSecond: second, contentByteCount: contentByteCount)
        state.attemptCountMax = birth.attemptCountMax ?? 0
        state.version = version
        state.attempts = job?.attempts ?? 0
        state.interruptions = job?.interruptions ?? 0
        state.timeouts = job?.timeouts ?? 0
        state.releases = job?.releases ?? 0
        queues[lane.queue].pointee.totals.enqueued &+= 1
        guard insertLive(birth.lsn) else { return }
        if let death = job?.death {
            bury(birth.lsn, &state, death.reason, death.milliseconds)
            map.setJobState(birth.lsn, state)
            counts.deadCount += 1
            return
        }
        counts.readyCount += 1
        // A delay that is over by now is none.
        let due = (job == nil ? birth.dueMilliseconds : job?.dueMilliseconds)
            .flatMap { $0 > remains.frameTime ? $0 : nil }
        if let due {
            state.home = .delayed
            state.dueMilliseconds = due
            map.setJobState(birth.lsn, state)
            delay(birth.lsn, state)
        } else if version > 0 || state.attemptCountMax != 0 {
            map.setJobState(birth.lsn, state)
            pushReady(state.laneEntry(birth.lsn), lane, isRetry: version > 0)
        } else {
            pushReady(
                LaneEntry(
                    lsn: birth.lsn, version: 0, enqueuedSecond: second,
                    contentByteCount: contentByteCount, flags: 0), lane, isRetry: false)
        }
    }
}
