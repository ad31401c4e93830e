import HoldfastModel
import HoldfastProtocol
import Testing

/// What is written is what is read, for every frame. The words are those of `decode`.
@Suite struct RoundTripTests {
    private static let first = "\(Samples.token)"
    private static let both = "\([Samples.token, Samples.otherToken])"

    static let requests: [String: String] = [
        "hello": "hello producer docs",
        "ping": "ping", "goodbye": "goodbye", "status": "status",
        "enqueue": #"enqueue 1 images [5 3 1500 resize lang=de {"w":1}]"#,
        "enqueue-three": "enqueue 18446744073709551615 images"
            + String(repeating: #" [5 3 1500 resize lang=de {"w":1}]"#, count: 3),
        "lease": "lease 2 30000 0 images",
        "ack": "ack [\(first)]",
        "ack-lease": "ackLease [\(first)] 1 0 60000 images",
        "nack": "nack 5000 oops [\(first)]",
        "release": "release \(both)",
        "reject": "reject no such file \(both)",
        "extend": "extend 90000 \(both)",
        "heartbeat": "heartbeat 0 \(first):[112, 50]",
        "heartbeat-two": "heartbeat 5000 \(first):- \(Samples.otherToken):[]",
        "cancel-wait": "cancelWait 3",
        "job-show": "jobShow \(Samples.id)",
        "job-list": "jobList dead 10 41 images",
        "job-cancel": "jobCancel \([Samples.id, Samples.otherID])",
        "redrive-jobs": "redrive \([Samples.id, Samples.otherID])",
        "redrive-queue": "redrive images 100",
        "queue-create": "queueCreate \(Samples.policy) images",
        "queue-set": "queueSet \(Samples.policy) images",
        "queue-delete": "queueDelete images",
        "queue-show": "queueShow bücher",
        "queue-list": "queueList 5 a",
    ]

    @Test("a request is read as it was written", arguments: requests.keys.sorted())
    func request(name: String) throws {
        #expect(try decode(#require(Samples.all[name])) == Self.requests[name])
    }

    @Test("every kind of request is among the samples")
    func everyKind() {
        let kinds = Set(Samples.all.values.map { $0[4] })
        for kind in RequestKind.allCases { #expect(kinds.contains(kind.rawValue)) }
    }

    private func body(_ name: String) throws -> [UInt8] {
        Array(try #require(Samples.all[name])[FrameFormat.headerByteCount...])
    }

    @Test("a greeting's answer")
    func hello() throws {
        let reply = try body("hello-reply").withUnsafeBytes { try HelloReply(body: $0) }
        #expect(reply == Samples.hello)
        #expect(reply.limits == AnnouncedLimits())
    }

    @Test("limits that a later broker adds are skipped")
    func laterLimits() throws {
        var bytes = try body("hello-reply")
        bytes[36] += 1
        bytes.insert(contentsOf: [1, 2, 3, 4], at: 38 + 17 * 4)
        let reply = try bytes.withUnsafeBytes { try HelloReply(body: $0) }
        #expect(reply == Samples.hello)
    }

    @Test("an enqueue's answer has the store's ids")
    func enqueue() throws {
        let reply = try body("enqueue-duplicate-reply").withUnsafeBytes {
            try EnqueueReply(body: $0)
        }
        let key = StoreKey(low: 1, high: 2)
        #expect(reply.isDuplicate)
        #expect(reply.ids == [key.jobID(42), key.jobID(43), key.jobID(44)])
    }

    @Test("leased jobs")
    func lease() throws {
        let bytes = try body("ack-lease-jobs-reply")
        try bytes.withUnsafeBytes { bytes in
            let reply = try LeaseReply(to: .ackLease, body: bytes)
            #expect(reply.answers == Samples.answers)
            #expect(reply.count == 2)
            reply.forEachJob { job in
                #expect(job.token == Samples.token)
                #expect(job.id == Samples.id)
                #expect(job.priority == 5 && job.attempt == 1)
                #expect(job.enqueuedMilliseconds == Samples.hello.brokerMilliseconds)
                #expect(job.durationMilliseconds == 30_000)
                #expect(Array(job.checkpoint) == Array("p1".utf8))
                #expect(Array(job.content) == Samples.content)
            }
        }
    }

    @Test("results, reports and refusals")
    func reports() throws {
        #expect(
            try body("nack-reply").withUnsafeBytes { try ItemsReply(body: $0).answers }
                == Samples.answers)
        #expect(
            try body("queue-show-reply").withUnsafeBytes { try QueueReport(body: $0) }
                == Samples.queue)
        let queues = try body("queue-list-reply").withUnsafeBytes { try QueueListReply(body: $0) }
        #expect(queues.hasMore && queues.queues.map(\.name) == ["images", "z"])
        #expect(queues.queues[1].oldestReadyMilliseconds == nil)
        let job = try body("job-show-reply").withUnsafeBytes { try JobShowReply(body: $0) }
        #expect(job.report == Samples.report && job.content == Samples.content)
        #expect(job.checkpoint == [1, 2, 3] && job.lastError == "oops" && job.queue == "images")
        let jobs = try body("job-list-reply").withUnsafeBytes { try JobListReply(body: $0) }
        #expect(jobs.next == 43 && jobs.jobs.map(\.id) == [Samples.id, Samples.otherID])
        let redrive = try body("redrive-reply").withUnsafeBytes { try RedriveReply(body: $0) }
        #expect(redrive.redrivenCount == 2 && redrive.answers == Samples.answers)
        let status = try body("status-reply").withUnsafeBytes { try StatusReply(body: $0) }
        #expect(
            status.entries == [
                .init("version", .text("0.1.0")), .init("segments", .number(12)),
            ])
        let refusal = try body("refusal").withUnsafeBytes { try RefusalReply(body: $0) }
        #expect(
            refusal == RefusalReply(code: .unknownQueue, message: #"there is no queue "image"."#))
    }

    @Test("several frames in one buffer are told apart")
    func sequence() throws {
        let names = Samples.all.keys.sorted()
        var bytes = names.flatMap { Samples.all[$0] ?? [] }[...]
        for name in names {
            let header = try #require(
                try bytes.withUnsafeBytes {
                    try FrameHeader.parse($0, lengthMax: AnnouncedLimits().frameByteCountMax)
                })
            #expect(Array(bytes.prefix(header.frameByteCount)) == Samples.all[name])
            bytes = bytes.dropFirst(header.frameByteCount)
        }
        #expect(bytes.isEmpty)
    }
}
