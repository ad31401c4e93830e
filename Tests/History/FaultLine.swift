/// The faults of a history; there are few, so that they are in memory.
struct FaultLine {
    struct Fault {
        let kind: HistoryFault
        let event: HistoryEvent

        var begun: UInt64 { event.invoked }
        /// `.max` where it never was.
        var ended: UInt64 { event.responded ?? .max }
    }

    /// In the order in which they began, after `sort`.
    private(set) var faults: [Fault] = []

    var count: Int { faults.count }

    mutating func add(_ record: EventRecord, _ names: HistoryNames) {
        guard let event = record.event(names), case .fault(let kind) = event.operation else {
            return
        }
        faults.append(Fault(kind: kind, event: event))
    }

    mutating func sort() {
        faults.sort { $0.begun < $1.begun }
    }

    /// When the last fault was over: 0 where there was none, nil where one never was.
    var end: UInt64? {
        let end = faults.map(\.ended).max() ?? 0
        return end == .max ? nil : end
    }

    /// Before that there was another process, of whose connections none is left.
    var lastRestart: UInt64 {
        faults.last { $0.kind == .restart }?.begun ?? 0
    }

    /// Whether another fault than one of those kinds was there between two moments.
    func isDisturbed(from: UInt64, to: UInt64, butBy kinds: HistoryFault...) -> Bool {
        faults.contains { !kinds.contains($0.kind) && $0.begun < to && $0.ended > from }
    }

    /// L4: a process that was started serves in time. The recorder says when it was started and when it
    /// gave its first answer.
    ///
    /// A volume without space is no excuse: a start needs none. Every other fault beside it is one.
    ///
    /// False alarms: a start with more to replay than the bound allows for.
    ///
    /// - Parameter until: when the history ends: a start that never served is one that had the time.
    func slowRestarts(_ bounds: LivenessBounds, until: UInt64) -> [Violation] {
        let bound = bounds.restartMilliseconds * 1_000_000
        return faults.compactMap { fault in
            guard fault.kind == .restart else { return nil }
            let end = min(fault.ended, max(until, fault.begun))
            guard end - fault.begun > bound,
                !isDisturbed(from: fault.begun, to: fault.begun + bound, butBy: .restart, .full)
            else { return nil }
            return Violation(
                .restartServes, job: nil,
                fault.ended == .max
                    ? "was started and never served"
                    : "served \((end - fault.begun) / 1_000_000) ms after it had been started",
                [fault.event])
        }
    }
}
