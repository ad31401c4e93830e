internal import HoldfastBroker
internal import HoldfastDisk
internal import HoldfastModel
internal import HoldfastProtocol
internal import HoldfastSimulation
internal import NIOCore
internal import NIOEmbedded
internal import Testing

/// What the commit loop must never do: say anything before the disk has what it was computed from.
@Suite struct CommitLoopTests {
    @Test("S9 nothing is answered before the pass has ended with its one write")
    func nothingEarly() throws {
        let rig = try BrokerRig()
        let one = try rig.connect()
        let two = try rig.connect()
        let before = rig.durableWriteCount
        one.send { RigClient.enqueue(["a"], to: "q")(1, &$0) }
        one.send { RigClient.enqueue(["b"], to: "q")(2, &$0) }
        two.send { RigClient.lease("q", count: 2)(3, &$0) }
        #expect(one.replies().isEmpty)
        #expect(two.replies().isEmpty)
        #expect(rig.durableWriteCount == before)
        rig.run()
        #expect(one.replies().map(\.correlation) == [1, 2])
        #expect(two.replies().first?.jobs.map(\.payload) == ["a", "b"])
        #expect(rig.durableWriteCount == before + 1)
    }

    @Test("S9 reads, duplicates and refusals wait for the records they were computed from too")
    func readsWait() throws {
        let rig = try BrokerRig()
        let writer = try rig.connect(producer: 7)
        let reader = try rig.connect(producer: 7)
        writer.send { RigClient.enqueue(["a"], to: "q", sequence: 1)(1, &$0) }
        reader.send { RigClient.enqueue(["a"], to: "q", sequence: 1)(2, &$0) }
        reader.send {
            QueueNameRequest.write(.queueShow, correlation: 3, queue: "q", into: &$0)
        }
        reader.send { RigClient.lease("other")(4, &$0) }
        #expect(reader.replies().isEmpty)
        rig.run()
        let replies = reader.replies()
        #expect(replies.map(\.correlation) == [2, 3, 4])
        #expect(replies[0].enqueued?.isDuplicate == true)
        #expect(replies[2].refusal?.code == .unknownQueue)
        #expect(replies[0].enqueued?.ids == writer.replies().first?.enqueued?.ids)
    }

    @Test("a pass that says nothing new writes nothing and is answered at once")
    func readOnly() throws {
        let rig = try BrokerRig()
        let client = try rig.connect()
        _ = try client.ask(RigClient.enqueue(["a"], to: "q"))
        let before = rig.durableWriteCount
        _ = try client.ask {
            QueueNameRequest.write(.queueShow, correlation: $0, queue: "q", into: &$1)
        }
        #expect(rig.durableWriteCount == before)
    }

    @Test("a greeting writes nothing: a producer is taken note of with its first numbered enqueue")
    func producer() throws {
        let rig = try BrokerRig()
        _ = try rig.connect().ask(RigClient.enqueue(["a"], to: "q"))
        let before = rig.durableWriteCount
        let client = try rig.connect(producer: 7)
        #expect(rig.durableWriteCount == before)
        let first = try client.ask(RigClient.enqueue(["b"], to: "q", sequence: 1))
        let again = try rig.connect(producer: 7).ask(
            RigClient.enqueue(["b"], to: "q", sequence: 1))
        #expect(again.enqueued?.isDuplicate == true)
        #expect(again.enqueued?.ids == first.enqueued?.ids)
        let anonymous = try rig.connect().ask(RigClient.enqueue(["c"], to: "q", sequence: 1))
        #expect(anonymous.refusal?.code == .badArgument)
    }

    @Test("S1 what was answered is there after a loss of power, leases and their tokens too")
    func powerLoss() throws {
        let rig = try BrokerRig()
        var client = try rig.connect()
        let ids = try #require(
            try client.ask(RigClient.enqueue(["a", "b", "c"], to: "q")).enqueued?.ids)
        let leased = try client.ask(RigClient.lease("q", count: 2)).jobs
        #expect(leased.map(\.id) == Array(ids.prefix(2)))
        #expect(try client.ask(RigClient.ack([leased[0].token])).items == [ItemAnswer()])
        try rig.losePower()
        client = try rig.connect()
        #expect(try client.ask(RigClient.lease("q", count: 9)).jobs.map(\.id) == [ids[2]])
        // "Broker restart or crash: leases survive with their tokens."
        #expect(try client.ask(RigClient.ack([leased[1].token])).items == [ItemAnswer()])
        // "Same ack twice", over a restart as well.
        let again = try client.ask(RigClient.ack([leased[0].token])).items
        #expect(again == [ItemAnswer(isDuplicate: true)])
    }

    @Test("a restart gives each lease its full duration again, and no more")
    func leaseAfterRestart() throws {
        let rig = try BrokerRig()
        var client = try rig.connect()
        _ = try client.ask(RigClient.enqueue(["a"], to: "q"))
        let first = try #require(
            try client.ask(RigClient.lease("q", duration: 10_000)).jobs.first)
        rig.pass(milliseconds: 9_000)
        try rig.losePower()
        client = try rig.connect()
        rig.pass(milliseconds: 9_990)
        #expect(try client.ask(RigClient.lease("q")).jobs.isEmpty)
        rig.pass(milliseconds: 20)
        let second = try #require(try client.ask(RigClient.lease("q")).jobs.first)
        #expect(second.id == first.id)
        #expect(second.attempt == 2)
        #expect(
            try client.ask(RigClient.ack([first.token])).items == [ItemAnswer(refusal: .leaseLost)])
    }

    @Test("a delayed job is leased when it is due, by the timer alone")
    func delay() throws {
        let rig = try BrokerRig()
        let client = try rig.connect()
        _ = try client.ask(RigClient.enqueue(["later"], to: "q", delayMilliseconds: 5_000))
        client.send { RigClient.lease("q", wait: 60_000)(1, &$0) }
        rig.run()
        rig.pass(milliseconds: 4_990)
        #expect(client.replies().isEmpty)
        rig.pass(milliseconds: 20)
        #expect(client.replies().first?.jobs.map(\.payload) == ["later"])
    }

    @Test("S6 a delay counts from when it was asked for, not from when its batch was opened")
    func delayOrigin() throws {
        let rig = try BrokerRig()
        let client = try rig.connect()
        client.send { RigClient.enqueue(["now"], to: "other")(1, &$0) }
        // The batch is open; a slow disk would keep it so for as long.
        rig.passWithoutRunning(milliseconds: 700)
        client.send {
            RigClient.enqueue(["later"], to: "q", delayMilliseconds: 1_000)(2, &$0)
        }
        rig.run()
        #expect(client.replies().count == 2)
        rig.pass(milliseconds: 999)
        #expect(try client.ask(RigClient.lease("q")).jobs.isEmpty)
        rig.pass(milliseconds: 10)
        #expect(try client.ask(RigClient.lease("q")).jobs.count == 1)
    }

    @Test("S3 a heartbeat counts from when it is read, not from the beginning of the pass")
    func heartbeatOrigin() throws {
        let rig = try BrokerRig()
        let client = try rig.connect()
        _ = try client.ask(RigClient.enqueue(["held"], to: "q"))
        let job = try #require(try client.ask(RigClient.lease("q", duration: 5_000)).jobs.first)
        client.send { RigClient.enqueue(["now"], to: "other")(1, &$0) }
        // As where the process was stopped.
        rig.passWithoutRunning(milliseconds: 900)
        client.send {
            ExtendRequest.write(
                correlation: 2, durationMilliseconds: 0, tokens: [job.token], into: &$0)
        }
        rig.run()
        #expect(client.replies().count == 2)
        let shown = try client.ask {
            JobShowRequest.write(correlation: $0, id: job.id, into: &$1)
        }.shown
        #expect(shown?.leaseRemainingMilliseconds == 5_000)
    }

    @Test("waits are served in the order they came, and end with nothing when they are over")
    func waits() throws {
        let rig = try BrokerRig()
        let producer = try rig.connect()
        let early = try rig.connect()
        let late = try rig.connect()
        _ = try producer.ask {
            QueuePolicyRequest.write(
                .queueCreate, correlation: $0, queue: "q", policy: .standard, into: &$1)
        }
        early.send { RigClient.lease("q", count: 2, wait: 1_000)(1, &$0) }
        rig.run()
        late.send { RigClient.lease("q", count: 2, wait: 2_000)(2, &$0) }
        rig.run()
        _ = try producer.ask(RigClient.enqueue(["a", "b", "c"], to: "q"))
        #expect(early.replies().first?.jobs.map(\.payload) == ["a", "b"])
        #expect(late.replies().first?.jobs.map(\.payload) == ["c"])
        early.send { RigClient.lease("q", wait: 1_000)(3, &$0) }
        rig.run()
        rig.pass(milliseconds: 1_010)
        let nothing = try #require(early.replies().first)
        #expect(nothing.correlation == 3)
        #expect(nothing.kind == .answer(.lease))
        #expect(nothing.jobs.isEmpty)
    }

    @Test("a delivery whose connection is gone before it leaves costs no attempt")
    func undelivered() throws {
        let rig = try BrokerRig()
        let gone = try rig.connect()
        let next = try rig.connect()
        _ = try next.ask(RigClient.enqueue(["a"], to: "q"))
        gone.send { RigClient.lease("q")(1, &$0) }
        gone.channel.close(promise: nil)
        rig.run()
        let job = try #require(try next.ask(RigClient.lease("q")).jobs.first)
        #expect(job.payload == "a")
        #expect(job.attempt == 1)
    }

    @Test("connection lost while leased: the lease runs on, and the token is good elsewhere")
    func connectionLost() throws {
        let rig = try BrokerRig()
        let worker = try rig.connect()
        let other = try rig.connect()
        _ = try other.ask(RigClient.enqueue(["a"], to: "q"))
        let job = try #require(try worker.ask(RigClient.lease("q", duration: 5_000)).jobs.first)
        worker.close()
        rig.pass(milliseconds: 4_900)
        #expect(try other.ask(RigClient.lease("q")).jobs.isEmpty)
        #expect(try other.ask(RigClient.ack([job.token])).items == [ItemAnswer()])
    }

    @Test("an owner that is not connected when its lease ends makes it an interruption")
    func interruption() throws {
        let rig = try BrokerRig()
        let worker = try rig.connect()
        let other = try rig.connect()
        let id = try #require(
            try other.ask(RigClient.enqueue(["a"], to: "q")).enqueued?.ids.first)
        _ = try worker.ask(RigClient.lease("q", duration: 1_000))
        worker.close()
        rig.pass(milliseconds: 1_010)
        let shown = try other.ask { JobShowRequest.write(correlation: $0, id: id, into: &$1) }.shown
        #expect(shown?.report.state == .ready)
        #expect(shown?.report.interruptions == 1)
        #expect(shown?.report.timeouts == 0)
        _ = try other.ask(RigClient.lease("q", duration: 1_000))
        rig.pass(milliseconds: 1_010)
        let later = try other.ask { JobShowRequest.write(correlation: $0, id: id, into: &$1) }.shown
        #expect(later?.report.interruptions == 1)
        #expect(later?.report.timeouts == 1)
    }

    @Test("as many leases as allowed: refused without a wait, served in turn with one")
    func leaseLimit() throws {
        let rig = try BrokerRig(leaseCountMax: 1)
        let client = try rig.connect()
        _ = try client.ask(RigClient.enqueue(["a", "b"], to: "q"))
        let first = try #require(try client.ask(RigClient.lease("q")).jobs.first)
        let refused = try client.ask(RigClient.lease("q"))
        #expect(refused.refusal?.code == .tooManyLeases)
        #expect((refused.refusal?.retryAfterMilliseconds ?? 0) > 0)
        client.send { RigClient.lease("q", wait: 60_000)(1, &$0) }
        rig.run()
        #expect(client.replies().isEmpty)
        client.send { RigClient.ack([first.token])(2, &$0) }
        rig.run()
        let replies = client.replies()
        #expect(replies.first { $0.correlation == 1 }?.jobs.map(\.payload) == ["b"])
    }

    @Test("a lease ends where its reply would exceed the announced frame")
    func surplus() throws {
        let rig = try BrokerRig()
        let client = try rig.connect()
        let large = String(repeating: "x", count: 100_000)
        for _ in 0..<2 { _ = try client.ask(RigClient.enqueue([large, large], to: "q")) }
        var seen: [UInt32] = []
        while true {
            let jobs = try client.ask(RigClient.lease("q", count: 10)).jobs
            if jobs.isEmpty { break }
            #expect(jobs.count <= 2)
            seen += jobs.map(\.attempt)
            _ = try client.ask(RigClient.ack(jobs.map(\.token)))
        }
        #expect(seen == [1, 1, 1, 1])
        // The lease ended where the reply was full: nothing had to be taken back.
        #expect(try client.status()["undelivered"] == .number(0))
    }

    @Test("a client that does not read holds up nobody else's leases")
    func unreadClient() throws {
        let rig = try BrokerRig()
        let deaf = try rig.connect()
        let client = try rig.connect()
        _ = try client.ask(RigClient.enqueue(["a"], to: "q"))
        _ = try client.ask(RigClient.lease("q", duration: 1_000))
        deaf.channel.isWritable = false
        deaf.channel.pipeline.fireChannelWritabilityChanged()
        deaf.channel.read()
        client.send { RigClient.lease("q", wait: 60_000)(1, &$0) }
        rig.run()
        rig.pass(milliseconds: 1_020)
        #expect(client.replies().first?.jobs.map(\.attempt) == [2])
    }

    @Test("a stop answers the waits with nothing, refuses what comes, and closes the connections")
    func drain() throws {
        let rig = try BrokerRig()
        let waiting = try rig.connect()
        let asking = try rig.connect()
        _ = try asking.ask(RigClient.enqueue(["a"], to: "q"))
        let token = try #require(try asking.ask(RigClient.lease("q")).jobs.first).token
        waiting.send { RigClient.lease("q", wait: 60_000)(1, &$0) }
        rig.run()
        let drained = rig.loop.drain()
        asking.send { RigClient.ack([token])(2, &$0) }
        rig.run()
        #expect(waiting.replies().map(\.jobs.count) == [0])
        #expect(asking.replies().first?.items == [ItemAnswer()])
        #expect(throws: Never.self) { try drained.wait() }
        #expect(!asking.channel.isActive)
        #expect(!waiting.channel.isActive)
    }
}
