/// One thing that a client asked of the broker, and what came of it. A request that names several
/// jobs is an event for each.
///
/// All clients run on one machine, so that their times can be compared.
package struct HistoryEvent: Hashable, Sendable {
    package enum Outcome: String, Hashable, Sendable, CaseIterable {
        case ok
        /// Refused: it must have had no effect.
        case err
        /// No answer came: it may or may not have been executed, then or later.
        case unknown
    }

    /// One delivery of a job: the job, and the version that its lease token carries.
    package struct Lease: Hashable, Sendable {
        package var job: UInt64
        package var version: UInt32

        package init(job: UInt64, version: UInt32) {
            self.job = job
            self.version = version
        }
    }

    package enum Operation: Hashable, Sendable {
        /// - Parameters:
        ///   - job: nil where no answer told it.
        ///   - content: a hash of the job's bytes.
        ///   - key: the same for every repeat of one enqueue; nil: never repeated.
        ///   - attemptCountMax: after which a failing job is dead; 0: not known.
        case enqueue(
            job: UInt64?, queue: String, content: UInt64, delayMilliseconds: UInt64,
            attemptCountMax: UInt32, key: UInt64?)
        /// A job was received, of a request that asked for jobs.
        case deliver(
            Lease, queue: String, content: UInt64, attempt: UInt32, durationMilliseconds: UInt32)
        case ack(Lease)
        case release(Lease)
        /// - Parameter delayMilliseconds: nil: the queue's backoff.
        case nack(Lease, delayMilliseconds: UInt64?)
        case reject(Lease)
        /// An extend, or a heartbeat of one lease.
        case extend(Lease, durationMilliseconds: UInt32)
        case cancel(job: UInt64)
        /// The job was looked at and found in a state: `ready`, `delayed`, `leased`, `dead`,
        /// `done`.
        case look(job: UInt64, state: String)
        /// A request for jobs that brought none: ok where it came back empty, unknown where it did
        /// not come back, so that nobody knows what it was given.
        ///
        /// - Parameter waitMilliseconds: how long the request was to wait for a job.
        case ask(queue: String, waitMilliseconds: UInt32)
        /// Something was done to the broker or its machine: from `invoked` to `responded`, which is
        /// nil where it never ended. The outcome is ok, the client 0.
        case fault(HistoryFault)
    }

    package var client: UInt32
    /// CLOCK_BOOTTIME in ns, read before the request was sent.
    package var invoked: UInt64
    /// CLOCK_BOOTTIME in ns, read when the answer was there; nil where none came.
    package var responded: UInt64?
    package var outcome: Outcome
    package var operation: Operation
    /// The same for all events of one request and for no other request of that client; nil: not
    /// known.
    package var request: UInt64?
    /// The place in the list of the request, or of its reply, counted from 0; nil: not known.
    package var position: UInt32?
    /// Of a job that is enqueued, 0 to 15; nil: not known.
    package var priority: UInt8?
    /// Why it was refused, by the name that the protocol has for it; nil: not refused, or not known.
    package var refusal: String?

    package init(
        client: UInt32, invoked: UInt64, responded: UInt64?, outcome: Outcome,
        operation: Operation, request: UInt64? = nil, position: UInt32? = nil,
        priority: UInt8? = nil, refusal: String? = nil
    ) {
        self.client = client
        self.invoked = invoked
        self.responded = responded
        self.outcome = outcome
        self.operation = operation
        self.request = request
        self.position = position
        self.priority = priority
        self.refusal = refusal
    }

    /// The job concerned; nil for an enqueue without an answer, and for what concerns no job.
    package var job: UInt64? {
        switch operation {
        case .enqueue(let job, _, _, _, _, _): job
        case .deliver(let lease, _, _, _, _): lease.job
        case .ack(let lease), .release(let lease), .nack(let lease, _), .reject(let lease),
            .extend(let lease, _):
            lease.job
        case .cancel(let job), .look(let job, _): job
        case .ask, .fault: nil
        }
    }

    /// When it was over, or begun where it never was.
    var lastMoment: UInt64 { max(invoked, responded ?? 0) }
}
