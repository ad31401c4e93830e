public import HoldfastModel
internal import HoldfastProtocol

/// What a broker says of a queue.
public struct QueueSummary: Hashable, Sendable {
    public let name: String
    public let policy: QueuePolicy
    public let readyCount: Int
    public let delayedCount: Int
    public let leasedCount: Int
    public let deadCount: Int
    /// Jobs enqueued since the queue was created.
    public let enqueuedTotal: Int
    /// Jobs acknowledged since the queue was created.
    public let acknowledgedTotal: Int
    /// How long the oldest ready job has been ready; nil: none is.
    public let oldestReadyAge: Duration?

    init(_ report: QueueReport) {
        name = report.name
        policy = report.policy
        readyCount = Int(clamping: report.readyCount)
        delayedCount = Int(clamping: report.delayedCount)
        leasedCount = Int(clamping: report.leasedCount)
        deadCount = Int(clamping: report.deadCount)
        enqueuedTotal = Int(clamping: report.enqueuedTotal)
        acknowledgedTotal = Int(clamping: report.acknowledgedTotal)
        oldestReadyAge = report.oldestReadyMilliseconds.map {
            .milliseconds(Int64(clamping: $0))
        }
    }
}

/// One thing that a broker says of itself.
public struct StatusEntry: Hashable, Sendable {
    public enum Value: Hashable, Sendable, CustomStringConvertible {
        case number(UInt64)
        case text(String)

        public var description: String {
            switch self {
            case .number(let number): String(number)
            case .text(let text): text
            }
        }
    }

    public let name: String
    public let value: Value

    init(_ entry: StatusReply.Entry) {
        name = entry.name
        switch entry.value {
        case .number(let number): value = .number(number)
        case .text(let text): value = .text(text)
        }
    }
}
