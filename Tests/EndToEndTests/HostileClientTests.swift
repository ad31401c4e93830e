internal import HoldfastHarness
internal import HoldfastHistory
internal import HoldfastModel
internal import Testing

/// Bytes that no client should send, to a live broker: each gets the refusal that docs/protocol.md
/// names, the connection is closed or goes on as it says, and nobody else notices anything.
@Suite("hostile clients")
struct HostileClientTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var name: String
        var greets = true
        var bytes: [UInt8]
        var code: RefusalCode
        var correlation: UInt32 = 9
        var closes: Bool

        var testDescription: String { name }

        init(
            _ name: String, greets: Bool = true, _ bytes: [UInt8], _ code: RefusalCode,
            correlation: UInt32 = 9, closes: Bool
        ) {
            self.name = name
            self.greets = greets
            self.bytes = bytes
            self.code = code
            self.correlation = correlation
            self.closes = closes
        }
    }

    private static func frame(
        _ kind: UInt8, flags: UInt8 = 0, reserved: UInt16 = 0, _ body: [UInt8] = []
    ) -> [UInt8] {
        BodyWriter.body {
            $0.integer(UInt32(8 + body.count))
            $0.integer(kind)
            $0.integer(flags)
            $0.integer(reserved)
            $0.integer(UInt32(9))
            $0.raw(body)
        }
    }

    private static func hello(
        magic: String = "HLDF", oldest: UInt16 = 1, newest: UInt16 = 1, features: UInt32 = 0
    ) -> [UInt8] {
        frame(
            0x01,
            BodyWriter.body {
                $0.raw(magic.utf8)
                $0.integer(oldest)
                $0.integer(newest)
                $0.raw(Array(repeating: 0, count: 16))
                $0.integer(features)
                $0.text8("")
            })
    }

    private static func lease(
        count: UInt32 = 1, wait: UInt32 = 0, duration: UInt32 = .max, queue: String = "mine"
    ) -> [UInt8] {
        frame(
            0x11,
            BodyWriter.body {
                $0.integer(count)
                $0.integer(wait)
                $0.integer(duration)
                $0.text8(queue)
            })
    }

    private static func enqueue(
        sequence: UInt64 = 0, count: UInt32 = 1, queue: String = "unwanted", options: UInt16 = 0,
        priority: UInt8 = 0, attempts: UInt32 = 0, delay: UInt64 = 0, codec: UInt8 = 0,
        payloadByteCount: Int = 4, rest: [UInt8] = []
    ) -> [UInt8] {
        frame(
            0x10,
            BodyWriter.body {
                $0.integer(sequence)
                $0.integer(count)
                $0.text8(queue)
                $0.integer(UInt32(8 + payloadByteCount))
                $0.integer(options)
                $0.integer(priority)
                $0.integer(UInt8(0))
                $0.integer(attempts)
                $0.integer(delay)
                $0.integer(codec)
                $0.raw([0, 0, 0])
                $0.integer(UInt32(payloadByteCount))
                $0.raw(Array(repeating: 7, count: payloadByteCount))
                $0.raw(rest)
            })
    }

    static let cases: [Case] = [
        Case(
            "another protocol altogether", greets: false,
            Array("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".utf8), .frameTooLarge,
            correlation: 0, closes: true),
        Case(
            "a greeting that is too long", greets: false,
            TestConnection.frame(kind: 1, correlation: 9, body: Array(repeating: 0, count: 1_017)),
            .frameTooLarge, correlation: 0, closes: true),
        Case(
            "a frame too short for its header", greets: false, [7, 0, 0, 0], .badRequest,
            correlation: 0, closes: true),
        Case("no greeting", greets: false, frame(0x02), .badRequest, closes: true),
        // It breaks two rules, of which the page lets either be named; closed it is by one of them.
        Case(
            "no greeting, and an unknown request", greets: false, frame(0x7E), .unknownRequest,
            closes: true),
        Case(
            "a greeting in other words", greets: false, hello(magic: "FLDH"), .badRequest,
            closes: true),
        Case(
            "a greeting cut short", greets: false, frame(0x01, [1, 2, 3]), .badRequest, closes: true
        ),
        Case(
            "a version of the future", greets: false, hello(oldest: 2, newest: 3),
            .unsupportedVersion, closes: true),
        Case(
            "features nobody knows", greets: false, hello(features: 1), .badRequest, closes: true),
        Case("a second greeting", hello(), .badRequest, closes: true),
        Case(
            "the length alone of an oversize frame", [1, 0, 16, 0], .frameTooLarge, correlation: 0,
            closes: true),
        Case(
            "the longest length there is", [255, 255, 255, 255], .frameTooLarge, correlation: 0,
            closes: true),
        Case("an empty frame", [0, 0, 0, 0], .badRequest, correlation: 0, closes: true),
        Case("an unknown request", frame(0x7E), .unknownRequest, closes: false),
        Case("a reply", frame(0x90), .unknownRequest, closes: false),
        Case("flags", frame(0x02, flags: 1), .badRequest, closes: true),
        Case("reserved bytes", frame(0x02, reserved: 1), .badRequest, closes: true),
        Case("a ping with luggage", frame(0x02, [1]), .badRequest, closes: true),
        Case("an enqueue cut short", frame(0x10, [1, 0, 0]), .badRequest, closes: true),
        Case("an enqueue that goes on", enqueue(rest: [0]), .badRequest, closes: true),
        Case("fewer jobs than announced", enqueue(count: 2), .badRequest, closes: true),
        Case("too many jobs", enqueue(count: .max), .tooManyItems, closes: false),
        Case("no job", enqueue(count: 0), .badArgument, closes: false),
        Case("a unique key", enqueue(options: 2), .notSupported, closes: false),
        Case("an option nobody knows", enqueue(options: 1 << 15), .badRequest, closes: true),
        Case("an unknown codec", enqueue(codec: 9), .notSupported, closes: false),
        Case("a priority of 16", enqueue(priority: 16), .badArgument, closes: false),
        Case("too many attempts", enqueue(attempts: 1_000_001), .badArgument, closes: false),
        Case("a delay of 367 days", enqueue(delay: 367 * 86_400_000), .badArgument, closes: false),
        Case("the longest delay there is", enqueue(delay: .max), .badArgument, closes: false),
        Case("a sequence without a producer", enqueue(sequence: 1), .badArgument, closes: false),
        Case("a queue without a name", enqueue(queue: ""), .badName, closes: false),
        Case("a queue with a line break", enqueue(queue: "a\nb"), .badName, closes: false),
        Case(
            "a payload one byte too long", enqueue(payloadByteCount: 262_145), .payloadTooLarge,
            closes: false),
        Case("a queue that is not there", lease(queue: "nowhere"), .unknownQueue, closes: false),
        Case("too many leases", lease(count: 1_025), .tooManyItems, closes: false),
        Case("no lease", lease(count: 0), .badArgument, closes: false),
        Case("a lease of 0", lease(duration: 0), .badArgument, closes: false),
        Case("a lease of less than 1 s", lease(duration: 999), .badArgument, closes: false),
        Case("a lease of more than 12 h", lease(duration: 43_200_001), .badArgument, closes: false),
        Case("a wait of more than 5 min", lease(wait: 300_001), .badArgument, closes: false),
        Case("tokens that are not there", frame(0x12, [1, 0, 0, 0]), .badRequest, closes: true),
        Case(
            "a job of another store",
            frame(0x20, [1, 0, 0, 0, 0, 0, 0, 0, 0, 0]), .unknownJob, closes: false),
    ]

    @Test("the documented refusal, and the broker lives on", .timeLimit(.minutes(2)))
    func refusals() async throws {
        let broker = try await BrokerProcess.start()
        let processID = broker.processID
        try await onThread {
            let healthy = try TestConnection(port: broker.port)
            let ids = try healthy.enqueue("mine", [TestJob("one"), TestJob("two")]).ids
            let leased = try #require(try healthy.lease("mine").first)
            for hostile in Self.cases {
                let connection = try TestConnection(port: broker.port, greets: hostile.greets)
                try connection.write(hostile.bytes)
                let reply = try #require(try connection.next(), "\(hostile.name)")
                #expect(reply.kind == 0xFF, "\(hostile.name)")
                let refused = try TestConnection.refusal(reply)
                #expect(refused.code == hostile.code, "\(hostile.name): \(refused)")
                #expect(!refused.message.isEmpty, "\(hostile.name)")
                #expect(reply.correlation == hostile.correlation, "\(hostile.name)")
                if hostile.closes {
                    #expect(try connection.isClosedByBroker(), "\(hostile.name)")
                } else {
                    #expect(throws: Never.self, "\(hostile.name)") { try connection.ping() }
                }
                try healthy.ping()
            }
            // None of it had any effect.
            #expect(
                try healthy.counts(of: "mine")
                    == TestQueueCounts(ready: 1, delayed: 0, leased: 1, dead: 0))
            #expect(try healthy.jobs(in: "mine").map(\.id) == ids)
            #expect(throws: TestConnection.Refused.self) { try healthy.counts(of: "unwanted") }
            #expect(try healthy.ack([leased.token]) == [.done])
        }
        #expect(broker.processID == processID)
        #expect(await broker.terminate() == .code(0), "\(broker.log)")
    }

    @Test("bytes that come one by one are one frame all the same", .timeLimit(.minutes(2)))
    func dribble() async throws {
        let broker = try await BrokerProcess.start()
        try await onThread {
            let connection = try TestConnection(port: broker.port, greets: false)
            let bytes = Self.hello() + Self.frame(0x02) + Self.frame(0x02)
            for byte in bytes { try connection.write([byte]) }
            for kind in [0x81, 0x82, 0x82] as [UInt8] {
                #expect(try connection.next()?.kind == kind)
            }
        }
    }

    @Test("a frame whose end never comes is no request", .timeLimit(.minutes(2)))
    func halfFrame() async throws {
        let broker = try await BrokerProcess.start()
        try await onThread {
            let healthy = try TestConnection(port: broker.port)
            do {
                let connection = try TestConnection(port: broker.port)
                try connection.write(Array(Self.enqueue().dropLast()))
                try healthy.ping()
            }
            try healthy.ping()
            #expect(throws: TestConnection.Refused.self) { try healthy.counts(of: "unwanted") }
        }
    }

    @Test(
        "more requests in flight than announced are refused, the others are not",
        .timeLimit(.minutes(2)))
    func tooManyRequests() async throws {
        let broker = try await BrokerProcess.start()
        try await onThread {
            let connection = try TestConnection(port: broker.port)
            try connection.createQueue("empty", .standard)
            // Requests that were refused are in flight no more, and leave no room behind them.
            for _ in 0..<10 {
                let error = #expect(throws: TestConnection.Refused.self) {
                    try connection.ask(0x7E)
                }
                #expect(error?.code == .unknownRequest)
            }
            let waiting = try (0..<1_024).map { _ in
                try connection.sendLease("empty", waitMilliseconds: 300_000)
            }
            let error = #expect(throws: TestConnection.Refused.self) { try connection.ping() }
            #expect(error?.code == .tooManyRequests)
            // Another client's job answers one of them, which makes room again.
            let other = try TestConnection(port: broker.port)
            try other.enqueue("empty", [TestJob("one")])
            #expect(try connection.deliveries(to: waiting[0]).map(\.text) == ["one"])
            try connection.ping()
        }
    }

    @Test(
        "random bytes behind a good header", .timeLimit(.minutes(5)),
        arguments: [1, 2, 3] as [UInt64])
    func randomBodies(_ seed: UInt64) async throws {
        let broker = try await BrokerProcess.start()
        try await onThread {
            var random = SeededRandom(seed: seed)
            let healthy = try TestConnection(port: broker.port)
            let ids = try healthy.enqueue("mine", [TestJob("one")]).ids
            for round in 0..<200 {
                let connection = try TestConnection(port: broker.port)
                var bytes: [UInt8] = []
                for _ in 0..<Int.random(in: 1...8, using: &random) {
                    // Any request but a good goodbye, which would end the connection too early.
                    let kind = UInt8.random(in: 0x04...0x41, using: &random)
                    let body = (0..<Int.random(in: 0...120, using: &random)).map { _ in
                        random.chance(50) ? 0 : UInt8.random(in: 0...255, using: &random)
                    }
                    bytes += Self.frame(kind, body)
                }
                do {
                    try connection.write(bytes)
                    // Some reply comes, or the end: never silence.
                    _ = try connection.next()
                } catch is TestConnection.Disconnected {}
                do {
                    try healthy.ping()
                } catch {
                    throw TestFault("seed \(seed), round \(round): \(error)\n\(broker.log)")
                }
            }
            #expect(try healthy.jobs(in: "mine").map(\.id) == ids)
        }
        #expect(await broker.terminate() == .code(0), "seed \(seed)\n\(broker.log)")
    }
}
