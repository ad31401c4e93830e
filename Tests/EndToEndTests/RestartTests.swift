internal import Foundation
internal import HoldfastHarness
internal import HoldfastHistory
internal import HoldfastModel
internal import Testing

/// The edge cases of the semantics that need a broker which dies, stops or loses a connection.
@Suite("restart and connection loss")
struct RestartTests {
    private static let patient = UInt32(20_000)

    @Test("broker restart or crash: leases survive with their tokens", .timeLimit(.minutes(2)))
    func tokensSurvive() async throws {
        let broker = try await BrokerProcess.start()
        let (first, second) = try await onThread {
            let connection = try TestConnection(port: broker.port)
            try connection.enqueue("q", [TestJob("one"), TestJob("two")])
            let leased = try connection.lease("q", count: 2, durationMilliseconds: 30_000)
            return try (#require(leased.first), #require(leased.last))
        }
        await broker.kill()
        try await broker.restart()
        try await onThread {
            let connection = try TestConnection(port: broker.port)
            #expect(try connection.counts(of: "q").leased == 2)
            #expect(try connection.lease("q").isEmpty)
            let beat = try connection.heartbeat([first.token])
            #expect(beat.map(\.refusal) == [nil])
            #expect(beat[0].remainingMilliseconds > 29_000)
            #expect(try connection.ack([first.token]) == [.done])
        }
        #expect(await broker.terminate() == .code(0), "\(broker.log)")
        try await broker.restart()
        try await onThread {
            let connection = try TestConnection(port: broker.port)
            #expect(try connection.ack([second.token]) == [.done])
            #expect(try connection.show(first.id).state == .done)
            #expect(try connection.show(second.id).state == .done)
        }
    }

    @Test(
        "broker restart or crash: each lease gets its full duration again", .timeLimit(.minutes(2)))
    func fullDurationAgain() async throws {
        let broker = try await BrokerProcess.start()
        let first = try await onThread {
            let connection = try TestConnection(port: broker.port)
            try connection.enqueue("q", [TestJob("one")])
            return try #require(try connection.lease("q", durationMilliseconds: 1_500).first)
        }
        await broker.kill()
        let restarted = HistoryRecorder.now()
        try await broker.restart()
        try await onThread {
            let connection = try TestConnection(port: broker.port)
            let again = try #require(
                try connection.lease("q", waitMilliseconds: Self.patient).first)
            #expect(HistoryRecorder.now() - restarted >= 1_500_000_000)
            #expect(again.id == first.id)
            #expect(again.attempt == 2)
            // Its worker was not there when the lease ended.
            #expect(again.interruptions == 1)
            #expect(again.timeouts == 0)
            #expect(again.token.version > first.token.version)
            #expect(try connection.ack([first.token]) == [TestResult(refusal: .leaseLost)])
            #expect(try connection.ack([again.token]) == [.done])
        }
    }

    @Test(
        "a client may repeat an enqueue whose answer it did not get, across a crash",
        .timeLimit(.minutes(2)))
    func repeatedEnqueue() async throws {
        let broker = try await BrokerProcess.start()
        let producer = (1...16).map { UInt8($0) }
        let requestCount = 60
        @Sendable func jobs(_ sequence: Int) -> [TestJob] {
            (0..<3).map { TestJob("\(sequence).\($0)") }
        }
        // All are sent, some answers are read; the broker dies with the others on their way.
        let answered = try await onThread {
            let connection = try TestConnection(port: broker.port, producer: producer)
            let correlations = try (1...requestCount).map {
                try connection.send(
                    0x10, TestConnection.enqueueBody("q", jobs($0), sequence: UInt64($0)))
            }
            let answered = try correlations.prefix(5).map {
                try TestConnection.enqueueReply(try connection.reply(to: $0)).ids
            }
            broker.sendKill()
            return answered
        }
        await broker.kill()
        try await broker.restart()
        try await onThread {
            let connection = try TestConnection(port: broker.port, producer: producer)
            var ids: [JobID] = []
            for sequence in 1...requestCount {
                let reply = try connection.enqueue("q", jobs(sequence), sequence: UInt64(sequence))
                if sequence <= answered.count {
                    #expect(reply.isDuplicate)
                    #expect(reply.ids == answered[sequence - 1])
                }
                ids += reply.ids
            }
            #expect(Set(ids).count == 3 * requestCount)
            #expect(try connection.counts(of: "q").ready == UInt64(3 * requestCount))
            let delivered = try connection.lease("q", count: 3 * requestCount)
            #expect(delivered.map(\.id) == ids)
            #expect(
                delivered.map(\.text)
                    == (1...requestCount).flatMap(jobs).map {
                        String(decoding: $0.payload, as: UTF8.self)
                    })
        }
    }

    @Test("connection lost while leased: never shortens the lease", .timeLimit(.minutes(2)))
    func lostConnection() async throws {
        let broker = try await BrokerProcess.start()
        try await onThread {
            let watcher = try TestConnection(port: broker.port)
            var worker: TestConnection? = try TestConnection(port: broker.port)
            try watcher.enqueue("q", [TestJob("one")])
            let leaseInvoked = HistoryRecorder.now()
            let first = try #require(
                try worker?.lease("q", durationMilliseconds: 1_000).first)
            worker = nil
            let second = try #require(
                try watcher.lease(
                    "q", waitMilliseconds: Self.patient, durationMilliseconds: 1_000
                ).first)
            #expect(HistoryRecorder.now() - leaseInvoked >= 1_000_000_000)
            #expect(second.id == first.id)
            #expect(second.interruptions == 1)
            #expect(second.timeouts == 0)
            // And where the worker is still there, it was a timeout.
            let third = try #require(
                try watcher.lease("q", waitMilliseconds: Self.patient).first)
            #expect(third.interruptions == 1)
            #expect(third.timeouts == 1)
            #expect(third.attempt == 3)
        }
    }

    @Test(
        "connection lost while leased: the same worker resumes with its tokens",
        .timeLimit(.minutes(2)))
    func resumedWorker() async throws {
        let broker = try await BrokerProcess.start()
        try await onThread {
            var worker = try TestConnection(port: broker.port)
            try worker.enqueue("q", [TestJob("one")])
            let leased = try #require(try worker.lease("q").first)
            worker = try TestConnection(port: broker.port)
            #expect(try worker.heartbeat([leased.token]).map(\.refusal) == [nil])
            #expect(try worker.ack([leased.token]) == [.done])
        }
    }

    @Test(
        "attempts used up: a job that goes down with the broker each time", .timeLimit(.minutes(2)))
    func poisonJob() async throws {
        let broker = try await BrokerProcess.start()
        try await onThread {
            let connection = try TestConnection(port: broker.port)
            _ = try connection.enqueue("q", [TestJob("poison", attemptCountMax: 2)])
        }
        for attempt in UInt32(1)...2 {
            try await onThread {
                let connection = try TestConnection(port: broker.port)
                let leased = try #require(
                    try connection.lease(
                        "q", waitMilliseconds: Self.patient, durationMilliseconds: 1_000
                    ).first)
                #expect(leased.text == "poison")
                #expect(leased.attempt == attempt)
            }
            await broker.kill()
            try await broker.restart()
        }
        try await onThread {
            let connection = try TestConnection(port: broker.port)
            try connection.enqueue("q", [TestJob("good")])
            let good = try #require(try connection.lease("q").first)
            #expect(good.text == "good")
            // The wait is answered by the broker when the last lease must be over.
            #expect(try connection.lease("q", waitMilliseconds: 1_500).isEmpty)
            let reports = try connection.jobs(in: "q").filter { $0.state == .dead }
            #expect(reports.map(\.attempts) == [2])
            #expect(try connection.ack([good.token]) == [.done])
        }
    }

    @Test("a checkpoint is handed to the next attempt, across a crash", .timeLimit(.minutes(2)))
    func checkpointSurvives() async throws {
        let broker = try await BrokerProcess.start()
        try await onThread {
            let connection = try TestConnection(port: broker.port)
            try connection.enqueue("q", [TestJob("one")])
            let leased = try #require(try connection.lease("q", durationMilliseconds: 1_000).first)
            let beat = try connection.heartbeat([leased.token], checkpoint: Array("page 7".utf8))
            #expect(beat.map(\.refusal) == [nil])
        }
        await broker.kill()
        try await broker.restart()
        try await onThread {
            let connection = try TestConnection(port: broker.port)
            let again = try #require(
                try connection.lease("q", waitMilliseconds: Self.patient).first)
            #expect(String(decoding: again.checkpoint, as: UTF8.self) == "page 7")
        }
    }

    @Test(
        "graceful stop: waits are answered, the exit code is 0, nothing is lost",
        .timeLimit(.minutes(2)))
    func gracefulStop() async throws {
        let broker = try await BrokerProcess.start()
        let leased = try await onThread {
            let connection = try TestConnection(port: broker.port)
            try connection.enqueue("q", [TestJob("one"), TestJob("two")])
            try connection.createQueue("empty", .standard)
            let leased = try #require(try connection.lease("q").first)
            let waiting = try connection.sendLease("empty", waitMilliseconds: 300_000)
            // Answered after the lease request was taken in, since requests keep their order.
            try connection.ping()
            broker.sendTerminate()
            #expect(try connection.deliveries(to: waiting).isEmpty)
            #expect(try connection.isClosedByBroker())
            return leased
        }
        #expect(await broker.exit() == .code(0), "\(broker.log)")
        try await broker.restart()
        try await onThread {
            let connection = try TestConnection(port: broker.port)
            #expect(
                try connection.counts(of: "q")
                    == TestQueueCounts(ready: 1, delayed: 0, leased: 1, dead: 0))
            #expect(try connection.ack([leased.token]) == [.done])
        }
    }

    @Test(
        "a stop amid requests: what was answered is there, the rest was refused or cut off",
        .timeLimit(.minutes(2)))
    func stopAmidRequests() async throws {
        let broker = try await BrokerProcess.start()
        let acknowledged = try await onThread {
            let connection = try TestConnection(port: broker.port)
            let correlations = try (1...400).map {
                try connection.send(
                    0x10, TestConnection.enqueueBody("q", [TestJob("\($0)")], sequence: 0))
            }
            broker.sendTerminate()
            var acknowledged: [JobID] = []
            do {
                for correlation in correlations {
                    do {
                        let reply = try connection.reply(to: correlation)
                        acknowledged += try TestConnection.enqueueReply(reply).ids
                    } catch let refused as TestConnection.Refused {
                        #expect(refused.code == .shuttingDown)
                    }
                }
            } catch is TestConnection.Disconnected {}
            return acknowledged
        }
        #expect(await broker.exit() == .code(0), "\(broker.log)")
        try await broker.restart()
        try await onThread {
            let connection = try TestConnection(port: broker.port)
            let present = Set(try connection.enqueue("q", [TestJob("last")]).ids)
                .union(try connection.jobs(in: "q").map(\.id))
            #expect(present.isSuperset(of: acknowledged))
        }
    }
}
