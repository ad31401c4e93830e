internal import HoldfastHarness
internal import HoldfastModel
internal import Testing

/// The edge cases of the semantics that need time to pass or two workers, over the wire. Time passes
/// by asking the broker to wait for a job that never comes.
@Suite("leases over the wire")
struct LeaseTests {
    @Test(
        "ack after the lease expired, nobody else has the job: accepted, late",
        .timeLimit(.minutes(2)))
    func lateAck() async throws {
        let broker = try await BrokerProcess.start()
        try await onThread {
            let connection = try TestConnection(port: broker.port)
            try connection.createQueue("empty", .standard)
            try connection.enqueue("q", [TestJob("one")])
            let leased = try #require(try connection.lease("q", durationMilliseconds: 1_000).first)
            #expect(try connection.lease("empty", waitMilliseconds: 1_300).isEmpty)
            #expect(try connection.show(leased.id).state == .ready)
            // Extend and heartbeat after expiry are refused, and change nothing.
            let beat = try connection.heartbeat([leased.token])
            #expect(beat.map(\.refusal) == [.leaseLost])
            #expect(beat[0].mustStop)
            #expect(
                try connection.extend([leased.token], durationMilliseconds: 5_000).map(\.refusal)
                    == [.leaseLost])
            #expect(try connection.ack([leased.token]) == [TestResult(isLate: true)])
            #expect(try connection.show(leased.id).state == .done)
            #expect(try connection.ack([leased.token]) == [TestResult(isDuplicate: true)])
        }
    }

    @Test(
        "ack, nack, heartbeat after the job was leased to somebody else: lease lost",
        .timeLimit(.minutes(2)))
    func lostLease() async throws {
        let broker = try await BrokerProcess.start()
        try await onThread {
            let slow = try TestConnection(port: broker.port)
            let quick = try TestConnection(port: broker.port)
            try slow.enqueue("q", [TestJob("one")])
            let old = try #require(try slow.lease("q", durationMilliseconds: 1_000).first).token
            let new = try #require(try quick.lease("q", waitMilliseconds: 20_000).first).token
            #expect(try slow.ack([old]).map(\.refusal) == [.leaseLost])
            #expect(try slow.nack([old]).map(\.refusal) == [.leaseLost])
            #expect(try slow.release([old]).map(\.refusal) == [.leaseLost])
            #expect(try slow.reject([old]).map(\.refusal) == [.leaseLost])
            #expect(try slow.heartbeat([old]).map(\.refusal) == [.leaseLost])
            #expect(try quick.ack([new]) == [.done])
            // A stale worker's ack is never taken for a repeat.
            #expect(try slow.ack([old]).map(\.refusal) == [.leaseLost])
        }
    }

    @Test("token of another store, or made up: unknown lease", .timeLimit(.minutes(2)))
    func foreignToken() async throws {
        let broker = try await BrokerProcess.start()
        let other = try await BrokerProcess.start()
        try await onThread {
            let connection = try TestConnection(port: broker.port)
            let stranger = try TestConnection(port: other.port)
            #expect(connection.storeUUID != stranger.storeUUID)
            for client in [connection, stranger] { try client.enqueue("q", [TestJob("one")]) }
            let own = try #require(try connection.lease("q").first)
            let foreign = try #require(try stranger.lease("q").first)
            let madeUp = LeaseToken(lsn: own.token.lsn, version: 1, check: ~own.token.check)
            for token in [foreign.token, madeUp, LeaseToken(lsn: 0, version: 0, check: 0)] {
                let unknown = [RefusalCode.unknownLease]
                #expect(try connection.ack([token]).map(\.refusal) == unknown)
                #expect(try connection.nack([token]).map(\.refusal) == unknown)
                #expect(try connection.release([token]).map(\.refusal) == unknown)
                #expect(try connection.reject([token]).map(\.refusal) == unknown)
                #expect(try connection.heartbeat([token]).map(\.refusal) == unknown)
            }
            #expect(throws: TestConnection.Refused.self) { try connection.show(foreign.id) }
            // Refused items do not keep the others from being done.
            #expect(
                try connection.ack([foreign.token, own.token, madeUp]).map(\.refusal)
                    == [.unknownLease, nil, .unknownLease])
        }
    }

    @Test(
        "connection lost with jobs on their way: no other worker gets them early, none is lost",
        .timeLimit(.minutes(2)))
    func vanishedWorker() async throws {
        let broker = try await BrokerProcess.start()
        try await onThread {
            let connection = try TestConnection(port: broker.port)
            let ids = try connection.enqueue("q", (1...50).map { TestJob("\($0)") }).ids
            // Asks for all and goes before it reads anything.
            do {
                let worker = try TestConnection(port: broker.port)
                _ = try worker.sendLease("q", count: 50, durationMilliseconds: 1_000)
            }
            var delivered: [TestDelivery] = []
            while delivered.count < ids.count {
                let more = try connection.lease("q", count: 50, waitMilliseconds: 20_000)
                try #require(!more.isEmpty)
                delivered += more
            }
            #expect(Set(delivered.map(\.id)) == Set(ids))
            #expect(try connection.ack(delivered.map(\.token)).allSatisfy { $0 == .done })
        }
    }
}
