// L1 to L3: a request for jobs does not come back empty while there is one.
extension HistoryJudge {
    /// - Returns: nil where nothing can be told.
    func waitRecord(_ wait: Wait, _ job: UInt64) -> WaitRecord? {
        let judged = wait.ready + wait.boundNanoseconds
        let cause = record(of: wait.cause)
        guard wait.until >= judged else { return nil }
        var queue = cause.name
        if queue == .max, let delivery = wait.delivery { queue = record(of: delivery).name }
        guard queue != .max else { return nil }
        if wait.delivery == nil, let moment = lastUnanswered[queue],
            moment >= faults.lastRestart
        {
            return nil
        }
        return WaitRecord(
            cause: cause, queue: queue, job: job, property: wait.property, from: judged,
            until: wait.until)
    }

    /// From the last to the first: of the empty requests that gave up after a job should have been
    /// there, the one that was answered first must not have been answered before somebody had it.
    func judgeWaits() throws(HistoryFileFault) {
        var records = RecordSorter<WaitRecord>(byteCountMax: 0, directory: "")
        swap(&records, &waits)
        var queue: UInt32?
        var first: EventRecord?
        try records.drain { (record) throws(HistoryFileFault) in
            if queue != record.queue {
                queue = record.queue
                first = nil
            }
            guard let property = record.property else {
                if record.event.responded < first?.responded ?? .max { first = record.event }
                return
            }
            guard let first, first.responded <= record.until else { return }
            violations.append(
                Violation(
                    property, job: record.job,
                    "was ready, and a request for jobs of its queue came back empty",
                    events([record.event, first])))
        }
    }
}

/// A request that came back empty, or a time in which a job was ready: by queue, from the last to the
/// first.
struct WaitRecord: BitwiseCopyable, Comparable {
    let event: EventRecord
    let queue: UInt32
    /// An index into `HistoryProperty.allCases`; none for a request.
    private let propertyIndex: UInt8
    let job: UInt64
    /// Since when a job should have been given out; when a request gave up at the earliest.
    let moment: UInt64
    let until: UInt64

    var property: HistoryProperty? {
        propertyIndex == .max ? nil : HistoryProperty.allCases[Int(propertyIndex)]
    }

    init(emptyRequest event: EventRecord) {
        self.event = event
        queue = event.name
        propertyIndex = .max
        job = .max
        // One that was answered before its wait was over may have given up at once.
        let waited = event.invoked + UInt64(event.durationMilliseconds) * 1_000_000
        moment = waited <= event.responded ? waited : event.invoked
        until = event.responded
    }

    init(
        cause: EventRecord, queue: UInt32, job: UInt64, property: HistoryProperty, from: UInt64,
        until: UInt64
    ) {
        event = cause
        self.queue = queue
        propertyIndex = UInt8(HistoryProperty.allCases.firstIndex(of: property) ?? 0)
        self.job = job
        moment = from
        self.until = until
    }

    private var order: (UInt32, UInt64, Int) {
        (queue, ~moment, propertyIndex == .max ? 0 : 1)
    }

    static func == (left: Self, right: Self) -> Bool { left.order == right.order }
    static func < (left: Self, right: Self) -> Bool { left.order < right.order }
}
