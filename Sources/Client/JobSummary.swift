public import HoldfastModel
internal import HoldfastProtocol

/// What a broker says of a job.
public struct JobSummary: Hashable, Sendable, Identifiable {
    public let id: JobID
    public let state: JobState
    public let priority: UInt8
    /// Deliveries and commanded moves so far.
    public let version: Int
    public let attempts: Int
    public let interruptions: Int
    public let timeouts: Int
    public let releases: Int
    /// By the broker's clock, in milliseconds since 1970; nil: no longer known.
    public let enqueuedAtMilliseconds: Int64?
    /// When a delayed job is due, in milliseconds since 1970.
    public let dueAtMilliseconds: Int64?
    /// When a dead job died, in milliseconds since 1970.
    public let diedAtMilliseconds: Int64?
    /// Why a dead job is dead.
    public let reason: String?

    init(_ report: JobReport) {
        id = report.id
        state = report.state
        priority = report.priority
        version = Int(report.version)
        attempts = Int(report.attempts)
        interruptions = Int(report.interruptions)
        timeouts = Int(report.timeouts)
        releases = Int(report.releases)
        enqueuedAtMilliseconds =
            report.enqueuedMilliseconds == 0 ? nil : report.enqueuedMilliseconds
        let stateTime = report.stateMilliseconds == 0 ? nil : report.stateMilliseconds
        dueAtMilliseconds = report.state == .delayed ? stateTime : nil
        diedAtMilliseconds = report.state == .dead ? stateTime : nil
        reason = report.reason.isEmpty ? nil : report.reason
    }
}

/// Everything a broker says of a job.
public struct JobDetail: Sendable, Identifiable {
    public let summary: JobSummary
    public let queue: String
    /// Attempts after which the job goes to dead letter; nil: not known.
    public let maximumAttempts: Int?
    /// What remains of the lease; nil: the job is not leased.
    public let leaseRemaining: Duration?
    /// The text that came with the last nack or reject.
    public let lastError: String?
    /// What the last attempt saved of its progress.
    public let checkpoint: [UInt8]
    /// nil: no longer readable.
    public let body: JobBody?

    public var id: JobID { summary.id }

    init(_ reply: JobShowReply, payloadByteCountMax: Int) {
        summary = JobSummary(reply.report)
        queue = reply.queue
        maximumAttempts = reply.attemptCountMax == 0 ? nil : Int(reply.attemptCountMax)
        leaseRemaining =
            reply.report.state == .leased
            ? .milliseconds(reply.leaseRemainingMilliseconds) : nil
        lastError = reply.lastError.isEmpty ? nil : reply.lastError
        checkpoint = reply.checkpoint
        body = reply.content.withUnsafeBytes {
            JobBody($0, payloadByteCountMax: payloadByteCountMax)
        }
    }
}

/// Some jobs of a queue, in the order of their birth.
public struct JobPage: Sendable {
    /// May be empty although it is not the last page.
    public let jobs: [JobSummary]
    /// Where the next page begins; nil: this was the last.
    public let next: JobCursor?
}

/// A place in the list of a queue's jobs.
public struct JobCursor: Hashable, Sendable {
    let rawValue: UInt64
}
