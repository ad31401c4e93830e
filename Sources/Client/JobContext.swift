internal import HoldfastModel
public import Logging

/// What a handler can do while it works at a job.
///
/// The worker keeps the lease alive by itself. When the lease is lost, when the broker orders a stop
/// and when the worker's grace period is over, the handler's task is cancelled: look at
/// `Task.isCancelled` in long loops.
public struct JobContext: Sendable {
    public let job: LeasedJob
    public let client: BrokerClient
    /// Says which job it is.
    public let logger: Logger
    /// Tells the worker what the broker said of the lease.
    let report: @Sendable (LeaseResult) -> Void

    init(
        job: LeasedJob, client: BrokerClient, logger: Logger,
        report: @escaping @Sendable (LeaseResult) -> Void
    ) {
        self.job = job
        self.client = client
        var logger = logger
        logger[metadataKey: "job"] = "\(job.id)"
        self.logger = logger
        self.report = report
    }

    /// Saves the job's progress for its next attempt, which finds it in `job.checkpoint`. When this
    /// returns, it survives any crash of the broker. Extends the lease as well.
    ///
    /// - Parameter checkpoint: at most 2,048 bytes; replaces what was saved before.
    /// - Throws: refused `leaseLost` where the job is no longer this worker's.
    public func save(checkpoint: [UInt8]) async throws {
        let result = try await client.heartbeat([
            LeaseHeartbeat(job.token, checkpoint: checkpoint)
        ])[0]
        report(result)
        try result.get(job.token)
    }

    /// Lengthens the lease, counted from now, beyond what the worker's heartbeats give.
    ///
    /// - Throws: refused `leaseLost` where the job is no longer this worker's.
    public func extend(by duration: Duration) async throws {
        let result = try await client.extend([job.token], by: duration)[0]
        report(result)
        try result.get(job.token)
    }
}
