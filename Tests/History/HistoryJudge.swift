/// The judgement of one history, event by event: five sorts, one after the other, of which each holds
/// no more than its share of memory.
///
/// 1. All enqueues that may be repeated, by key: which of them belong together, and whether they were
///    answered alike.
/// 2. All events of jobs, by job: S1 to S6, S8, and since when a job waited (L1 to L3).
/// 3. Jobs that nobody was told of, beside enqueues that were not answered, by queue and content: S2.
/// 4. First deliveries, by queue, priority and client: S7.
/// 5. Waiting jobs beside requests that came back empty, by queue: L1 to L3.
///
/// What has to do with time that passes while there is no space (L5) is sorted as well; it is little.
/// The events of one job are in memory together.
final class HistoryJudge {
    let isDrained: Bool
    let delayTolerance: UInt64
    let bounds: LivenessBounds?

    private var keyed: RecordSorter<KeyedEnqueue>
    private var ofJobs: RecordSorter<JobRecord>
    var origins: RecordSorter<OriginRecord>
    var firstDeliveries: RecordSorter<FirstDelivery>
    var waits: RecordSorter<WaitRecord>
    var spaceTrouble: RecordSorter<TimedRecord>
    private(set) var faults = FaultLine()
    /// When a request for jobs of a queue was last left without an answer.
    private(set) var lastUnanswered: [UInt32: UInt64] = [:]
    private(set) var names = HistoryNames()
    var violations = ViolationList()
    private var eventCount = 0
    private var jobCount = 0
    private var deliveryCount = 0
    private var lastMoment: UInt64 = 0

    init(
        isDrained: Bool, delayTolerance: UInt64, bounds: LivenessBounds?, memoryByteCount: Int,
        directory: String
    ) {
        self.isDrained = isDrained
        self.delayTolerance = delayTolerance
        self.bounds = bounds
        keyed = RecordSorter(byteCountMax: memoryByteCount / 4, directory: directory)
        ofJobs = RecordSorter(byteCountMax: memoryByteCount / 4, directory: directory)
        origins = RecordSorter(byteCountMax: memoryByteCount / 16, directory: directory)
        firstDeliveries = RecordSorter(byteCountMax: memoryByteCount / 4, directory: directory)
        waits = RecordSorter(byteCountMax: memoryByteCount / 8, directory: directory)
        spaceTrouble = RecordSorter(byteCountMax: memoryByteCount / 16, directory: directory)
    }

    // MARK: Taking events

    func add(_ event: HistoryEvent) throws(HistoryFileFault) {
        var names = names
        let record = EventRecord(event) { names.number(of: $0).number }
        if names.count > self.names.count { self.names = names }
        try add(record)
    }

    func add(_ record: EventRecord, _ names: HistoryNames) throws(HistoryFileFault) {
        if names.count > self.names.count { self.names = names }
        try add(record)
    }

    private func add(_ record: EventRecord) throws(HistoryFileFault) {
        eventCount += 1
        lastMoment = max(lastMoment, record.lastMoment)
        switch EventRecord.Kind(rawValue: record.kind) {
        case .enqueue:
            try takeSpaceTrouble(record)
            if record.hasKey {
                try keyed.append(KeyedEnqueue(event: record))
            } else if record.isOk, record.job != .max {
                try ofJobs.append(JobRecord(event: record, firstInvoked: record.invoked))
            } else if record.isUnknown {
                try origins.append(OriginRecord(event: record, moment: record.invoked))
            }
        case .ask:
            if record.isUnknown {
                lastUnanswered[record.name] = max(lastUnanswered[record.name] ?? 0, record.invoked)
            } else if record.isOk, bounds != nil {
                try waits.append(WaitRecord(emptyRequest: record))
            }
        case .fault: faults.add(record, names)
        case .name, nil: break
        default:
            try takeSpaceTrouble(record)
            try ofJobs.append(JobRecord(event: record, firstInvoked: record.invoked))
        }
    }

    private func takeSpaceTrouble(_ record: EventRecord) throws(HistoryFileFault) {
        guard let bounds else { return }
        let isSlow = record.lastMoment - record.invoked > bounds.spaceMilliseconds * 1_000_000
        if isSlow || record.refusal != .max { try spaceTrouble.append(TimedRecord(event: record)) }
    }

    // MARK: Judging

    func verdict() throws(HistoryFileFault) -> Verdict {
        faults.sort()
        if let bounds { violations += faults.slowRestarts(bounds, until: lastMoment) }
        try judgeRepeats()
        try judgeJobs()
        try judgeOrigins()
        try judgeOrder()
        if bounds != nil {
            try judgeWaits()
            try judgeSpace()
        }
        return Verdict(
            eventCount: eventCount, jobCount: jobCount, deliveryCount: deliveryCount,
            faultCount: faults.count, violationCount: violations.count,
            violations: violations.first)
    }

    /// The enqueues of one key belong to one job, which was made at the first of them or later.
    private func judgeRepeats() throws(HistoryFileFault) {
        var keyed = RecordSorter<KeyedEnqueue>(byteCountMax: 0, directory: "")
        swap(&keyed, &self.keyed)
        var first: EventRecord?
        var answered: EventRecord?
        var unanswered: EventRecord?
        func end() throws(HistoryFileFault) {
            if let first, let unanswered, answered == nil {
                try origins.append(OriginRecord(event: unanswered, moment: first.invoked))
            }
        }
        try keyed.drain { (record) throws(HistoryFileFault) in
            let event = record.event
            if first?.key != event.key {
                try end()
                first = event
                answered = nil
                unanswered = nil
            }
            if event.isOk, event.job != .max {
                if let answered, answered.job != event.job {
                    violations.append(
                        Violation(
                            .noCreation, job: event.job,
                            "was made by repeating an enqueue that had made another",
                            self.events([answered, event])))
                }
                answered = event
                try ofJobs.append(
                    JobRecord(event: event, firstInvoked: first?.invoked ?? event.invoked))
            } else if event.isUnknown {
                unanswered = event
            }
        }
        try end()
    }

    private func judgeJobs() throws(HistoryFileFault) {
        var ofJobs = RecordSorter<JobRecord>(byteCountMax: 0, directory: "")
        swap(&ofJobs, &self.ofJobs)
        var current: [JobRecord] = []
        try ofJobs.drain { (record) throws(HistoryFileFault) in
            if let job = current.first?.event.job, job != record.event.job {
                try judge(current)
                current.removeAll(keepingCapacity: true)
            }
            current.append(record)
        }
        try judge(current)
    }

    private func judge(_ records: [JobRecord]) throws(HistoryFileFault) {
        guard let job = records.first?.event.job else { return }
        let names = names
        let events = records.compactMap { $0.event.event(names) }
        let firstInvoked = records.first { $0.event.kind == EventRecord.Kind.enqueue.rawValue }?
            .firstInvoked
        let history = JobHistory(job: job, events: events, enqueueFirstInvoked: firstInvoked)
        jobCount += 1
        deliveryCount += history.deliveries.count
        violations += [
            isDrained ? history.loss() : nil,
            history.creation(),
            history.sharedLease(),
            history.lifeAfterAck(),
            history.staleTokenTaken(),
            history.earliness(toleranceNanoseconds: delayTolerance),
            history.wrongDeliveryNumber(),
            history.wrongAttempt(isDrained: isDrained),
        ].compactMap { $0 }
        if let first = history.deliveryWithoutOrigin {
            try origins.append(OriginRecord(event: record(of: first.event), moment: first.received))
        }
        if let (enqueue, delivery) = history.turn {
            try firstDeliveries.append(
                FirstDelivery(
                    enqueue: record(of: enqueue), delivery: record(of: delivery),
                    firstInvoked: firstInvoked ?? enqueue.invoked))
        }
        guard let bounds, let end = faults.end else { return }
        for wait in history.waits(after: end, bounds) {
            if let violation = wait.slowness(of: job) { violations.append(violation) }
            guard let record = waitRecord(wait, job) else { continue }
            try waits.append(record)
        }
    }

    /// All names are known by now.
    func record(of event: HistoryEvent) -> EventRecord {
        var names = names
        return EventRecord(event) { names.number(of: $0).number }
    }

    func events(_ records: [EventRecord]) -> [HistoryEvent] {
        records.compactMap { $0.event(names) }
    }
}

/// By key, and then in the order in which they were sent.
struct KeyedEnqueue: BitwiseCopyable, Comparable {
    let event: EventRecord

    private var order: (UInt64, UInt64, UInt64) { (event.key, event.invoked, event.lastMoment) }

    static func == (left: Self, right: Self) -> Bool { left.order == right.order }
    static func < (left: Self, right: Self) -> Bool { left.order < right.order }
}

/// By job, and then in the order in which they were sent.
struct JobRecord: BitwiseCopyable, Comparable {
    let event: EventRecord
    /// Of an enqueue: when it was sent for the first time.
    let firstInvoked: UInt64

    private var order: (UInt64, UInt64, UInt64) { (event.job, event.invoked, event.lastMoment) }

    static func == (left: Self, right: Self) -> Bool { left.order == right.order }
    static func < (left: Self, right: Self) -> Bool { left.order < right.order }
}

/// In the order in which they were sent.
struct TimedRecord: BitwiseCopyable, Comparable {
    let event: EventRecord

    private var order: (UInt64, UInt64) { (event.invoked, event.lastMoment) }

    static func == (left: Self, right: Self) -> Bool { left.order == right.order }
    static func < (left: Self, right: Self) -> Bool { left.order < right.order }
}
