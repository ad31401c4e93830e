/// What a history can prove wrong about a broker.
package enum HistoryProperty: String, Hashable, Sendable, CaseIterable {
    case noLoss = "S1 no loss"
    case noCreation = "S2 no creation, no alteration"
    case exclusivity = "S3 lease exclusivity"
    case ackIsFinal = "S4 ack is final"
    case fencing = "S5 fencing"
    case notBefore = "S6 not before"
    case order = "S7 order"
    case attempts = "S8 attempts"
    case readyDelivered = "L1 a ready job is delivered"
    case expiredDelivered = "L2 an expired lease is delivered again"
    case dueDelivered = "L3 a due job is delivered"
    case restartServes = "L4 a restart serves"
    case spaceServes = "L5 space serves, and acks need none"
}

/// Events that cannot all have happened to a broker that keeps its promises.
package struct Violation: Hashable, Sendable, CustomStringConvertible {
    package let property: HistoryProperty
    package let job: UInt64?
    /// One sentence.
    package let message: String
    /// Those concerned, in the order in which they were invoked.
    package let events: [HistoryEvent]

    init(
        _ property: HistoryProperty, job: UInt64?, _ message: String, _ events: [HistoryEvent]
    ) {
        self.property = property
        self.job = job
        self.message = message
        self.events = events.sorted { $0.invoked < $1.invoked }
    }

    /// When the last of the events was over: the first violation is the one with the least.
    var moment: UInt64 { events.map(\.lastMoment).max() ?? 0 }

    package var description: String {
        let subject = job.map { "job \($0)" } ?? "the broker"
        return
            (["\(property.rawValue): \(subject) \(message)"]
            + events.map { "    " + HistoryText.line(of: $0) }).joined(separator: "\n")
    }
}

/// What was found in a history.
package struct Verdict: Sendable, CustomStringConvertible {
    package let eventCount: Int
    /// Jobs whose id some client learned.
    package let jobCount: Int
    package let deliveryCount: Int
    package let faultCount: Int
    /// All that were found.
    package let violationCount: Int
    /// The first of them in the order of time, `ViolationList.countMax` at most; for each job at most
    /// one of each property.
    package let violations: [Violation]

    package var description: String {
        let figures =
            "\(eventCount) events, \(jobCount) jobs, \(deliveryCount) deliveries"
            + (faultCount > 0 ? ", \(faultCount) faults" : "")
        guard let first = violations.first else { return "\(figures): no violation" }
        return "\(figures): \(violationCount) violations, the first is\n\(first)"
    }
}
