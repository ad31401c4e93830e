// S2, where no answer told of a job: there must be an enqueue without an answer for each.
extension HistoryJudge {
    /// Of the jobs of one content the k-th that was received needs k enqueues that were sent before.
    func judgeOrigins() throws(HistoryFileFault) {
        var origins = RecordSorter<OriginRecord>(byteCountMax: 0, directory: "")
        swap(&origins, &self.origins)
        var current: (UInt32, UInt64)?
        var unansweredCount = 0
        try origins.drain { (record) throws(HistoryFileFault) in
            let content = (record.event.name, record.event.content)
            if current == nil || current! != content {
                current = content
                unansweredCount = 0
            }
            if record.isEnqueue {
                unansweredCount += 1
            } else if unansweredCount > 0 {
                unansweredCount -= 1
            } else {
                violations.append(
                    Violation(
                        .noCreation, job: record.event.job,
                        "was delivered and nobody had enqueued it", events([record.event])))
            }
        }
    }
}

/// An enqueue that was not answered, or the first delivery of a job that nobody was told of: by queue
/// and content, and then by time.
struct OriginRecord: BitwiseCopyable, Comparable {
    let event: EventRecord
    /// When an enqueue was sent for the first time, and a delivery received.
    let moment: UInt64

    var isEnqueue: Bool { event.kind == EventRecord.Kind.enqueue.rawValue }

    // Nothing is received in the moment in which it is sent.
    private var order: (UInt32, UInt64, UInt64, Int) {
        (event.name, event.content, moment, isEnqueue ? 1 : 0)
    }

    static func == (left: Self, right: Self) -> Bool { left.order == right.order }
    static func < (left: Self, right: Self) -> Bool { left.order < right.order }
}
