import HoldfastBroker
import HoldfastDisk
import HoldfastModel
import HoldfastProtocol
import HoldfastSimulation
import NIOCore
import Testing

/// F9, F10: a volume that is full stops enqueues, and nothing else.
@Suite struct FullVolumeTests {
    static let payload = String(repeating: "p", count: 4_000)

    /// A broker whose volume has room for some segments.
    static func rig(capacityByteCount: Int = 20 << 20) throws -> BrokerRig {
        let disk = SimulatedFileSystem()
        disk.capacityByteCount = capacityByteCount
        disk.keepsCalls = false
        let rig = try BrokerRig(leaseCountMax: 100_000, disk: disk)
        rig.startBackgroundWork()
        for _ in 1...200 { rig.pass(milliseconds: 5) }
        return rig
    }

    /// Enqueues until it is refused.
    ///
    /// - Returns: how many jobs were taken.
    static func fill(_ rig: BrokerRig, _ client: RigClient) throws -> Int {
        var count = 0
        while count < 100_000 {
            let reply = try client.ask(
                RigClient.enqueue(Array(repeating: payload, count: 16), to: "q"))
            if let refusal = reply.refusal {
                #expect(refusal.code == .storageFull)
                #expect(refusal.retryAfterMilliseconds > 0)
                return count
            }
            count += 16
            rig.pass(milliseconds: 1)
        }
        return count
    }

    /// Asks, and gives the broker time: now and then everybody waits for a snapshot.
    static func ask(
        _ rig: BrokerRig, _ client: RigClient, _ encode: (UInt32, inout ByteBuffer) -> Void
    ) throws -> RigClient.Reply {
        client.send { encode(1, &$0) }
        for _ in 1...1_000 {
            rig.pass(milliseconds: 3)
            if let reply = client.replies().first { return reply }
        }
        throw NoReply()
    }

    private struct NoReply: Error {}

    /// Leases and acknowledges all that is there.
    ///
    /// - Returns: how many acks were taken.
    static func drain(_ rig: BrokerRig, _ client: RigClient) throws -> Int {
        var count = 0
        while true {
            let jobs = try ask(rig, client, RigClient.lease("q", count: 64)).jobs
            if jobs.isEmpty { return count }
            let items = try #require(try ask(rig, client, RigClient.ack(jobs.map(\.token))).items)
            #expect(items.allSatisfy { $0.refusal == nil })
            count += items.count
        }
    }

    private static func isTaken(_ client: RigClient) throws -> Bool {
        try client.ask(RigClient.enqueue(["again"], to: "again")).refusal == nil
    }

    /// Whether an enqueue is taken within five seconds.
    static func isTakenSoon(_ rig: BrokerRig, _ client: RigClient) throws -> Bool {
        for _ in 1...50 {
            if try isTaken(client) { return true }
            rig.pass(milliseconds: 100)
        }
        return false
    }

    @Test("L5, S15: at 100 % full every ack succeeds, and enqueues are taken again by themselves")
    func fullAndDrained() throws {
        let rig = try Self.rig()
        let client = try rig.connect()
        let count = try Self.fill(rig, client)
        #expect(count > 1_000)
        #expect(try client.status()["storage"] == .text("full"))
        #expect(try client.status()["storage_refusals"] == .number(1))
        #expect(try Self.drain(rig, client) == count, "what was refused is not there")
        #expect(try Self.isTakenSoon(rig, client))
        // Nor for a moment only: all of the space comes back.
        for _ in 1...200 { rig.pass(milliseconds: 50) }
        let more = try Self.fill(rig, client)
        #expect(more > count / 2)
        #expect(try Self.drain(rig, client) == more)
    }

    @Test("L5: another process fills the volume and goes away again")
    func filledByAnother() throws {
        let rig = try Self.rig(capacityByteCount: 1 << 30)
        let client = try rig.connect()
        for _ in 1...20 { #expect(try Self.isTaken(client)) }
        rig.disk.capacityByteCount = rig.disk.disk.allocatedByteCount
        let count = try Self.fill(rig, client)
        #expect(count < 2_000, "there is no room for more than the segment that is written")
        #expect(try Self.drain(rig, client) == count)
        rig.disk.capacityByteCount = 1 << 30
        #expect(try Self.isTakenSoon(rig, client))
        for _ in 1...100 { rig.pass(milliseconds: 50) }
        #expect(try client.status()["storage"] == .text("normal"))
    }

    @Test(
        "I7: nothing is taken before there are places for its pages, whatever room the volume has")
    func paidFor() throws {
        let rig = try Self.rig(capacityByteCount: 1 << 30)
        let client = try rig.connect()
        rig.background.isHeld = true
        let jobs = Array(repeating: "x", count: 100)
        var count = 0
        var reply: RigClient.Reply?
        repeat {
            client.send { RigClient.enqueue(jobs, to: "q")(1, &$0) }
            rig.pass(milliseconds: 1)
            reply = client.replies().first
            if let reply, reply.refusal == nil { count += jobs.count }
        } while reply != nil && count < 100_000
        #expect((1..<100_000).contains(count))
        // Somebody else was quicker than the background.
        rig.disk.capacityByteCount = rig.disk.disk.allocatedByteCount
        rig.background.isHeld = false
        rig.pass(milliseconds: 1)
        let late = try #require(client.replies().first)
        #expect(late.refusal?.code == .storageFull)
        #expect(try Self.drain(rig, client) == count)
    }

    @Test(
        "I7: no queue is taken before the slots of snapshots have room for it, nor on a full volume"
    )
    func queues() throws {
        let rig = try Self.rig(capacityByteCount: 1 << 30)
        let client = try rig.connect()
        _ = try client.ask(RigClient.enqueue(Array(repeating: "x", count: 200), to: "q"))
        rig.background.isHeld = true
        func create(_ number: Int) -> (UInt32, inout ByteBuffer) -> Void {
            { correlation, buffer in
                QueuePolicyRequest.write(
                    .queueCreate, correlation: correlation,
                    queue: "\(number)" + String(repeating: "n", count: 247), policy: .standard,
                    into: &buffer)
            }
        }
        var count = 0
        var reply: RigClient.Reply?
        repeat {
            client.send { create(count)(1, &$0) }
            rig.pass(milliseconds: 1)
            reply = client.replies().first
            if let reply, reply.refusal == nil { count += 1 }
        } while reply?.refusal == nil && reply != nil
        #expect((1..<Limits.queueCountMax).contains(count))
        // Somebody else was quicker than the background.
        rig.disk.capacityByteCount = rig.disk.disk.allocatedByteCount
        rig.background.isHeld = false
        rig.pass(milliseconds: 1)
        let late = try #require(client.replies().first)
        #expect(late.refusal?.code == .storageFull)
        #expect(late.refusal?.retryAfterMilliseconds ?? 0 > 0)
        #expect(try Self.ask(rig, client, create(0)).refusal == nil, "there is such a queue")
        try Self.workForever(rig, client)
        #expect(try client.status()["snapshots_abandoned"] == .number(0))
        rig.disk.capacityByteCount = 1 << 30
        #expect(try Self.isTakenSoon(rig, client))
        #expect(try Self.ask(rig, client, create(count)).refusal == nil)
    }

    /// Leases and releases 200 jobs until the log has been written over several times.
    private static func workForever(_ rig: BrokerRig, _ client: RigClient) throws {
        func written() throws -> UInt64 {
            guard case .number(let count)? = try client.status()["log_written_bytes"] else {
                return 0
            }
            return count
        }
        let before = try written()
        var rounds = 0
        while try written() < before + (20 << 20), rounds < 5_000 {
            rounds += 1
            let jobs = try Self.ask(rig, client, RigClient.lease("q", count: 100)).jobs
            #expect(jobs.count == 100)
            let release = try Self.ask(rig, client) {
                TokenRequest.write(.release, correlation: $0, tokens: jobs.map(\.token), into: &$1)
            }
            #expect(release.items?.count == 100)
        }
        #expect(rounds < 5_000)
        #expect(rig.disk.disk.allocatedByteCount <= rig.disk.capacityByteCount ?? 0)
    }

    @Test("L5: leases, releases and reads go on for ever on a volume without a free byte")
    func forEver() throws {
        let rig = try Self.rig(capacityByteCount: 1 << 30)
        let client = try rig.connect()
        _ = try client.ask(RigClient.enqueue(Array(repeating: "x", count: 200), to: "q"))
        rig.disk.capacityByteCount = rig.disk.disk.allocatedByteCount
        _ = try Self.fill(rig, client)
        for _ in 1...100 { rig.pass(milliseconds: 50) }
        #expect(try client.status()["storage"] == .text("full"))
        try Self.workForever(rig, client)
    }

    @Test(
        "L5: producers that try again, slow consumers and a slow background thread go on for ever",
        arguments: [1, 2, 3, 4] as [UInt64])
    func atFull(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let rig = try Self.rig()
        let producer = try rig.connect()
        let consumer = try rig.connect()
        // As many pieces of upkeep as the disk has time for.
        rig.background.isHeld = true
        var isAsking = false
        var acceptedCount = 0
        var refusedCount = 0
        var ackedCount = 0
        var tokens: [LeaseToken] = []
        /// What came in the rounds since the last answer of the consumer's.
        var patience = 0
        for round in 1...20_000 {
            if round % 4 != 0 { rig.background.step() }
            rig.pass(milliseconds: Int64(random.next() % 3))
            if round % 1_000 < 300 {
                producer.send {
                    RigClient.enqueue(Array(repeating: Self.payload, count: 16), to: "q")(1, &$0)
                }
            }
            for reply in producer.replies() {
                if reply.refusal == nil { acceptedCount += 16 } else { refusedCount += 1 }
            }
            if isAsking, let reply = consumer.replies().first {
                isAsking = false
                patience = 0
                if !reply.jobs.isEmpty { tokens = reply.jobs.map(\.token) }
                if let items = reply.items {
                    #expect(items.allSatisfy { $0.refusal == nil })
                    ackedCount += items.count
                }
            }
            if !isAsking {
                isAsking = true
                if let token = tokens.popLast() {
                    consumer.send { RigClient.ack([token])(1, &$0) }
                } else {
                    consumer.send { RigClient.lease("q", count: 16)(1, &$0) }
                }
            }
            patience += 1
            if patience > 2_000 {
                Issue.record("seed \(seed), round \(round): stuck")
                return
            }
        }
        #expect(refusedCount > 100)
        #expect(ackedCount > 1_000)
        rig.background.isHeld = false
        for _ in 1...1_000 { rig.pass(milliseconds: 3) }
        for reply in producer.replies() where reply.refusal == nil { acceptedCount += 16 }
        for reply in consumer.replies() {
            tokens += reply.jobs.map(\.token)
            ackedCount += reply.items?.count ?? 0
        }
        for token in tokens {
            let reply = try Self.ask(rig, consumer, RigClient.ack([token]))
            ackedCount += reply.items?.count ?? 0
        }
        #expect(try Self.drain(rig, consumer) + ackedCount == acceptedCount)
    }

    @Test("L5: what clients send at once is no more than one commit can take on a full volume")
    func pipelined() throws {
        let rig = try Self.rig()
        let clients = try (1...12).map { _ in try rig.connect() }
        rig.disk.keepsCalls = true
        let requests = (1...8).map { _ in
            RigClient.enqueue(Array(repeating: Self.payload, count: 16), to: "q")
        }
        for _ in 1...8 {
            rig.writer.isHeld = true
            for client in clients {
                client.send { buffer in for request in requests { request(1, &buffer) } }
            }
            for _ in 1...20 { rig.pass(milliseconds: 1) }
            rig.writer.isHeld = false
            for _ in 1...200 { rig.pass(milliseconds: 3) }
        }
        let counts = clients.map { $0.replies().count }
        #expect(counts.allSatisfy { $0 == 64 }, "\(counts)")
        let longest = rig.disk.calls.filter { $0.call == .writeDurably }.map(\.byteCount).max()
        #expect(longest ?? 0 > 1 << 18)
        #expect(longest ?? .max <= 3 << 18)
        rig.disk.keepsCalls = false
        for client in clients { _ = client.replies() }
        let count = try Self.drain(rig, clients[0])
        #expect(count > 1_000)
    }

    @Test(
        "a full volume keeps nothing of what a worker says beside what becomes of its job; another does",
        arguments: [true, false])
    func texts(isFull: Bool) throws {
        let rig = try Self.rig()
        let client = try rig.connect()
        _ = try client.ask(RigClient.enqueue(["a", "b", "c"], to: "q"))
        if isFull {
            _ = try Self.fill(rig, client)
            rig.disk.capacityByteCount = rig.disk.disk.allocatedByteCount
        }
        let jobs = try Self.ask(rig, client, RigClient.lease("q", count: 3)).jobs
        try #require(jobs.count == 3)
        let text = [UInt8](repeating: UInt8(ascii: "e"), count: 1_000)
        let answers = [
            try Self.ask(rig, client) { correlation, buffer in
                text.withUnsafeBytes {
                    NackRequest.write(
                        correlation: correlation, delayMilliseconds: 60_000, error: $0,
                        tokens: [jobs[0].token], into: &buffer)
                }
            },
            try Self.ask(rig, client) { correlation, buffer in
                text.withUnsafeBytes {
                    RejectRequest.write(
                        correlation: correlation, reason: $0, tokens: [jobs[1].token],
                        into: &buffer)
                }
            },
            try Self.ask(rig, client) { correlation, buffer in
                var writer = HeartbeatWriter(correlation: correlation, into: &buffer)
                writer.append(jobs[2].token, checkpoint: text, into: &buffer)
                writer.finish(in: &buffer)
            },
        ]
        // They are done all the same.
        #expect(answers.allSatisfy { $0.items?.count == 1 && $0.items?.first?.refusal == nil })
        let shown = try jobs.map { job in
            try #require(
                try Self.ask(rig, client) {
                    JobShowRequest.write(correlation: $0, id: job.id, into: &$1)
                }.shown)
        }
        #expect(shown.map(\.report.state) == [.delayed, .dead, .leased])
        let kept = isFull ? "" : String(decoding: text, as: UTF8.self)
        #expect(shown.map(\.lastError) == [kept, kept, ""])
        #expect(shown[2].checkpoint == (isFull ? [] : text))
        #expect(try client.status()["storage"] == .text(isFull ? "full" : "normal"))
    }

    @Test("S15: an enqueue that a full volume refuses is not even the first of its producer")
    func newProducer() throws {
        let rig = try Self.rig()
        let client = try rig.connect()
        _ = try Self.fill(rig, client)
        for _ in 1...100 { rig.pass(milliseconds: 50) }
        let before = try client.status()["durable_lsn"]
        let other = try rig.connect(producer: 7)
        let reply = try other.ask(RigClient.enqueue(["x"], to: "q", sequence: 1))
        #expect(reply.refusal?.code == .storageFull)
        for _ in 1...10 { rig.pass(milliseconds: 50) }
        #expect(try client.status()["durable_lsn"] == before)
        #expect(try Self.drain(rig, client) > 1_000)
        #expect(try Self.isTakenSoon(rig, client))
        let again = try other.ask(RigClient.enqueue(["x"], to: "q", sequence: 1))
        #expect(again.enqueued?.isDuplicate == false)
    }

    @Test(
        "L5: what was asked while the log had no space is written when what waited before it has been"
    )
    func stall() throws {
        let disk = SimulatedFileSystem()
        disk.keepsCalls = false
        let rig = try BrokerRig(disk: disk)
        rig.startBackgroundWork()
        for _ in 1...200 { rig.pass(milliseconds: 5) }
        let first = try rig.connect()
        let second = try rig.connect()
        _ = try first.ask(RigClient.enqueue(Array(repeating: "x", count: 100), to: "q"))
        rig.background.isHeld = true
        // As on a directory that has no room for a name.
        disk.fail(SimulatedFault([.rename], code: DiskError.noSpace, isPersistent: true))
        var tokens: [LeaseToken] = []
        var count = 0
        while count < 10_000 {
            count += 1
            if tokens.isEmpty {
                first.send { RigClient.lease("q", count: 100)(1, &$0) }
            } else {
                first.send {
                    TokenRequest.write(.release, correlation: 1, tokens: tokens, into: &$0)
                }
            }
            rig.pass(milliseconds: 1)
            guard let reply = first.replies().first else { break }
            tokens = reply.jobs.map(\.token)
        }
        #expect(count < 10_000, "the log has come to the end of a segment")
        second.send { RigClient.enqueue(["y"], to: "other")(1, &$0) }
        rig.pass(milliseconds: 1)
        #expect(first.replies().isEmpty && second.replies().isEmpty)
        disk.clearFaults()
        rig.pass(milliseconds: 200)
        #expect(first.replies().count == 1)
        #expect(second.replies().count == 1)
    }

    @Test("an empty store takes eight segments at most", arguments: [1, 2, 8])
    func emptyStore(segmentMebibytes: Int) throws {
        let disk = SimulatedFileSystem()
        disk.keepsCalls = false
        let segmentByteCount = segmentMebibytes << 20
        let rig = try BrokerRig(leaseCountMax: 262_144, disk: disk) {
            $0.segmentByteCount = segmentByteCount
        }
        rig.startBackgroundWork()
        for _ in 1...500 { rig.pass(milliseconds: 50) }
        let byteCount = disk.disk.allocatedByteCount
        #expect(byteCount > 7 * segmentByteCount, "the reserve is there")
        #expect(byteCount <= 8 * segmentByteCount)
    }

    @Test("a repeat of an enqueue that was taken is answered on a full volume, too")
    func duplicate() throws {
        let rig = try Self.rig()
        let client = try rig.connect(producer: 7)
        let first = try client.ask(RigClient.enqueue(["once"], to: "once", sequence: 1))
        _ = try Self.fill(rig, client)
        let again = try client.ask(RigClient.enqueue(["once"], to: "once", sequence: 1))
        #expect(again.enqueued?.isDuplicate == true)
        #expect(again.enqueued?.ids == first.enqueued?.ids)
    }

    @Test("a broker that starts on a full volume serves what is there")
    func start() throws {
        let rig = try Self.rig()
        let client = try rig.connect()
        let count = try Self.fill(rig, client)
        let capacity = rig.disk.disk.allocatedByteCount
        for _ in 1...6 {
            try rig.losePower(capacityByteCount: capacity)
            rig.startBackgroundWork()
            for _ in 1...100 { rig.pass(milliseconds: 20) }
            let again = try rig.connect()
            #expect(try again.ask(RigClient.lease("q", count: 2, duration: 1_000)).jobs.count == 2)
        }
        let again = try rig.connect()
        rig.pass(milliseconds: 2_000)
        rig.pass(milliseconds: 2_000)
        #expect(try Self.drain(rig, again) == count)
        #expect(try Self.isTakenSoon(rig, again))
    }

    @Test(
        "L4: lives that are too short for a snapshot do not use up the reserve, where the volume has no room, or no names left and blocks enough",
        arguments: [false, true])
    func shortLives(noNames: Bool) throws {
        let rig = try Self.rig()
        let client = try rig.connect()
        let count = try Self.fill(rig, client)
        let capacity = noNames ? nil : rig.disk.disk.allocatedByteCount
        for _ in 1...20 {
            try rig.losePower(capacityByteCount: capacity, noNames: noNames)
            let again = try rig.connect()
            #expect(try again.ask(RigClient.lease("q", duration: 1_000)).jobs.count == 1)
        }
        rig.startBackgroundWork()
        rig.pass(milliseconds: 2_000)
        rig.pass(milliseconds: 2_000)
        #expect(try Self.drain(rig, try rig.connect()) == count)
    }
}
