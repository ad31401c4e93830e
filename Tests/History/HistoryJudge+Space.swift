// L5: at 100 % every ack succeeds, and when there is space again an enqueue does.
extension HistoryJudge {
    /// The refusal that stands for a full disk, as the protocol calls it.
    static let storageFull = "storage_full"

    /// Broken are
    /// - an ack, release, nack, reject, extend or cancel that was refused for want of space, whenever;
    ///   or answered later than the bound amid such a time, with no other fault beside;
    /// - an enqueue that was refused for want of space, sent later than the bound after there was space
    ///   again; or sent by then and answered later than the bound, with no other fault beside.
    ///
    /// False alarms: a recorder that says there is space when it is less than what the broker asks for,
    /// which is its reserve and one segment.
    func judgeSpace() throws(HistoryFileFault) {
        guard let bounds else { return }
        let bound = bounds.spaceMilliseconds * 1_000_000
        var records = RecordSorter<TimedRecord>(byteCountMax: 0, directory: "")
        swap(&records, &spaceTrouble)
        let times = faults.faults.filter { $0.kind == .full }
        // The last that began before the event was sent.
        var index = -1
        try records.drain { (record) throws(HistoryFileFault) in
            guard let event = record.event.event(names) else { return }
            while index + 1 < times.count, times[index + 1].begun <= event.invoked { index += 1 }
            let time = index >= 0 ? times[index] : nil
            let nextBegun = index + 1 < times.count ? times[index + 1].begun : .max
            let violation =
                if case .enqueue = event.operation {
                    time.flatMap { enqueueTrouble(event, $0, nextBegun: nextBegun, bound) }
                } else { endingTrouble(event, time, bound) }
            if let violation { violations.append(violation) }
        }
    }

    private func enqueueTrouble(
        _ event: HistoryEvent, _ time: FaultLine.Fault, nextBegun: UInt64, _ bound: UInt64
    ) -> Violation? {
        // What was answered when there was no space again may have been refused for that.
        guard time.ended < .max, event.lastMoment < nextBegun else { return nil }
        if event.refusal == Self.storageFull, event.invoked > time.ended + bound {
            return Violation(
                .spaceServes, job: nil,
                "refused an enqueue \((event.invoked - time.ended) / 1_000_000) ms after there was "
                    + "space again", [time.event, event])
        }
        let from = max(event.invoked, time.ended)
        guard let responded = event.responded, responded > from, responded - from > bound,
            event.invoked <= time.ended + bound,
            !faults.isDisturbed(from: from, to: responded, butBy: .full)
        else { return nil }
        return Violation(
            .spaceServes, job: event.job,
            "answered an enqueue \((responded - from) / 1_000_000) ms after there was space again",
            [time.event, event])
    }

    private func endingTrouble(
        _ event: HistoryEvent, _ time: FaultLine.Fault?, _ bound: UInt64
    ) -> Violation? {
        if event.refusal == Self.storageFull {
            return Violation(
                .spaceServes, job: event.job, "could not be ended for want of space",
                [time?.event, event].compactMap { $0 })
        }
        guard let time, event.invoked <= time.ended, event.isEnding,
            let responded = event.responded, responded - event.invoked > bound,
            !faults.isDisturbed(from: event.invoked, to: responded, butBy: .full)
        else { return nil }
        return Violation(
            .spaceServes, job: event.job,
            "waited \((responded - event.invoked) / 1_000_000) ms for its end while there was no "
                + "space", [time.event, event])
    }
}

extension HistoryEvent {
    fileprivate var isEnding: Bool {
        switch operation {
        case .ack, .release, .nack, .reject, .extend, .cancel: true
        default: false
        }
    }
}
