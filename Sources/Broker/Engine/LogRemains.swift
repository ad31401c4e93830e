internal import HoldfastModel
package import HoldfastRecords

/// What is left of a log that cannot be replayed, because parts of it are gone and no snapshot says
/// what was in them: which jobs may be alive, and how each was left.
///
/// All records that can be read are shown to it in their order, with the gaps between them; then all
/// births once more. It errs on one side only: a job that is not known to be done is taken as ready,
/// so that none is lost, and one whose end lies in a gap is delivered again.
package struct LogRemains: Sendable {
    struct Job: Sendable {
        var version: UInt32 = 0
        var isLeased = false
        var attempts: UInt32 = 0
        var interruptions: UInt32 = 0
        var timeouts: UInt32 = 0
        var releases: UInt32 = 0
        var dueMilliseconds: Int64?
        var death: (reason: DeathReason, milliseconds: Int64)?
    }

    struct Queue: Sendable {
        var name: [UInt8]
        var policy: QueuePolicy
    }

    /// Jobs of which something was said since their birth, and that are not known to be done.
    private(set) var jobs: [LSN: Job] = [:]
    /// Queues at the end, by number.
    private(set) var queues: [UInt32: Queue] = [:]
    /// Births before this LSN in the queue of that number are done: a queue without jobs alone is
    /// deleted, and a number is given to another one after that.
    private(set) var queueStarts: [UInt32: LSN] = [:]
    /// Up to here a snapshot says which queues there were.
    private var queuesLSN: LSN = 0
    private var done = LSNBits()
    /// Rising, each with how many are missing up to its end.
    private var gaps: [(lsns: ClosedRange<LSN>, sum: UInt64)] = []
    package private(set) var lastLSN: LSN = 0
    /// Broker time of the last frame, in milliseconds.
    package private(set) var frameTime: Int64 = 0
    /// Records that this version cannot read.
    package private(set) var unreadableCount = 0

    package init() {}

    /// How many records are missing.
    package var missingCount: UInt64 { gaps.last?.sum ?? 0 }

    /// The ranges of records that are missing, rising.
    package var missing: [ClosedRange<LSN>] { gaps.map(\.lsns) }

    /// Records that are missing behind this one: as often at most anything may have happened to a job
    /// that nobody knows of.
    func missingCount(after lsn: LSN) -> UInt64 {
        var low = 0
        var high = gaps.count
        while low < high {
            let middle = (low + high) / 2
            if gaps[middle].lsns.upperBound < lsn { low = middle + 1 } else { high = middle }
        }
        return missingCount - (low > 0 ? gaps[low - 1].sum : 0)
    }

    package func isDone(_ lsn: LSN) -> Bool { done.contains(lsn) }

    // MARK: The first reading

    /// Takes note of the next record that can be read; those between it and the one before are gone.
    /// One that was shown before is passed over.
    package mutating func note(lsn: LSN, frameTime: Int64, body: UnsafeRawBufferPointer) {
        guard lsn > lastLSN else { return }
        noteEnd(lsn - 1)
        lastLSN = lsn
        self.frameTime = max(self.frameTime, frameTime)
        do throws(RecordFault) {
            try note(lsn, body)
        } catch {
            unreadableCount += 1
        }
    }

    /// The log goes as far as `lsn`, whether that can be read or not.
    package mutating func noteEnd(_ lsn: LSN) {
        guard lsn > lastLSN else { return }
        let range = lastLSN + 1...lsn
        gaps.append((range, missingCount + (lsn - lastLSN)))
        lastLSN = lsn
    }

    private mutating func note(
        _ lsn: LSN, _ body: UnsafeRawBufferPointer
    ) throws(RecordFault) {
        guard let byte = body.first else { throw RecordFault("empty") }
        switch RecordType(byte: byte) {
        case .lease:
            let record = try LeaseRecord(body)
            for position in 0..<record.count {
                change(record[position].lsn) { job in
                    job.version = record[position].version
                    job.isLeased = true
                    job.dueMilliseconds = nil
                }
            }
        case .ack:
            let record = try JobListRecord(body)
            for position in 0..<record.count { end(record[position].lsn) }
        case .cancel:
            let record = try CancelRecord(body)
            for position in 0..<record.count { end(try record.item(position).lsn) }
        case .return: try note(try ReturnRecord(body))
        case .reject:
            let record = try JobListRecord(body, mayHaveText: true)
            let time = frameTime
            for position in 0..<record.count {
                change(record[position].lsn) { job in
                    job.version = record[position].version
                    job.version.increment()
                    job.attempts.increment()
                    job.isLeased = false
                    job.death = (.rejected, time)
                }
            }
        case .redrive:
            let record = try JobListRecord(body)
            for position in 0..<record.count {
                change(record[position].lsn) { job in
                    job = Job(version: record[position].version)
                    job.version.increment()
                }
            }
        case .queue: note(try QueueRecord(body), lsn)
        case .enqueue, .due, .heartbeat, .producer: break
        case nil:
            guard byte & RecordType.mustUnderstandBit == 0 else {
                throw RecordFault("a newer broker wrote it")
            }
        }
    }

    private mutating func note(_ record: ReturnRecord) throws(RecordFault) {
        let time = frameTime
        for position in 0..<record.count {
            let item = try record.item(position)
            change(item.lsn) { job in
                job.version = item.version
                job.isLeased = false
                switch item.cause {
                case .failed:
                    job.attempts.increment()
                    job.version.increment()
                case .released:
                    job.releases.increment()
                    job.version.increment()
                case .timeout:
                    job.attempts.increment()
                    job.timeouts.increment()
                case .interrupted:
                    job.attempts.increment()
                    job.interruptions.increment()
                case .undelivered: break
                }
                job.dueMilliseconds = item.outcome == .delayed ? item.dueMilliseconds : nil
                job.death = item.outcome.deathReason.map { ($0, time) }
            }
        }
    }

    private mutating func note(_ record: QueueRecord, _ lsn: LSN) {
        let number = record.queue.rawValue
        if record.change != .alter { queueStarts[number] = lsn }
        guard lsn > queuesLSN else { return }
        switch record.change {
        case .create, .alter:
            queues[number] = Queue(name: Array(record.name), policy: record.policy)
        case .delete: queues[number] = nil
        }
    }

    /// A snapshot says what is called so at `lsn`.
    mutating func noteQueue(
        _ number: UInt32, name: [UInt8], policy: QueuePolicy, through lsn: LSN
    ) {
        queues[number] = Queue(name: name, policy: policy)
        queuesLSN = lsn
    }

    private mutating func change(_ lsn: LSN, _ body: (inout Job) -> Void) {
        guard !done.contains(lsn) else { return }
        body(&jobs[lsn, default: Job()])
    }

    private mutating func end(_ lsn: LSN) {
        jobs[lsn] = nil
        done.insert(lsn)
    }
}

extension ReturnOutcome {
    /// nil where the job is not dead by it.
    fileprivate var deathReason: DeathReason? {
        switch self {
        case .front, .delayed: nil
        case .deadByAttempts: .attemptsUsedUp
        case .deadByInterruptions: .interruptionsUsedUp
        case .deadByDeliveries: .deliveriesUsedUp
        case .deadByCorruptPayload: .payloadCorrupt
        }
    }
}

/// A set of LSNs in words of 64, one bit each: what is far apart takes no more than a few words.
private struct LSNBits: Sendable {
    private var words: [UInt64: UInt64] = [:]

    mutating func insert(_ lsn: LSN) { words[lsn >> 6, default: 0] |= 1 << (lsn & 63) }

    func contains(_ lsn: LSN) -> Bool { (words[lsn >> 6] ?? 0) >> (lsn & 63) & 1 == 1 }
}
