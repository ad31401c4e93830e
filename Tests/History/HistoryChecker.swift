/// Judges what clients of a broker saw against the promises S1 to S8 and, if asked to, L1 to L5 of its
/// reliability. Knows nothing of the broker: a promise is broken where no order of what happened inside
/// could explain the answers.
///
/// Jobs are independent of each other, so each is judged by itself after one sort of all events:
/// O(n log n), in memory or, for a file of any length, by sorting on the disk. Dead jobs must not have
/// been put back by a redrive, which starts their attempts anew.
package struct HistoryChecker: Sendable {
    /// Whether, after the last delivery, every queue was emptied and all that was left was looked
    /// at. Loss can be told only then.
    private let isDrained: Bool
    /// What a delay may fall short by. The broker reads its clock once for all that it decides
    /// together, so that a delay may be counted from a moment before the request was sent.
    private let delayToleranceMilliseconds: UInt64
    private let liveness: LivenessBounds?

    /// - Parameter liveness: nil: L1 to L5 are not judged, as where time is not the broker's own.
    package init(
        isDrained: Bool, delayToleranceMilliseconds: UInt64 = 0, liveness: LivenessBounds? = nil
    ) {
        self.isDrained = isDrained
        self.delayToleranceMilliseconds = delayToleranceMilliseconds
        self.liveness = liveness
    }

    /// Judges in memory.
    package func judge(_ events: [HistoryEvent]) -> Verdict {
        let judge = judgement(memoryByteCount: .max, directory: "")
        do throws(HistoryFileFault) {
            for event in events { try judge.add(event) }
            return try judge.verdict()
        } catch {
            preconditionFailure("a judgement in memory has touched a file: \(error)")
        }
    }

    /// Judges a file of any length.
    ///
    /// - Parameters:
    ///   - memoryByteCount: for sorting; the events of one job must fit in beside it.
    ///   - directory: for what does not fit: up to three times the file's length.
    package func judge(
        file path: String, memoryByteCount: Int = 256 << 20, directory: String = "/tmp"
    ) throws(HistoryFileFault) -> Verdict {
        let judge = judgement(memoryByteCount: memoryByteCount, directory: directory)
        let reader = try HistoryReader(path: path)
        while let record = try reader.nextRecord() { try judge.add(record, reader.names) }
        return try judge.verdict()
    }

    private func judgement(memoryByteCount: Int, directory: String) -> HistoryJudge {
        HistoryJudge(
            isDrained: isDrained, delayTolerance: delayToleranceMilliseconds * 1_000_000,
            bounds: liveness, memoryByteCount: memoryByteCount, directory: directory)
    }
}
