internal import HoldfastModel
package import HoldfastRecords

/// Any record, taken apart for people and tools; the engine itself never makes one.
package struct EngineRecord: Sendable {
    /// As in docs/records.md.
    package let typeName: String
    /// Whether this version can read it. One that it cannot has neither fields nor jobs.
    package let isKnown: Bool
    package let mustBeUnderstood: Bool
    /// In the order in which they lie in the record.
    package private(set) var fields: [(name: String, value: String)] = []
    /// The jobs concerned, in the record's order. For ENQUEUE that is the record itself.
    package private(set) var jobs: [LSN] = []
    package private(set) var queue: QueueID?
    /// Where in the body the job's content starts; ENQUEUE only.
    package private(set) var contentOffset: Int?

    /// - Throws: where the type is known, but the body is not one of it.
    package init(lsn: LSN, body: UnsafeRawBufferPointer) throws(RecordFault) {
        guard let byte = body.first else { throw RecordFault("empty") }
        typeName = RecordType.name(ofByte: byte)
        mustBeUnderstood = byte & RecordType.mustUnderstandBit != 0
        guard let type = RecordType(byte: byte) else {
            isKnown = false
            return
        }
        isKnown = true
        switch type {
        case .enqueue: add(try BirthRecord(body), lsn)
        case .lease: add(try LeaseRecord(body))
        case .ack, .redrive: add(try JobListRecord(body))
        case .cancel: try add(try CancelRecord(body))
        case .reject: add(try JobListRecord(body, mayHaveText: true))
        case .return: try add(try ReturnRecord(body))
        case .due: add(try DueRecord(body))
        case .heartbeat: try add(try HeartbeatRecord(body))
        case .queue: add(try QueueRecord(body))
        case .producer: add(try ProducerRecord(body))
        }
    }

    private mutating func field(_ name: String, _ value: some CustomStringConvertible) {
        fields.append((name, value.description))
    }

    private mutating func job(_ lsn: LSN, _ rest: String) {
        jobs.append(lsn)
        fields.append(("job", "\(lsn) \(rest)"))
    }

    private mutating func add(_ birth: BirthRecord, _ lsn: LSN) {
        jobs = [lsn]
        queue = birth.queue
        contentOffset = birth.contentOffset
        field("queue", birth.queue.rawValue)
        field("priority", birth.priority)
        field("enqueued_ms", birth.enqueuedMilliseconds)
        if let due = birth.dueMilliseconds { field("due_ms", due) }
        if let count = birth.attemptCountMax { field("attempts_max", count) }
        if let producer = birth.producer {
            field("producer", producer.slot.rawValue)
            field("sequence", producer.sequence)
            field("count", producer.count)
        }
        field("content_bytes", birth.content.count)
    }

    private mutating func add(_ record: LeaseRecord) {
        queue = record.queue
        field("queue", record.queue.rawValue)
        field("duration_ms", record.durationMilliseconds)
        for position in 0..<record.runCount {
            let run = record.run(position)
            fields.append(("lane", "priority \(run.priority) × \(run.count)"))
        }
        for position in 0..<record.count {
            job(record[position].lsn, "version \(record[position].version)")
        }
    }

    private mutating func add(_ record: JobListRecord) {
        for position in 0..<record.count {
            job(record[position].lsn, "version \(record[position].version)")
        }
        if !record.text.isEmpty { field("reason", String(decoding: record.text, as: UTF8.self)) }
    }

    private mutating func add(_ record: CancelRecord) throws(RecordFault) {
        for position in 0..<record.count {
            let item = try record.item(position)
            let until = item.place == .freshDelayed ? " until \(item.dueMilliseconds)" : ""
            job(
                item.lsn,
                "version \(item.version) queue \(item.lane.queue) priority "
                    + "\(item.lane.priority) \(item.place)\(until)")
        }
    }

    private mutating func add(_ record: ReturnRecord) throws(RecordFault) {
        for position in 0..<record.count {
            let item = try record.item(position)
            let until = item.outcome == .delayed ? " until \(item.dueMilliseconds)" : ""
            job(item.lsn, "version \(item.version) \(item.cause) → \(item.outcome)\(until)")
        }
        if !record.error.isEmpty { field("error", String(decoding: record.error, as: UTF8.self)) }
    }

    private mutating func add(_ record: DueRecord) {
        jobs = [record.last.lsn]
        field("count", record.count)
        field("through_ms", record.last.dueMilliseconds)
        field("through_job", record.last.lsn)
    }

    private mutating func add(_ record: HeartbeatRecord) throws(RecordFault) {
        var record = record
        for _ in 0..<record.count {
            let change = try record.next()
            var text = "version \(change.version)"
            if change.durationMilliseconds > 0 {
                text += " duration_ms \(change.durationMilliseconds)"
            }
            if let checkpoint = change.checkpoint {
                text += " checkpoint_bytes \(checkpoint.count)"
            }
            job(change.lsn, text)
        }
        try record.end()
    }

    private mutating func add(_ record: QueueRecord) {
        queue = record.queue
        field("change", "\(record.change)")
        field("queue", record.queue.rawValue)
        field("name", String(decoding: record.name, as: UTF8.self))
        field("visibility_timeout_ms", record.policy.visibilityTimeoutMilliseconds)
        field("attempts_max", record.policy.attemptCountMax)
        field("interruptions_max", record.policy.interruptionCountMax)
        field("backoff_ms", record.policy.backoffMilliseconds)
        field("backoff_max_ms", record.policy.backoffMillisecondsMax)
    }

    private mutating func add(_ record: ProducerRecord) {
        field("slot", record.slot.rawValue)
        field("low", record.id.low)
        field("high", record.id.high)
    }
}
