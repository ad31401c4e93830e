public import HoldfastModel
internal import HoldfastProtocol
internal import NIOCore
internal import Synchronization

extension BrokerClient {
    /// Enqueues a job of a kind; its parameters are encoded as JSON. The first enqueue into a queue
    /// creates it. When this returns, the job survives any crash of the broker.
    @discardableResult
    public func enqueue<Parameters: JobParameters>(
        _ parameters: Parameters, to queue: String, options: EnqueueOptions = EnqueueOptions()
    ) async throws -> JobID {
        try await enqueue(NewJob(parameters, options: options), to: queue)
    }

    /// Enqueues a job whose payload is any bytes.
    @discardableResult
    public func enqueue(_ job: NewJob, to queue: String) async throws -> JobID {
        let ids = try await enqueue([job], to: queue)
        return ids[0]
    }

    /// Enqueues many jobs, in this order.
    ///
    /// Sent in as few requests as the broker takes them in; each request is executed as a whole or
    /// not at all. Where one fails, those before it have been executed.
    ///
    /// - Returns: the ids, in the order of the jobs.
    public func enqueue(_ jobs: [NewJob], to queue: String) async throws -> [JobID] {
        try checkName(queue)
        guard !jobs.isEmpty else { return [] }
        let contents = try jobs.map {
            try $0.content(compressionThreshold: configuration.compressionThreshold)
        }
        let limits = jobs.count == 1 ? AnnouncedLimits() : try await limits()
        var ids: [JobID] = []
        ids.reserveCapacity(jobs.count)
        var start = 0
        while start < jobs.count {
            // What a frame holds beside its jobs is less than this.
            var byteCount = 512
            var end = start
            while end < jobs.count, end - start < limits.itemCountMax {
                byteCount += contents[end].count + 32
                if byteCount > limits.frameByteCountMax, end > start { break }
                end += 1
            }
            ids += try await enqueue(jobs[start..<end], contents[start..<end], to: queue)
            start = end
        }
        return ids
    }

    private func enqueue(
        _ jobs: ArraySlice<NewJob>, _ contents: ArraySlice<[UInt8]>, to queue: String
    ) async throws -> [JobID] {
        let byteCount = contents.reduce(512) { $0 + $1.count + 32 }
        let byteCountMax = core.announced.withLock { $0 ?? AnnouncedLimits() }.frameByteCountMax
        guard byteCount <= byteCountMax else {
            throw BrokerClientError(
                .refused,
                "a job with all it carries is at most \(byteCountMax) bytes, this one is "
                    + "\(byteCount)", refusal: .payloadTooLarge)
        }
        let body = try await send(.enqueue, isRepeatable: configuration.repeatsEnqueues) { buffer in
            buffer.reserveCapacity(minimumWritableBytes: byteCount)
            var writer = EnqueueWriter(correlation: 0, sequence: 0, queue: queue, into: &buffer)
            for (job, content) in zip(jobs, contents) {
                content.withUnsafeBytes {
                    writer.append(
                        priority: job.options.priority,
                        attemptCountMax: job.options.maximumAttempts ?? 0,
                        delayMilliseconds: UInt64(job.options.delay.milliseconds), content: $0,
                        into: &buffer)
                }
            }
            writer.finish(in: &buffer)
        }
        let reply = try read(body) { bytes throws(WireFault) in try EnqueueReply(body: bytes) }
        guard reply.ids.count == jobs.count else {
            throw violation(WireFault(.badRequest, "as many ids as jobs were expected"))
        }
        return reply.ids
    }
}
