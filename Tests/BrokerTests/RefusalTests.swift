internal import HoldfastModel
internal import HoldfastProtocol
internal import NIOCore
internal import NIOEmbedded
internal import Testing

/// Every refusal that a broker can give over a connection, and that it has had no effect.
@Suite struct RefusalTests {
    private func code(
        _ client: RigClient, _ encode: (UInt32, inout ByteBuffer) -> Void
    ) throws -> RefusalCode? {
        try client.ask(encode).refusal?.code
    }

    private func frame(
        kind: UInt8, flags: UInt8 = 0, body: [UInt8] = []
    ) -> (
        UInt32, inout ByteBuffer
    ) -> Void {
        { correlation, buffer in
            buffer.writeInteger(UInt32(8 + body.count), endianness: .little)
            buffer.writeMultipleIntegers(kind, flags, UInt16(0), correlation, endianness: .little)
            buffer.writeBytes(body)
        }
    }

    @Test("bad_request: another first frame than a greeting, and a second greeting")
    func greeting() throws {
        let rig = try BrokerRig()
        let early = try rig.connect(greets: false)
        #expect(try code(early, frame(kind: RequestKind.ping.rawValue)) == .badRequest)
        #expect(!early.channel.isActive)
        let twice = try rig.connect()
        #expect(
            try code(twice) {
                HelloRequest.write(correlation: $0, producer: nil, clientName: "", into: &$1)
            } == .badRequest)
        #expect(!twice.channel.isActive)
    }

    @Test("unsupported_version, and the connection is closed")
    func version() throws {
        let client = try BrokerRig().connect(greets: false)
        #expect(
            try code(client) {
                HelloRequest.write(
                    correlation: $0, oldestVersion: 900, newestVersion: 901, producer: nil,
                    clientName: "", into: &$1)
            } == .unsupportedVersion)
        #expect(!client.channel.isActive)
    }

    @Test("unknown_request leaves the connection open, reserved flags do not")
    func unknown() throws {
        let client = try BrokerRig().connect()
        #expect(try code(client, frame(kind: 0x7E)) == .unknownRequest)
        #expect(client.channel.isActive)
        #expect(try code(client, frame(kind: 0x02, flags: 1)) == .badRequest)
        #expect(!client.channel.isActive)
    }

    @Test("frame_too_large is said as soon as the length is there")
    func oversize() throws {
        let rig = try BrokerRig()
        let client = try rig.connect()
        client.send { $0.writeInteger(UInt32.max, endianness: .little) }
        rig.run()
        let refused = try #require(client.replies().first)
        #expect(refused.refusal?.code == .frameTooLarge)
        #expect(refused.correlation == 0)
        #expect(!client.channel.isActive)
    }

    @Test("frames cut anywhere are put together")
    func split() throws {
        let rig = try BrokerRig()
        let client = try rig.connect()
        var bytes = ByteBuffer()
        RigClient.enqueue(["one"], to: "q")(7, &bytes)
        RigClient.lease("q")(8, &bytes)
        while let byte = bytes.readSlice(length: 1) {
            client.send { $0.writeImmutableBuffer(byte) }
        }
        rig.run()
        #expect(client.replies().map(\.correlation) == [7, 8])
    }

    @Test("payload_too_large, bad_name, bad_argument, too_many_items: nothing was enqueued")
    func enqueue() throws {
        let client = try BrokerRig().connect()
        let large = String(repeating: "x", count: 200_000)
        #expect(
            try code(client, RigClient.enqueue(["fine", large], to: "q")) == .payloadTooLarge)
        #expect(try code(client, RigClient.enqueue(["a"], to: "")) == .badName)
        #expect(try code(client, RigClient.enqueue(["a"], to: "a\nb")) == .badName)
        #expect(try code(client, RigClient.enqueue(["a"], to: "q", priority: 16)) == .badArgument)
        #expect(
            try code(client, RigClient.enqueue(["a"], to: "q", delayMilliseconds: .max))
                == .badArgument)
        #expect(
            try code(
                client, RigClient.enqueue(Array(repeating: "a", count: 1_025), to: "q"))
                == .tooManyItems)
        // "Any refused request has had no effect": the queue does not even exist.
        #expect(try code(client, RigClient.lease("q")) == .unknownQueue)
    }

    @Test("bad_argument: a sequence without a producer, a lease shorter than a second")
    func arguments() throws {
        let client = try BrokerRig().connect()
        #expect(try code(client, RigClient.enqueue(["a"], to: "q", sequence: 1)) == .badArgument)
        _ = try client.ask(RigClient.enqueue(["a"], to: "q"))
        #expect(try code(client, RigClient.lease("q", duration: 999)) == .badArgument)
        #expect(
            try code(client) {
                LeaseRequest.write(
                    correlation: $0, order: LeaseOrder(count: 0), queue: "q", into: &$1)
            } == .badArgument)
    }

    @Test("sequence_expired: an enqueue older than what is remembered is not done again")
    func sequence() throws {
        let client = try BrokerRig().connect(producer: 5)
        for sequence: UInt64 in 1...1_100 {
            _ = try client.ask(RigClient.enqueue(["a"], to: "q", sequence: sequence))
        }
        #expect(
            try code(client, RigClient.enqueue(["a"], to: "q", sequence: 1)) == .sequenceExpired)
        #expect(
            try client.ask(RigClient.enqueue(["a"], to: "q", sequence: 1_000)).enqueued?
                .isDuplicate == true)
    }

    @Test("too_many_requests counts what is unanswered, and the connection goes on")
    func inFlight() throws {
        let rig = try BrokerRig()
        let client = try rig.connect()
        for correlation: UInt32 in 0..<1_030 {
            client.send { frame(kind: RequestKind.ping.rawValue)(correlation, &$0) }
        }
        rig.run()
        let replies = client.replies()
        #expect(replies.count == 1_030)
        #expect(replies.count { $0.refusal?.code == .tooManyRequests } == 6)
        #expect(try client.ask(frame(kind: RequestKind.ping.rawValue)).refusal == nil)
    }

    @Test("tokens and ids: unknown_lease, lease_lost, unknown_job, already_done, wrong_state")
    func items() throws {
        let rig = try BrokerRig()
        let client = try rig.connect()
        let ids = try #require(
            try client.ask(RigClient.enqueue(["a", "b"], to: "q")).enqueued?.ids)
        let jobs = try client.ask(RigClient.lease("q", count: 2, duration: 1_000)).jobs
        let foreign = LeaseToken(
            lsn: jobs[0].token.lsn, version: jobs[0].token.version, check: jobs[0].token.check ^ 1)
        #expect(
            try client.ask(RigClient.ack([foreign, jobs[0].token])).items
                == [ItemAnswer(refusal: .unknownLease), ItemAnswer()])
        #expect(
            try client.ask { JobCancelRequest.write(correlation: $0, ids: [ids[0]], into: &$1) }
                .items == [ItemAnswer(refusal: .alreadyDone)])
        rig.pass(milliseconds: 1_020)
        let again = try #require(try client.ask(RigClient.lease("q")).jobs.first)
        #expect(
            try client.ask(RigClient.ack([jobs[1].token])).items
                == [ItemAnswer(refusal: .leaseLost)])
        #expect(
            try client.ask { RedriveRequest.write(correlation: $0, ids: [again.id], into: &$1) }
                .refusal == nil)
        let madeUp = JobID(lsn: ids[0].lsn, check: ids[0].check ^ 1)
        #expect(
            try code(client) { JobShowRequest.write(correlation: $0, id: madeUp, into: &$1) }
                == .unknownJob)
    }

    @Test("queues: queue_exists, queue_not_empty, unknown_queue, and a policy out of its bounds")
    func queues() throws {
        let client = try BrokerRig().connect()
        func create(
            _ policy: QueuePolicy, _ kind: RequestKind = .queueCreate
        ) -> (UInt32, inout ByteBuffer) -> Void {
            {
                QueuePolicyRequest.write(
                    kind, correlation: $0, queue: "q", policy: policy, into: &$1)
            }
        }
        #expect(try code(client, create(.standard, .queueSet)) == .unknownQueue)
        #expect(try code(client, create(QueuePolicy(attemptCountMax: 0))) == .badArgument)
        #expect(try code(client, create(.standard)) == nil)
        #expect(try code(client, create(.standard)) == nil)
        #expect(try code(client, create(QueuePolicy(attemptCountMax: 3))) == .queueExists)
        _ = try client.ask(RigClient.enqueue(["a"], to: "q"))
        func delete(_ correlation: UInt32, _ buffer: inout ByteBuffer) {
            QueueNameRequest.write(
                .queueDelete, correlation: correlation, queue: "q", into: &buffer)
        }
        #expect(try code(client, delete) == .queueNotEmpty)
        let job = try #require(try client.ask(RigClient.lease("q")).jobs.first)
        _ = try client.ask(RigClient.ack([job.token]))
        #expect(try code(client, delete) == nil)
        #expect(try code(client, delete) == .unknownQueue)
    }
}
