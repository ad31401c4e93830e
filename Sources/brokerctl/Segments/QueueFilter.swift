internal import HoldfastEngine
internal import HoldfastRecords

/// Which records concern the queue of a given name. Records name queues by number, a number goes to
/// another queue when the one that had it is deleted, and most records name jobs only; so this is
/// shown the log in its order: first its QUEUE records, to know whose the numbers were, then each
/// record before it is judged.
struct QueueFilter {
    let name: String
    /// From which LSN to which a number was this queue's.
    private(set) var spans: [(number: UInt32, lsns: ClosedRange<LSN>)] = []
    /// Numbers that a QUEUE record was about.
    private var seen: Set<UInt32> = []
    private var lastQueueLSN: LSN = 0
    /// Jobs of the queue whose births were seen.
    private var jobs = LSNRuns()
    /// Jobs of the queue that were seen being leased, and whose births were given back.
    private var otherJobs: Set<LSN> = []

    init(name: String) {
        self.name = name
    }

    /// Takes note of whose a number is. Records that were noted already are passed over.
    mutating func noteQueue(_ lsn: LSN, _ record: EngineRecord) {
        guard lsn > lastQueueLSN, let number = record.queue?.rawValue else { return }
        lastQueueLSN = lsn
        func value(_ name: String) -> String? { record.fields.first { $0.name == name }?.value }
        let isFirst = seen.insert(number).inserted
        let isOpen = spans.contains { $0.number == number && $0.lsns.upperBound == .max }
        guard value("name") == name else {
            if isOpen { end(number, at: lsn) }
            return
        }
        switch value("change") {
        case "create":
            if isOpen { end(number, at: lsn - 1) }
            spans.append((number, lsn...LSN.max))
        case "delete":
            // Where its creation is gone, it was there from the beginning of what is left.
            if isFirst { spans.append((number, 0...lsn)) } else if isOpen { end(number, at: lsn) }
        default:
            if isFirst { spans.append((number, 0...LSN.max)) }
        }
    }

    /// The number that the queue has at the end, for the case that no QUEUE record is left of it.
    mutating func note(current number: UInt32) {
        guard seen.insert(number).inserted else { return }
        spans.append((number, 0...LSN.max))
    }

    private mutating func end(_ number: UInt32, at lsn: LSN) {
        for index in spans.indices
        where spans[index].number == number && spans[index].lsns.upperBound == .max {
            spans[index].lsns =
                spans[index].lsns.lowerBound...max(lsn, spans[index].lsns.lowerBound)
        }
    }

    /// Takes note of a record's jobs; to be called for all of them in order.
    mutating func note(_ lsn: LSN, _ record: EngineRecord) {
        if record.typeName == RecordType.queue.name { return noteQueue(lsn, record) }
        guard let queue = record.queue, isOwn(queue.rawValue, lsn) else { return }
        if record.typeName == RecordType.enqueue.name {
            jobs.append(lsn)
        } else {
            for job in record.jobs where !jobs.contains(job) { otherJobs.insert(job) }
        }
    }

    func concerns(_ lsn: LSN, _ record: EngineRecord) -> Bool {
        if let queue = record.queue { return isOwn(queue.rawValue, lsn) }
        return record.jobs.contains { jobs.contains($0) || otherJobs.contains($0) }
    }

    private func isOwn(_ number: UInt32, _ lsn: LSN) -> Bool {
        spans.contains { $0.number == number && $0.lsns.contains(lsn) }
    }
}

/// A set of LSNs that grows at its end, in runs: jobs of one queue are mostly born one after the
/// other.
struct LSNRuns {
    private var runs: [ClosedRange<LSN>] = []

    /// Passes over one that is not above all that are in it.
    mutating func append(_ lsn: LSN) {
        guard let last = runs.last else { return runs.append(lsn...lsn) }
        if last.upperBound + 1 == lsn {
            runs[runs.count - 1] = last.lowerBound...lsn
        } else if last.upperBound < lsn {
            runs.append(lsn...lsn)
        }
    }

    func contains(_ lsn: LSN) -> Bool {
        var low = 0
        var high = runs.count
        while low < high {
            let middle = (low + high) / 2
            if runs[middle].upperBound < lsn { low = middle + 1 } else { high = middle }
        }
        return low < runs.count && runs[low].contains(lsn)
    }
}
