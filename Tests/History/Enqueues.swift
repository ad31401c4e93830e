/// All enqueues of a history: those whose repeats belong together, and those without an answer,
/// each of which may be where one unexpected job came from.
struct Enqueues {
    private struct Content: Hashable {
        let queue: String
        let content: UInt64
    }

    private struct Repeats {
        var firstInvoked = UInt64.max
        /// An answered one, and one that was not.
        var answered: HistoryEvent?
        var unanswered: HistoryEvent?
    }

    /// Repeats that were not answered alike.
    private(set) var violations: [Violation] = []
    private var byKey: [UInt64: Repeats] = [:]
    /// When those without an answer were invoked, by what they brought.
    private var unanswered: [Content: [UInt64]] = [:]

    init(_ events: [HistoryEvent]) {
        for event in events {
            guard case .enqueue(let job, let queue, let content, _, _, let key) = event.operation
            else { continue }
            guard let key else {
                if event.outcome == .unknown {
                    unanswered[Content(queue: queue, content: content), default: []]
                        .append(event.invoked)
                }
                continue
            }
            var repeats = byKey[key] ?? Repeats()
            repeats.firstInvoked = min(repeats.firstInvoked, event.invoked)
            switch event.outcome {
            case .ok:
                if let answered = repeats.answered, answered.job != job {
                    violations.append(
                        Violation(
                            .noCreation, job: job,
                            "was made by repeating an enqueue that had made another",
                            [answered, event]))
                }
                repeats.answered = event
            case .unknown: repeats.unanswered = event
            case .err: break
            }
            byKey[key] = repeats
        }
        for repeats in byKey.values where repeats.answered == nil {
            guard let event = repeats.unanswered,
                case .enqueue(_, let queue, let content, _, _, _) = event.operation
            else { continue }
            unanswered[Content(queue: queue, content: content), default: []]
                .append(repeats.firstInvoked)
        }
    }

    /// When the enqueue was sent for the first time.
    func firstInvoked(of event: HistoryEvent) -> UInt64 {
        guard case .enqueue(_, _, _, _, _, let key?) = event.operation else { return event.invoked }
        return byKey[key]?.firstInvoked ?? event.invoked
    }

    /// Takes an enqueue without an answer as the origin of a job that was received.
    ///
    /// - Returns: false where there is none left.
    mutating func takeUnanswered(queue: String, content: UInt64, before moment: UInt64) -> Bool {
        let key = Content(queue: queue, content: content)
        guard let index = unanswered[key]?.firstIndex(where: { $0 < moment }) else { return false }
        unanswered[key]?.remove(at: index)
        return true
    }
}
