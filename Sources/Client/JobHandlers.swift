internal import Foundation

/// What a worker does with jobs, by their kind.
///
/// ```swift
/// var handlers = JobHandlers()
/// handlers.on(Resize.self) { resize, context in
///     try await scale(resize.path, to: resize.width)
/// }
/// ```
/// A handler that returns has done its job: it is acknowledged. One that throws has failed: the job
/// is tried again after the queue's backoff, with the error's text kept. `RetryJob`, `RejectJob` and
/// `ReleaseJob` are errors that say otherwise. Handlers must be ready to see a job again: delivery
/// is at least once.
public struct JobHandlers: Sendable {
    /// Handles a job of any kind.
    public typealias Handler = @Sendable (LeasedJob, JobContext) async throws -> Void

    private var byKind: [String: Handler] = [:]
    private var fallback: Handler?

    public init() {}

    /// Handles jobs of a kind, with their parameters decoded.
    public mutating func on<Parameters: JobParameters>(
        _ type: Parameters.Type,
        _ handler: @escaping @Sendable (Parameters, JobContext) async throws -> Void
    ) {
        byKind[Parameters.kind] = { job, context in
            try await handler(job.decode(Parameters.self), context)
        }
    }

    /// Handles jobs of a kind, as they are.
    public mutating func on(kind: String, _ handler: @escaping Handler) {
        byKind[kind] = handler
    }

    /// Handles jobs whose kind nothing else handles. Without this they fail.
    public mutating func otherwise(_ handler: @escaping Handler) {
        fallback = handler
    }

    /// Runs the handler of a job inside an error boundary: whatever it throws becomes an outcome.
    func run(_ job: LeasedJob, _ context: JobContext) async -> JobOutcome {
        guard let handler = byKind[job.kind] ?? fallback else {
            return .failed("the worker has no handler for jobs of the kind “\(job.kind)”", nil)
        }
        do {
            try await handler(job, context)
            return .done
        } catch let error as RejectJob {
            return .rejected(error.reason)
        } catch let error as RetryJob {
            return .failed(error.reason, error.delay)
        } catch is ReleaseJob {
            return .released
        } catch {
            return .failed(String(describing: error), nil)
        }
    }
}

/// Thrown by a handler: never try this job again; it goes to dead letter.
public struct RejectJob: Error, Hashable, Sendable {
    public let reason: String

    public init(reason: String) {
        self.reason = reason
    }
}

/// Thrown by a handler: try this job again, after a delay of the handler's choice.
public struct RetryJob: Error, Hashable, Sendable {
    /// nil: the queue's backoff.
    public let delay: Duration?
    public let reason: String

    public init(after delay: Duration? = nil, reason: String = "") {
        self.delay = delay
        self.reason = reason
    }
}

/// Thrown by a handler: give the job back as if it had not been begun; it costs no attempt.
public struct ReleaseJob: Error, Hashable, Sendable {
    public init() {}
}

/// How a handler ended.
package enum JobOutcome: Hashable, Sendable {
    case done
    /// The error's text, and the delay; nil: the queue's backoff.
    case failed(String, Duration?)
    case rejected(String)
    case released
}
