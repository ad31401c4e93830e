import HoldfastBroker
import HoldfastDisk
import HoldfastModel
import HoldfastProtocol
import HoldfastSimulation
import HoldfastStore
import NIOCore
import Testing

/// What happens while a thread beside the core loop is at work.
@Suite struct WorkThreadTests {
    @Test("S9 a batch in the writer's hands is answered when it is durable, and not before")
    func handOver() throws {
        let rig = try BrokerRig { $0.inlineCommitByteCountMax = 0 }
        let client = try rig.connect()
        rig.writer.isHeld = true
        client.send { RigClient.enqueue(["a"], to: "q")(1, &$0) }
        rig.run()
        #expect(rig.writer.waitingCount == 1)
        #expect(client.replies().isEmpty)
        rig.writer.step()
        #expect(client.replies().isEmpty, "the loop has not heard of it yet")
        rig.run()
        #expect(client.replies().map(\.correlation) == [1])
    }

    @Test("what comes while a batch is written goes together into the next one")
    func gathering() throws {
        let rig = try BrokerRig { $0.inlineCommitByteCountMax = 0 }
        let one = try rig.connect()
        let two = try rig.connect()
        rig.writer.isHeld = true
        let before = rig.durableWriteCount
        one.send { RigClient.enqueue(["a"], to: "q")(1, &$0) }
        rig.run()
        one.send { RigClient.enqueue(["b"], to: "q")(2, &$0) }
        rig.run()
        two.send { RigClient.lease("q", count: 3)(3, &$0) }
        rig.run()
        #expect(rig.writer.waitingCount == 1, "one batch at a time")
        rig.writer.step()
        rig.run()
        #expect(one.replies().map(\.correlation) == [1])
        #expect(two.replies().isEmpty, "its lease is in the next batch")
        rig.writer.step()
        rig.run()
        #expect(one.replies().map(\.correlation) == [2])
        #expect(two.replies().first?.jobs.map(\.payload) == ["a", "b"])
        #expect(rig.durableWriteCount == before + 2)
    }

    @Test("S3 while a commit is slow no lease ends, and a heartbeat that came in time counts")
    func slowCommit() throws {
        let rig = try BrokerRig { $0.inlineCommitByteCountMax = 0 }
        let client = try rig.connect()
        _ = try client.ask(RigClient.enqueue(["a"], to: "q"))
        let job = try #require(try client.ask(RigClient.lease("q", duration: 5_000)).jobs.first)
        rig.writer.isHeld = true
        client.send { RigClient.enqueue(["b"], to: "other")(1, &$0) }
        rig.run()
        rig.pass(milliseconds: 6_000)
        #expect(rig.writer.waitingCount == 1, "the lease's end was not decided")
        client.send {
            ExtendRequest.write(
                correlation: 2, durationMilliseconds: 5_000, tokens: [job.token], into: &$0)
        }
        rig.writer.isHeld = false
        rig.run()
        rig.pass(milliseconds: 10)
        let replies = client.replies()
        #expect(replies.map(\.correlation) == [1, 2])
        #expect(replies.last?.items?.first?.refusal == nil)
    }

    @Test("a lease whose job is read from the log starts its clock when the worker is told")
    func clockOfReadJobs() throws {
        let rig = try BrokerRig { $0.memory.recentByteCountMax = 0 }
        let client = try rig.connect()
        _ = try client.ask(RigClient.enqueue(["a"], to: "q"))
        rig.reader.isHeld = true
        client.send { RigClient.lease("q", duration: 5_000)(1, &$0) }
        rig.run()
        #expect(rig.reader.waitingCount == 1)
        rig.pass(milliseconds: 20_000)
        #expect(client.replies().isEmpty)
        rig.reader.isHeld = false
        rig.run()
        let job = try #require(client.replies().first?.jobs.first)
        #expect(job.payload == "a")
        rig.pass(milliseconds: 4_900)
        #expect(try client.ask(RigClient.ack([job.token])).items == [ItemAnswer()])
    }

    @Test("a read that fails once is made once more")
    func failedReadOnce() throws {
        let rig = try BrokerRig { $0.memory.recentByteCountMax = 0 }
        let client = try rig.connect()
        _ = try client.ask(RigClient.enqueue(["a"], to: "q"))
        rig.disk.fail(SimulatedFault([.read], pathPart: "log/", code: DiskError.inputOutput))
        #expect(try client.ask(RigClient.lease("q")).jobs.map(\.payload) == ["a"])
    }

    @Test("F12: a place that the disk cannot read costs the job that lies there, and no other")
    func unreadablePlace() throws {
        let rig = try BrokerRig { $0.memory.recentByteCountMax = 0 }
        let client = try rig.connect()
        _ = try client.ask(RigClient.enqueue(["a"], to: "q"))
        let payload = String(repeating: "x", count: 20_000)
        for _ in 0..<10 {
            _ = try client.ask(RigClient.enqueue(Array(repeating: payload, count: 8), to: "fill"))
        }
        _ = try client.ask(RigClient.enqueue(["b"], to: "q"))
        let first = try #require(rig.disk.disk.files.first { $0.hasSuffix("1.seg") })
        rig.disk.fail(
            SimulatedFault(
                [.read], pathPart: first, code: DiskError.inputOutput, isPersistent: true))
        #expect(try client.ask(RigClient.lease("q", count: 10)).jobs.map(\.payload) == ["b"])
        #expect(try client.status()["corrupt_payloads"] == .number(1))
        let commits = try client.status()["commits"]
        #expect(try client.ask(RigClient.lease("q", count: 10)).jobs.isEmpty)
        #expect(try client.status()["commits"] == commits)
    }

    @Test("a record that could not be asked for costs the job nothing: it is ready again")
    func failedRead() throws {
        let rig = try BrokerRig { $0.memory.recentByteCountMax = 0 }
        let client = try rig.connect()
        _ = try client.ask(RigClient.enqueue(["a"], to: "q"))
        let outOfMemory: Int32 = 12
        for position in 1...2 {
            rig.disk.fail(
                SimulatedFault([.read], pathPart: "log/", position: position, code: outOfMemory))
        }
        #expect(try client.ask(RigClient.lease("q")).jobs.isEmpty)
        let job = try #require(try client.ask(RigClient.lease("q")).jobs.first)
        #expect(job.payload == "a")
        #expect(job.attempt == 1)
    }

    @Test(
        "a job that nobody has had yet is cancelled after its record was read, and as it is by then"
    )
    func cancelAfterRead() throws {
        let rig = try BrokerRig { $0.memory.recentByteCountMax = 0 }
        let client = try rig.connect()
        let ids = try #require(
            try client.ask(RigClient.enqueue(["a", "b"], to: "q")).enqueued?.ids)
        rig.reader.isHeld = true
        client.send { JobCancelRequest.write(correlation: 1, ids: ids, into: &$0) }
        rig.run()
        #expect(client.replies().isEmpty)
        #expect(rig.reader.waitingCount == 1)
        // Meanwhile the first is leased; its delivery waits for the same reader.
        client.send { RigClient.lease("q")(2, &$0) }
        rig.run()
        rig.reader.isHeld = false
        rig.run()
        let replies = client.replies()
        #expect(replies.first { $0.correlation == 1 }?.items == [ItemAnswer(), ItemAnswer()])
        let job = try #require(replies.first { $0.correlation == 2 }?.jobs.first)
        #expect(
            try client.ask(RigClient.ack([job.token])).items == [ItemAnswer(refusal: .leaseLost)])
        #expect(try client.ask(RigClient.lease("q", count: 5)).jobs.isEmpty)
    }

    @Test("snapshots are written beside serving, and the next start begins with the last")
    func snapshots() throws {
        let rig = try BrokerRig {
            $0.snapshots.logByteCountMin = 2_000
            $0.snapshots.sizeFactor = 0
        }
        rig.startBackgroundWork()
        var client = try rig.connect()
        for round in 0..<40 {
            _ = try client.ask(RigClient.enqueue(["\(round)", "x"], to: "q"))
            let leased = try client.ask(RigClient.lease("q", count: 1)).jobs
            _ = try client.ask(RigClient.ack(leased.map(\.token)))
            rig.pass(milliseconds: 60)
        }
        let status = try client.status()
        guard case .number(let snapshots)? = status["snapshots"],
            case .number(let lsn)? = status["snapshot_lsn"]
        else {
            Issue.record("the status says nothing of snapshots")
            return
        }
        #expect(snapshots > 2)
        #expect(lsn > 50)
        try rig.losePower()
        client = try rig.connect()
        guard case .number(let records)? = try client.status()["recovered_records"] else {
            Issue.record("the status says nothing of the start")
            return
        }
        #expect(records < 50)
        #expect(try client.ask(RigClient.lease("q", count: 100)).jobs.count == 40)
    }

    @Test("what was replayed counts: lives that are all short do not add up")
    func shortLives() throws {
        let rig = try BrokerRig { $0.snapshots.recordCountMax = 10 }
        for life in 0..<4 {
            rig.startBackgroundWork()
            let client = try rig.connect()
            for _ in 0..<4 { _ = try client.ask(RigClient.enqueue(["x"], to: "q")) }
            rig.pass(milliseconds: 1_000)
            if life == 3 {
                guard case .number(let records)? = try client.status()["recovered_records"] else {
                    Issue.record("the status says nothing of the start")
                    return
                }
                #expect(records <= 10)
            }
            try rig.losePower()
        }
    }

    @Test("a snapshot that is due when a broker starts is taken before it is asked anything")
    func dueAtStart() throws {
        let rig = try BrokerRig { $0.snapshots.recordCountMax = 10 }
        let client = try rig.connect()
        // Nothing is done beside serving, so none is taken.
        for _ in 0..<12 { _ = try client.ask(RigClient.enqueue(["x"], to: "q")) }
        try rig.losePower()
        rig.startBackgroundWork()
        for _ in 0..<10 { rig.pass(milliseconds: 100) }
        #expect(rig.disk.disk.files.contains { $0.hasPrefix("snap/") })
    }

    @Test("an idle broker takes snapshots until the segments of finished jobs are free")
    func idle() throws {
        let rig = try BrokerRig()
        rig.startBackgroundWork()
        let client = try rig.connect()
        let payload = String(repeating: "x", count: 20_000)
        for _ in 0..<30 {
            _ = try client.ask(RigClient.enqueue(Array(repeating: payload, count: 8), to: "q"))
            let leased = try client.ask(RigClient.lease("q", count: 8)).jobs
            _ = try client.ask(RigClient.ack(leased.map(\.token)))
        }
        guard case .number(let before)? = try client.status()["segments"] else { return }
        #expect(before > 3)
        for _ in 0..<40 { rig.pass(milliseconds: 1_000) }
        #expect(try client.status()["segments"] == .number(1))
        // And then it rests.
        let snapshots = try client.status()["snapshots_begun"]
        for _ in 0..<20 { rig.pass(milliseconds: 1_000) }
        #expect(try client.status()["snapshots_begun"] == snapshots)
    }
}
