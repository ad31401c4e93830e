internal import HoldfastClient

/// Drains the results' queue: takes what is there, writes it down, and acknowledges it with the next
/// request. A broken connection is no more than a pause: what was not acknowledged comes again, and
/// the book knows it.
struct ResultCollector {
    let client: BrokerClient

    /// Goes on until the task is cancelled or `record` says that it has enough.
    ///
    /// - Parameter record: is given each result; returns whether to go on.
    func run(_ record: (FingerprintResult) async -> Bool) async throws {
        var tokens: [LeaseToken] = []
        while true {
            let jobs: [LeasedJob]
            do {
                (_, jobs) = try await client.ackAndLease(
                    tokens, from: FingerprintResult.queue, count: 256, wait: .seconds(1))
            } catch let error as BrokerClientError where error.isWorthRetrying {
                // The tokens are acknowledged again: that does no harm.
                continue
            }
            tokens = jobs.map(\.token)
            var goesOn = true
            for job in jobs {
                goesOn = await record(try job.decode(FingerprintResult.self)) && goesOn
            }
            if !goesOn {
                _ = try await client.ack(tokens)
                return
            }
        }
    }
}
