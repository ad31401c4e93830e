import HoldfastClient
import HoldfastModel
import HoldfastProtocol
import NIOCore
import NIOPosix
import Testing

struct Greet: JobParameters, Equatable {
    static let kind = "greet"
    var name: String
}

@Suite(.timeLimit(.minutes(1))) struct BrokerClientTests {
    private let id = JobID(lsn: 42, check: 9)

    @Test("an enqueue whose answer was lost is repeated with the same producer and sequence")
    func repeatedEnqueue() async throws {
        let broker = try await FakeBroker.start(greets: false)
        let client = BrokerClient(broker.configuration)
        async let first = client.enqueue(Greet(name: "Ada"), to: "people")

        let hello = await broker.next()
        #expect(hello.kind == .hello)
        hello.greet()
        let lost = await broker.next()
        #expect(lost.kind == .enqueue && lost.connection == 1)
        lost.close()

        let secondHello = await broker.next()
        #expect(secondHello.body == hello.body, "the same producer")
        secondHello.greet()
        let repeated = await broker.next()
        #expect(repeated.connection == 2)
        #expect(repeated.body == lost.body, "the same sequence and content")
        repeated.accept(ids: [id])
        #expect(try await first == id)

        async let second = client.enqueue(Greet(name: "Bob"), to: "people")
        let next = await broker.next()
        #expect(sequence(of: lost) == 1 && sequence(of: next) == 2)
        next.accept(ids: [id])
        _ = try await second
        await goodbye(client, broker)
    }

    @Test("enqueues that wait for a connection are sent in their order")
    func order() async throws {
        let broker = try await FakeBroker.start(greets: false)
        let client = BrokerClient(broker.configuration)
        async let first = client.enqueue(NewJob(payload: [1]), to: "q")
        let hello = await broker.next()
        hello.greet()
        let one = await broker.next()
        async let second = client.enqueue(NewJob(payload: [2]), to: "q")
        let two = await broker.next()
        two.close()
        await broker.next().greet()
        let (again, andAgain) = (await broker.next(), await broker.next())
        #expect(again.body == one.body && andAgain.body == two.body)
        again.accept(ids: [id])
        andAgain.accept(ids: [id])
        _ = try await (first, second)
        await goodbye(client, broker)
    }

    @Test("an enqueue that is not repeatable carries neither producer nor sequence")
    func withoutRepeats() async throws {
        let broker = try await FakeBroker.start(greets: false)
        var configuration = broker.configuration
        configuration.repeatsEnqueues = false
        let client = BrokerClient(configuration)
        let enqueued = Task { try await client.enqueue(NewJob(payload: [1]), to: "q") }
        let hello = await broker.next()
        let producer = try hello.body.withUnsafeBytes { try HelloRequest(body: $0).producer }
        #expect(producer == nil)
        hello.greet()
        let request = await broker.next()
        #expect(sequence(of: request) == 0)
        request.close()
        let error = await #expect(throws: BrokerClientError.self) { try await enqueued.value }
        #expect(error?.code == .connectionLost)
    }

    @Test("a request that must not be repeated fails when the connection breaks")
    func connectionLost() async throws {
        let broker = try await FakeBroker.start()
        let client = BrokerClient(broker.configuration)
        let released = Task { try await client.release(FakeJob(lsn: 1).token) }
        let request = await broker.next()
        #expect(request.kind == .release)
        request.close()
        let error = await #expect(throws: BrokerClientError.self) { try await released.value }
        #expect(error?.code == .connectionLost)
        #expect(error?.isWorthRetrying == true)
    }

    @Test("an ack is repeated when the connection breaks")
    func repeatedAck() async throws {
        let broker = try await FakeBroker.start()
        let client = BrokerClient(broker.configuration)
        async let acked = client.ack(FakeJob(lsn: 1).token)
        let lost = await broker.next()
        lost.close()
        let repeated = await broker.next()
        #expect(repeated.kind == .ack && repeated.connection == 2 && repeated.body == lost.body)
        repeated.accept(ItemAnswer(isDuplicate: true))
        #expect(try await acked.isDuplicate)
        await goodbye(client, broker)
    }

    @Test("a stopping broker's refusal is answered by repeating on the next connection")
    func shuttingDown() async throws {
        let broker = try await FakeBroker.start()
        let client = BrokerClient(broker.configuration)
        async let enqueued = client.enqueue(NewJob(payload: [1]), to: "q")
        let refused = await broker.next()
        refused.refuse(.shuttingDown, "the broker is stopping")
        refused.close()
        let repeated = await broker.next()
        #expect(repeated.connection == 2 && repeated.body == refused.body)
        repeated.accept(ids: [id])
        #expect(try await enqueued == id)
        await goodbye(client, broker)
    }

    @Test("a refused request maps to an error")
    func refusal() async throws {
        let broker = try await FakeBroker.start()
        let client = BrokerClient(broker.configuration)
        let leased = Task { try await client.lease(from: "q") }
        await broker.next().refuse(.tooManyLeases, "too many", retryAfterMilliseconds: 250)
        let error = await #expect(throws: BrokerClientError.self) { try await leased.value }
        #expect(error?.code == .refused && error?.refusal == .tooManyLeases)
        #expect(error?.retryAfter == .milliseconds(250))
        #expect(error?.isWorthRetrying == true)
        #expect(error.map { "\($0)" } == "too many (too_many_leases)")

        let acked = Task { try await client.ack(FakeJob(lsn: 1).token) }
        await broker.next().accept(ItemAnswer(refusal: .leaseLost))
        let lost = await #expect(throws: BrokerClientError.self) { try await acked.value }
        #expect(lost?.refusal == .leaseLost && lost?.isWorthRetrying == false)
        await goodbye(client, broker)
    }

    @Test("a reply that cannot be read closes the connection", arguments: Garbage.allCases)
    func garbage(_ garbage: Garbage) async throws {
        let broker = try await FakeBroker.start()
        let client = BrokerClient(broker.configuration)
        let status = Task { try await client.release(FakeJob(lsn: 1).token) }
        let request = await broker.next()
        request.reply { correlation, buffer in
            switch garbage {
            case .noise: buffer.writeRepeatingByte(0xEE, count: 64)
            case .shortLength: buffer.writeInteger(UInt32(3), endianness: .little)
            case .unknownKind:
                buffer.writeMultipleIntegers(
                    UInt32(8), UInt8(0xBB), UInt8(0), UInt16(0), correlation, endianness: .little)
            case .otherKind:
                EmptyFrame.writeAnswer(to: .ping, correlation: correlation, into: &buffer)
            case .unasked:
                EmptyFrame.writeAnswer(to: .ping, correlation: correlation + 1, into: &buffer)
            case .shortBody:
                EmptyFrame.writeAnswer(to: .release, correlation: correlation, into: &buffer)
            case .tooFewResults:
                ItemsReply.write(
                    to: .release, correlation: correlation, answers: [], into: &buffer)
            }
        }
        let error = await #expect(throws: BrokerClientError.self) { try await status.value }
        #expect(error?.code == .protocolViolation)
        // The next request comes over another connection.
        async let pinged: Void = client.ping()
        let ping = await broker.next()
        #expect(ping.connection == 2)
        ping.accept()
        try await pinged
        await goodbye(client, broker)
    }

    enum Garbage: CaseIterable, Sendable {
        case noise, shortLength, unknownKind, otherKind, unasked, shortBody, tooFewResults
    }

    @Test("leased jobs are read to their last field")
    func lease() async throws {
        let broker = try await FakeBroker.start()
        let client = BrokerClient(broker.configuration)
        async let leased = client.lease(
            from: "people", count: 2, wait: .seconds(5), duration: .seconds(60))
        let request = await broker.next()
        #expect(
            request.order
                == LeaseOrder(count: 2, waitMilliseconds: 5_000, durationMilliseconds: 60_000))
        request.deliver(FakeJob(lsn: 42, checkpoint: [1, 2], attempt: 5))
        let jobs = try await leased
        let job = try #require(jobs.first)
        #expect(jobs.count == 1 && job.id == JobID(lsn: 42, check: 9))
        #expect(job.attempt == 5 && job.interruptions == 1 && job.timeouts == 2)
        #expect(job.releases == 4 && job.priority == 3 && job.checkpoint == [1, 2])
        #expect(job.leaseDuration == .seconds(30))
        #expect(job.enqueuedAtMilliseconds == 1_762_000_000_000)
        #expect(job.kind == "greet" && job.headers == [JobHeader("lang", "de")])
        #expect(try job.decode(Greet.self) == Greet(name: "Ada"))
        await goodbye(client, broker)
    }

    @Test("a lease of 0 is an error")
    func leaseOfZero() async throws {
        let client = BrokerClient(ClientConfiguration(address: BrokerAddress(port: 1)))
        let error = await #expect(throws: BrokerClientError.self) {
            try await client.lease(from: "q", duration: .zero)
        }
        #expect(error?.code == .invalidArgument)
    }

    @Test("a cancelled wait ends at the broker, and a job that still comes is given back")
    func cancelledWait() async throws {
        let broker = try await FakeBroker.start()
        let client = BrokerClient(broker.configuration)
        let waiting = Task { try await client.lease(from: "q", wait: .seconds(60)) }
        let lease = await broker.next()
        waiting.cancel()
        await #expect(throws: CancellationError.self) { try await waiting.value }
        let cancel = await broker.next()
        #expect(cancel.kind == .cancelWait)
        let cancelled = try cancel.body.withUnsafeBytes { try CancelWaitRequest(body: $0).waiting }
        #expect(cancelled == lease.correlation)
        let job = FakeJob(lsn: 5)
        lease.deliver(job)
        cancel.accept()
        let release = await broker.next()
        #expect(release.kind == .release && release.tokens == [job.token])
        release.accept(ItemAnswer())
        await goodbye(client, broker)
    }

    @Test("a cancelled task is not sent for")
    func cancelledBefore() async throws {
        let client = BrokerClient(ClientConfiguration(address: BrokerAddress(port: 1)))
        let task = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            try await client.ping()
        }
        await #expect(throws: CancellationError.self) { try await task.value }
    }

    @Test("a payload is compressed where that makes it smaller, and comes back whole")
    func compression() async throws {
        let broker = try await FakeBroker.start()
        let client = BrokerClient(broker.configuration)
        let payload = Array(repeating: UInt8(ascii: "a"), count: 100_000)
        async let enqueued = client.enqueue(
            NewJob(
                payload: payload, kind: "k",
                options: EnqueueOptions(
                    delay: .seconds(2), priority: 9, maximumAttempts: 4,
                    headers: [JobHeader("h", "v")])), to: "q")
        let request = await broker.next()
        let content = try request.body.withUnsafeBytes { body in
            var jobs = try EnqueueRequest(body: body, limits: AnnouncedLimits()).makeIterator()
            let first = jobs.next()
            let job = try #require(first)
            #expect(job.priority == 9 && job.attemptCountMax == 4)
            #expect(job.delayMilliseconds == 2_000)
            return Array(job.content)
        }
        #expect(content.count < 1_000)
        request.accept(ids: [id])
        _ = try await enqueued

        async let detail = client.job(id)
        await broker.next().reply {
            JobShowReply(
                report: JobReport(id: id, state: .delayed, stateMilliseconds: 77), queue: "q",
                content: content
            ).write(correlation: $0, into: &$1)
        }
        let job = try await detail
        #expect(try job.body?.payload == payload)
        #expect(job.summary.dueAtMilliseconds == 77 && job.summary.diedAtMilliseconds == nil)
        #expect(job.body?.header("h") == "v")
        await goodbye(client, broker)
    }

    @Test("a payload that claims to be longer than the client takes is an error, not memory")
    func bomb() async throws {
        let broker = try await FakeBroker.start()
        var configuration = broker.configuration
        configuration.payloadByteCountMax = 1_000
        let client = BrokerClient(configuration)
        async let detail = client.job(id)
        let content = [UInt8(0), 1].withUnsafeBytes {
            JobContent.bytes(
                kind: "".utf8, headers: [], payload: $0, codec: .lz4, rawByteCount: 1_001)
        }
        await broker.next().reply {
            JobShowReply(report: JobReport(id: id, state: .ready), queue: "q", content: content)
                .write(correlation: $0, into: &$1)
        }
        let job = try await detail
        let error = #expect(throws: BrokerClientError.self) { try job.body?.payload }
        #expect(error?.code == .payloadUnreadable)
        await goodbye(client, broker)
    }

    @Test("a job that no frame has room for is refused before it is sent")
    func tooLarge() async throws {
        let client = BrokerClient(ClientConfiguration(address: BrokerAddress(port: 1)))
        var random = SystemRandomNumberGenerator()
        let noise = (0..<1 << 17).flatMap { _ in
            withUnsafeBytes(of: random.next()) { Array($0) }
        }
        let error = await #expect(throws: BrokerClientError.self) {
            try await client.enqueue(NewJob(payload: noise), to: "q")
        }
        #expect(error?.refusal == .payloadTooLarge)
    }

    @Test("many jobs are sent in as few requests as the broker takes them in")
    func many() async throws {
        var limits = AnnouncedLimits()
        limits.itemCountMax = 3
        let broker = try await FakeBroker.start(limits: limits)
        let client = BrokerClient(broker.configuration)
        let jobs = (0..<7).map { NewJob(payload: [UInt8($0)]) }
        async let ids = client.enqueue(jobs, to: "q")
        // The limits are not known before the first answer.
        let ping = await broker.next()
        #expect(ping.kind == .ping)
        ping.accept()
        for (first, count) in [(0, 3), (3, 3), (6, 1)] {
            let request = await broker.next()
            let requested = try request.body.withUnsafeBytes {
                try EnqueueRequest(body: $0, limits: limits).count
            }
            #expect(requested == count)
            request.accept(ids: (first..<first + count).map { JobID(lsn: UInt64($0), check: 0) })
        }
        #expect(try await ids.map(\.lsn) == Array(0..<7))
        await goodbye(client, broker)
    }

    @Test("queues are listed page by page")
    func queues() async throws {
        let broker = try await FakeBroker.start()
        let client = BrokerClient(broker.configuration)
        async let queues = client.queues()
        await broker.next().accept()
        let first = await broker.next()
        first.reply {
            QueueListReply(hasMore: true, queues: [QueueReport(name: "a", policy: .standard)])
                .write(correlation: $0, into: &$1)
        }
        let second = await broker.next()
        let after = try second.body.withUnsafeBytes {
            try QueueListRequest(body: $0, limits: AnnouncedLimits()).after
        }
        #expect(after == "a")
        second.reply {
            QueueListReply(
                hasMore: false,
                queues: [QueueReport(name: "b", policy: .standard, oldestReadyMilliseconds: 5)]
            ).write(correlation: $0, into: &$1)
        }
        let listed = try await queues
        #expect(listed.map(\.name) == ["a", "b"])
        #expect(listed.map(\.oldestReadyAge) == [nil, .milliseconds(5)])
        await goodbye(client, broker)
    }

    @Test("a client that fails fast says that nobody answers")
    func unreachable() async throws {
        let broker = try await FakeBroker.start()
        var configuration = broker.configuration
        configuration.failsFast = true
        try await broker.stop()
        let client = BrokerClient(configuration)
        let error = await #expect(throws: BrokerClientError.self) { try await client.ping() }
        #expect(error?.code == .unreachable)
        #expect(error?.message.contains("127.0.0.1:\(configuration.address.port)") == true)
    }

    @Test("a patient client waits for its broker")
    func patient() async throws {
        let first = try await FakeBroker.start()
        let configuration = first.configuration
        try await first.stop()
        let client = BrokerClient(configuration)
        async let pinged: Void = client.ping()
        let broker = try await FakeBroker.start(port: configuration.address.port)
        await broker.next().accept()
        try await pinged
        await goodbye(client, broker)
    }

    @Test("a request that is never answered times out")
    func timeout() async throws {
        let broker = try await FakeBroker.start()
        var configuration = broker.configuration
        configuration.requestTimeout = .milliseconds(1)
        let client = BrokerClient(configuration)
        let error = await #expect(throws: BrokerClientError.self) { try await client.ping() }
        #expect(error?.code == .timedOut || error?.code == .unreachable)
        #expect(error?.isWorthRetrying == true)
    }

    @Test("a greeting that is refused for good is told to those who wait")
    func greetingRefused() async throws {
        let broker = try await FakeBroker.start(greets: false)
        let client = BrokerClient(broker.configuration)
        let pinged = Task { try await client.ping() }
        await broker.next().refuse(.unsupportedVersion, "speak version 9")
        let error = await #expect(throws: BrokerClientError.self) { try await pinged.value }
        #expect(error?.refusal == .unsupportedVersion && error?.message == "speak version 9")
    }

    @Test("closing says goodbye, and nothing can be asked afterwards")
    func close() async throws {
        let broker = try await FakeBroker.start()
        let client = BrokerClient(broker.configuration)
        async let pinged: Void = client.ping()
        await broker.next().accept()
        try await pinged
        await goodbye(client, broker)
        let error = await #expect(throws: BrokerClientError.self) { try await client.ping() }
        #expect(error?.code == .closed)
    }

    @Test("a raw connection greets, sends what it is given and hands out replies")
    func raw() async throws {
        let broker = try await FakeBroker.start()
        let (replies, continuation) = AsyncStream.makeStream(of: [UInt8].self)
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let connection = try await RawConnection.connect(
            to: BrokerAddress(port: broker.port), on: loop,
            onReply: { _, header, body in
                continuation.yield([header.kindByte, UInt8(header.correlation)] + Array(body))
            },
            onClose: { _ in continuation.finish() }
        ).get()
        #expect(connection.greeting.software == "fake")
        loop.execute {
            var frames = ByteBuffer()
            EmptyFrame.write(.ping, correlation: 1, into: &frames)
            EmptyFrame.write(.status, correlation: 2, into: &frames)
            connection.write(frames)
            connection.flush()
        }
        let (ping, status) = (await broker.next(), await broker.next())
        status.reply { StatusReply(entries: []).write(correlation: $0, into: &$1) }
        ping.accept()
        var received: [[UInt8]] = []
        for await reply in replies {
            received.append(reply)
            if received.count == 2 { ping.close() }
        }
        #expect(received == [[0xC0, 2, 0, 0, 0, 0], [0x82, 1]])
    }

    private func sequence(of request: FakeRequest) -> UInt64? {
        request.body.withUnsafeBytes {
            try? EnqueueRequest(body: $0, limits: AnnouncedLimits()).sequence
        }
    }
}

extension FakeRequest {
    func greet() {
        reply {
            HelloReply(
                version: 1, storeUUID: (1, 2), connectionID: 1, brokerMilliseconds: 0,
                limits: AnnouncedLimits(), software: "fake"
            ).write(correlation: $0, into: &$1)
        }
    }
}

/// Closes a client whose broker answers as it should.
func goodbye(_ client: BrokerClient, _ broker: FakeBroker) async {
    async let closed: Void = client.close()
    let request = await broker.next()
    #expect(request.kind == .goodbye)
    request.accept()
    request.close()
    await closed
}
