package import HoldfastModel

package struct TestJob {
    package var payload: [UInt8]
    package var priority: UInt8 = 0
    /// 0: the queue's.
    package var attemptCountMax: UInt32 = 0
    package var delayMilliseconds: UInt64 = 0

    package init(_ text: String, delayMilliseconds: UInt64 = 0, attemptCountMax: UInt32 = 0) {
        payload = Array(text.utf8)
        self.delayMilliseconds = delayMilliseconds
        self.attemptCountMax = attemptCountMax
    }
}

package struct TestDelivery: Sendable {
    package var token: LeaseToken
    package var id: JobID
    package var priority: UInt8
    package var attempt: UInt32
    package var interruptions: UInt32
    package var timeouts: UInt32
    package var releases: UInt32
    package var durationMilliseconds: UInt32
    package var checkpoint: [UInt8]
    package var payload: [UInt8]

    package var text: String { String(decoding: payload, as: UTF8.self) }
}

package struct TestResult: Equatable {
    /// nil: done.
    package var refusal: RefusalCode?
    package var isLate = false
    package var isDuplicate = false
    package var mustStop = false
    package var remainingMilliseconds: UInt32 = 0

    package static let done = TestResult()

    package init(
        refusal: RefusalCode? = nil, isLate: Bool = false, isDuplicate: Bool = false,
        mustStop: Bool = false, remainingMilliseconds: UInt32 = 0
    ) {
        self.refusal = refusal
        self.isLate = isLate
        self.isDuplicate = isDuplicate
        self.mustStop = mustStop
        self.remainingMilliseconds = remainingMilliseconds
    }
}

package struct TestReport {
    package var id: JobID
    package var state: JobState
    package var version: UInt32
    package var attempts: UInt32
    package var releases: UInt32
}

package struct TestQueueCounts: Equatable {
    package var ready: UInt64
    package var delayed: UInt64
    package var leased: UInt64
    package var dead: UInt64

    package init(ready: UInt64, delayed: UInt64, leased: UInt64, dead: UInt64) {
        self.ready = ready
        self.delayed = delayed
        self.leased = leased
        self.dead = dead
    }
}

// The requests, laid out by hand after docs/protocol.md.
extension TestConnection {
    package static let ownDuration = UInt32.max

    package static func enqueueBody(_ queue: String, _ jobs: [TestJob], sequence: UInt64) -> [UInt8]
    {
        BodyWriter.body { body in
            body.integer(sequence)
            body.integer(UInt32(jobs.count))
            body.text8(queue)
            for job in jobs {
                body.integer(UInt32(8 + job.payload.count))
                body.integer(UInt16(0))
                body.integer(job.priority)
                body.integer(UInt8(0))
                body.integer(job.attemptCountMax)
                body.integer(job.delayMilliseconds)
                // The content: no codec, no kind, no headers.
                body.integer(UInt32(0))
                body.integer(UInt32(job.payload.count))
                body.raw(job.payload)
            }
        }
    }

    package static func enqueueReply(
        _ reply: BodyReader
    ) throws -> (ids: [JobID], isDuplicate: Bool) {
        var reply = reply
        let flags = try reply.integer(UInt8.self)
        _ = try reply.raw(3)
        let ids = try (0..<reply.integer(UInt32.self)).map { _ in try reply.id() }
        try reply.end()
        return (ids, flags & 1 != 0)
    }

    @discardableResult
    package func enqueue(
        _ queue: String, _ jobs: [TestJob], sequence: UInt64 = 0
    ) throws -> (ids: [JobID], isDuplicate: Bool) {
        try Self.enqueueReply(try ask(0x10, Self.enqueueBody(queue, jobs, sequence: sequence)))
    }

    package func sendLease(
        _ queue: String, count: Int = 1, waitMilliseconds: UInt32 = 0,
        durationMilliseconds: UInt32 = ownDuration
    ) throws -> UInt32 {
        try send(
            0x11,
            BodyWriter.body {
                $0.integer(UInt32(count))
                $0.integer(waitMilliseconds)
                $0.integer(durationMilliseconds)
                $0.text8(queue)
            })
    }

    package func lease(
        _ queue: String, count: Int = 1, waitMilliseconds: UInt32 = 0,
        durationMilliseconds: UInt32 = ownDuration
    ) throws -> [TestDelivery] {
        try deliveries(
            to: try sendLease(
                queue, count: count, waitMilliseconds: waitMilliseconds,
                durationMilliseconds: durationMilliseconds))
    }

    package func deliveries(to correlation: UInt32) throws -> [TestDelivery] {
        var reply = try reply(to: correlation)
        let deliveries = try Self.deliveries(&reply)
        try reply.end()
        return deliveries
    }

    private static func deliveries(_ reply: inout BodyReader) throws -> [TestDelivery] {
        try (0..<reply.integer(UInt32.self)).map { _ in
            let token = try reply.token()
            let id = JobID(lsn: token.lsn, check: try reply.integer())
            let priority = try reply.integer(UInt8.self)
            _ = try reply.raw(1)
            let attempt = try reply.integer(UInt32.self)
            let interruptions = try reply.integer(UInt32.self)
            let timeouts = try reply.integer(UInt32.self)
            let releases = try reply.integer(UInt32.self)
            _ = try reply.integer(Int64.self)
            let duration = try reply.integer(UInt32.self)
            let checkpointLength = Int(try reply.integer(UInt16.self))
            _ = try reply.raw(2)
            let contentLength = Int(try reply.integer(UInt32.self))
            let checkpoint = try reply.raw(checkpointLength)
            let content = try reply.raw(contentLength)
            return TestDelivery(
                token: token, id: id, priority: priority, attempt: attempt,
                interruptions: interruptions, timeouts: timeouts, releases: releases,
                durationMilliseconds: duration, checkpoint: checkpoint,
                payload: Array(content.dropFirst(8)))
        }
    }

    // MARK: Verbs on leases

    private static func results(_ reply: inout BodyReader) throws -> [TestResult] {
        try (0..<reply.integer(UInt32.self)).map { _ in
            let code = try reply.integer(UInt16.self)
            let flags = try reply.integer(UInt8.self)
            _ = try reply.raw(1)
            guard code == 0 || RefusalCode(rawValue: code) != nil else {
                throw TestFault("refusal \(code) is not in the protocol")
            }
            return TestResult(
                refusal: RefusalCode(rawValue: code), isLate: flags & 1 != 0,
                isDuplicate: flags & 2 != 0, mustStop: flags & 4 != 0,
                remainingMilliseconds: try reply.integer())
        }
    }

    private func settle(_ kind: UInt8, _ body: [UInt8]) throws -> [TestResult] {
        var reply = try ask(kind, body)
        let results = try Self.results(&reply)
        try reply.end()
        return results
    }

    private static func body(
        _ tokens: [LeaseToken], _ writeOptions: (inout BodyWriter) -> Void = { _ in }
    ) -> [UInt8] {
        BodyWriter.body { body in
            body.integer(UInt32(tokens.count))
            writeOptions(&body)
            for token in tokens { body.token(token) }
        }
    }

    package func ack(_ tokens: [LeaseToken]) throws -> [TestResult] {
        try settle(0x12, Self.body(tokens))
    }

    package func ackAndLease(
        _ tokens: [LeaseToken], _ queue: String, count: Int, waitMilliseconds: UInt32,
        durationMilliseconds: UInt32 = ownDuration
    ) throws -> (results: [TestResult], deliveries: [TestDelivery]) {
        var reply = try ask(
            0x13,
            Self.body(tokens) {
                $0.integer(UInt32(count))
                $0.integer(waitMilliseconds)
                $0.integer(durationMilliseconds)
                $0.text8(queue)
            })
        let results = try Self.results(&reply)
        let deliveries = try Self.deliveries(&reply)
        try reply.end()
        return (results, deliveries)
    }

    package func nack(
        _ tokens: [LeaseToken], delayMilliseconds: UInt64 = .max, error: String = "failed"
    ) throws -> [TestResult] {
        try settle(
            0x14,
            Self.body(tokens) {
                $0.integer(delayMilliseconds)
                $0.text16(error)
            })
    }

    package func release(_ tokens: [LeaseToken]) throws -> [TestResult] {
        try settle(0x15, Self.body(tokens))
    }

    package func reject(_ tokens: [LeaseToken], reason: String = "never") throws -> [TestResult] {
        try settle(0x16, Self.body(tokens) { $0.text16(reason) })
    }

    package func extend(_ tokens: [LeaseToken], durationMilliseconds: UInt32) throws -> [TestResult]
    {
        try settle(0x17, Self.body(tokens) { $0.integer(durationMilliseconds) })
    }

    package func heartbeat(
        _ tokens: [LeaseToken], checkpoint: [UInt8]? = nil,
        durationMilliseconds: UInt32 = ownDuration
    ) throws -> [TestResult] {
        try settle(
            0x18,
            BodyWriter.body { body in
                body.integer(UInt32(tokens.count))
                body.integer(durationMilliseconds)
                for token in tokens {
                    body.token(token)
                    body.integer(UInt8(checkpoint == nil ? 0 : 1))
                    body.integer(UInt8(0))
                    body.integer(UInt16(checkpoint?.count ?? 0))
                    body.raw(checkpoint ?? [])
                }
            })
    }

    // MARK: Jobs and queues

    private static func report(_ reply: inout BodyReader) throws -> TestReport {
        let id = try reply.id()
        let stateNumber = try reply.integer(UInt8.self)
        guard let state = JobState(rawValue: stateNumber) else {
            throw TestFault("state \(stateNumber) is not in the protocol")
        }
        _ = try reply.raw(1)
        let version = try reply.integer(UInt32.self)
        let attempts = try reply.integer(UInt32.self)
        _ = try reply.raw(8)
        let releases = try reply.integer(UInt32.self)
        _ = try reply.raw(16)
        _ = try reply.text8()
        return TestReport(
            id: id, state: state, version: version, attempts: attempts, releases: releases)
    }

    package func show(_ id: JobID) throws -> TestReport {
        var reply = try ask(0x20, BodyWriter.body { $0.id(id) })
        return try Self.report(&reply)
    }

    package func cancel(_ ids: [JobID]) throws -> [TestResult] {
        try settle(
            0x22,
            BodyWriter.body { body in
                body.integer(UInt32(ids.count))
                for id in ids { body.id(id) }
            })
    }

    /// All jobs of a queue that are not done.
    package func jobs(in queue: String) throws -> [TestReport] {
        var reports: [TestReport] = []
        var cursor: UInt64 = 0
        repeat {
            var reply = try ask(
                0x21,
                BodyWriter.body {
                    $0.raw([0, 0, 0, 0])
                    $0.integer(UInt32(1_000))
                    $0.integer(cursor)
                    $0.text8(queue)
                })
            cursor = try reply.integer()
            for _ in 0..<(try reply.integer(UInt32.self)) {
                reports.append(try Self.report(&reply))
            }
            try reply.end()
        } while cursor != 0
        return reports
    }

    package func createQueue(_ queue: String, _ policy: QueuePolicy) throws {
        _ = try ask(
            0x30,
            BodyWriter.body {
                $0.policy(policy)
                $0.text8(queue)
            })
    }

    package func counts(of queue: String) throws -> TestQueueCounts {
        var reply = try ask(0x34, BodyWriter.body { $0.text8(queue) })
        _ = try reply.raw(28)
        return TestQueueCounts(
            ready: try reply.integer(), delayed: try reply.integer(),
            leased: try reply.integer(), dead: try reply.integer())
    }

    package func ping() throws {
        try ask(0x02).end()
    }
}
