public import HoldfastModel
internal import HoldfastProtocol
internal import NIOCore

extension BrokerClient {
    // MARK: Jobs

    /// Everything the broker knows of a job.
    public func job(_ id: JobID) async throws -> JobDetail {
        let body = try await send(.jobShow, isRepeatable: true) {
            JobShowRequest.write(correlation: 0, id: id, into: &$0)
        }
        let reply = try read(body) { bytes throws(WireFault) in try JobShowReply(body: bytes) }
        return JobDetail(reply, payloadByteCountMax: configuration.payloadByteCountMax)
    }

    /// Jobs of a queue that are not done, in the order of their birth, page by page.
    ///
    /// - Parameters:
    ///   - state: nil: all.
    ///   - cursor: nil: the first page; else `next` of the page before.
    public func jobs(
        in queue: String, state: JobState? = nil, after cursor: JobCursor? = nil, limit: Int = 100
    ) async throws -> JobPage {
        try checkName(queue)
        guard (1...Limits.itemCountMax).contains(limit) else {
            throw BrokerClientError(
                .invalidArgument, "a page has 1 to \(Limits.itemCountMax) jobs")
        }
        let body = try await send(.jobList, isRepeatable: true) {
            JobListRequest.write(
                correlation: 0, queue: queue, state: state, limit: limit,
                after: cursor?.rawValue ?? 0, into: &$0)
        }
        let reply = try read(body) { bytes throws(WireFault) in try JobListReply(body: bytes) }
        return JobPage(
            jobs: reply.jobs.map(JobSummary.init), next: reply.next.map(JobCursor.init))
    }

    /// Removes jobs. One that is leased is taken from its worker.
    ///
    /// - Returns: results in the order of the ids.
    public func cancel(_ ids: [JobID]) async throws -> [LeaseResult] {
        try await sendIDs(.jobCancel, ids) { ids, buffer in
            JobCancelRequest.write(correlation: 0, ids: ids, into: &buffer)
        } read: { client, body, count throws(BrokerClientError) in
            try client.readResults(body, count: count)
        }
    }

    /// Puts dead jobs back, with the same ids.
    ///
    /// - Returns: results in the order of the ids.
    public func redrive(_ ids: [JobID]) async throws -> [LeaseResult] {
        try await sendIDs(.redrive, ids) { ids, buffer in
            RedriveRequest.write(correlation: 0, ids: ids, into: &buffer)
        } read: { client, body, count throws(BrokerClientError) in
            let reply = try client.read(body) { bytes throws(WireFault) in
                try RedriveReply(body: bytes)
            }
            guard reply.answers.count == count else {
                throw client.violation(
                    WireFault(.badRequest, "as many results as ids were expected"))
            }
            return reply.answers.map(LeaseResult.init)
        }
    }

    /// Puts the longest dead jobs of a queue back, with the same ids.
    ///
    /// - Parameter limit: jobs at most, 1 to 1,024.
    /// - Returns: how many were put back.
    public func redrive(from queue: String, limit: Int = 1_024) async throws -> Int {
        try checkName(queue)
        guard (1...Limits.itemCountMax).contains(limit) else {
            throw BrokerClientError(
                .invalidArgument, "1 to \(Limits.itemCountMax) jobs are put back at a time")
        }
        let body = try await send(.redrive, isRepeatable: false) {
            RedriveRequest.write(correlation: 0, queue: queue, limit: limit, into: &$0)
        }
        return try read(body) { bytes throws(WireFault) in try RedriveReply(body: bytes) }
            .redrivenCount
    }

    private func sendIDs(
        _ kind: RequestKind, _ ids: [JobID],
        _ write: ([JobID], inout ByteBuffer) -> Void,
        read: (BrokerClient, ByteBuffer, Int) throws(BrokerClientError) -> [LeaseResult]
    ) async throws -> [LeaseResult] {
        guard !ids.isEmpty else { return [] }
        let itemCountMax = ids.count == 1 ? 1 : try await limits().itemCountMax
        var results: [LeaseResult] = []
        for start in stride(from: 0, to: ids.count, by: itemCountMax) {
            let slice = Array(ids[start..<min(start + itemCountMax, ids.count)])
            let body = try await send(kind, isRepeatable: false) { write(slice, &$0) }
            results += try read(self, body, slice.count)
        }
        return results
    }

    // MARK: Queues

    /// Creates a queue.
    ///
    /// - Returns: false where there was one already, with the same policy.
    /// - Throws: refused `queueExists` where there is one with another policy.
    @discardableResult
    public func createQueue(
        _ name: String, policy: QueuePolicy = .standard
    ) async throws -> Bool {
        try checkName(name)
        let body = try await send(.queueCreate, isRepeatable: true) {
            QueuePolicyRequest.write(
                .queueCreate, correlation: 0, queue: name, policy: policy, into: &$0)
        }
        return try !read(body) { bytes throws(WireFault) in try QueueCreateReply(body: bytes) }
            .isDuplicate
    }

    /// Replaces the policy of a queue. Leases that were given keep their duration.
    public func setPolicy(_ policy: QueuePolicy, of name: String) async throws {
        try checkName(name)
        let body = try await send(.queueSet, isRepeatable: true) {
            QueuePolicyRequest.write(
                .queueSet, correlation: 0, queue: name, policy: policy, into: &$0)
        }
        try readNothing(body)
    }

    /// Deletes a queue that has no jobs.
    public func deleteQueue(_ name: String) async throws {
        try checkName(name)
        let body = try await send(.queueDelete, isRepeatable: false) {
            QueueNameRequest.write(.queueDelete, correlation: 0, queue: name, into: &$0)
        }
        try readNothing(body)
    }

    public func queue(_ name: String) async throws -> QueueSummary {
        try checkName(name)
        let body = try await send(.queueShow, isRepeatable: true) {
            QueueNameRequest.write(.queueShow, correlation: 0, queue: name, into: &$0)
        }
        return QueueSummary(
            try read(body) { bytes throws(WireFault) in try QueueReport(body: bytes) })
    }

    /// All queues, in the order of their names' bytes.
    public func queues() async throws -> [QueueSummary] {
        var queues: [QueueSummary] = []
        let limit = try await limits().itemCountMax
        while true {
            let after = queues.last?.name
            let body = try await send(.queueList, isRepeatable: true) {
                QueueListRequest.write(correlation: 0, limit: limit, after: after, into: &$0)
            }
            let page = try read(body) { bytes throws(WireFault) in try QueueListReply(body: bytes)
            }
            queues += page.queues.map(QueueSummary.init)
            // A page without an end would be asked for again and again.
            if !page.hasMore || page.queues.isEmpty { return queues }
        }
    }

    // MARK: The broker

    /// What the broker says of itself.
    public func status() async throws -> [StatusEntry] {
        let body = try await send(.status, isRepeatable: true) {
            EmptyFrame.write(.status, correlation: 0, into: &$0)
        }
        return try read(body) { bytes throws(WireFault) in try StatusReply(body: bytes) }
            .entries.map(StatusEntry.init)
    }

    /// Returns when the broker has answered.
    public func ping() async throws {
        let body = try await send(.ping, isRepeatable: true) {
            EmptyFrame.write(.ping, correlation: 0, into: &$0)
        }
        try readNothing(body)
    }

    private func readNothing(_ body: ByteBuffer) throws(BrokerClientError) {
        try read(body) { bytes throws(WireFault) in try EmptyFrame.check(bytes) }
    }
}
