internal import HoldfastModel

/// Which records `segment dump` shows.
struct RecordFilter {
    var lsns: LSNRange?
    var job: JobID?
    var typeName: String?
    var queue: QueueFilter?

    /// To be asked for every record, in their order.
    mutating func wants(_ view: RecordView) -> Bool {
        if let lsn = view.lsn, let record = view.record { queue?.note(lsn, record) }
        if let lsns {
            guard let lsn = view.lsn, lsns.range.contains(lsn) else { return false }
        }
        if let job, !view.jobs.contains(job) { return false }
        if let typeName, typeName != view.typeName { return false }
        if let queue {
            guard let lsn = view.lsn, let record = view.record else { return false }
            return queue.concerns(lsn, record)
        }
        return true
    }
}
