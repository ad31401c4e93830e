import HoldfastClient
import HoldfastModel
import NIOCore
import Testing

@Suite struct WorkerStateMachineTests {
    private let start = NIODeadline.uptimeNanoseconds(1_000_000_000)
    private let tokens = (1...9).map { LeaseToken(lsn: $0, version: 1, check: 0) }

    private func machine(slots: Int) -> WorkerStateMachine {
        WorkerStateMachine(
            slotCount: slots, gracePeriod: .seconds(10),
            backoff: ReconnectBackoff(first: .seconds(1), longest: .seconds(4)))
    }

    private func jobs(
        _ range: Range<Int>, seconds: Int64 = 30
    ) -> [(token: LeaseToken, duration: TimeAmount)] {
        tokens[range].map { ($0, .seconds(seconds)) }
    }

    @Test("credit is the number of free slots, and only one request waits")
    func credit() {
        var machine = machine(slots: 4)
        #expect(machine.decide(now: start) == [.lease(count: 4)])
        #expect(machine.decide(now: start) == [])
        #expect(machine.leased(jobs(0..<3), now: start) == tokens[0..<3].map { .start($0) })
        #expect(machine.decide(now: start) == [.lease(count: 1)])
        #expect(machine.leased(jobs(3..<4), now: start) == [.start(tokens[3])])
        #expect(machine.decide(now: start) == [])
    }

    @Test("no more is asked for than the broker takes in a request")
    func itemCount() {
        var machine = machine(slots: 4)
        machine.itemCountMax = 2
        #expect(machine.decide(now: start) == [.lease(count: 2)])
    }

    @Test("what finishes while an ack is on its way goes with the next one")
    func gathering() {
        var machine = machine(slots: 3)
        _ = machine.decide(now: start)
        _ = machine.leased(jobs(0..<3), now: start)
        #expect(machine.finished(tokens[0], .done) == [])
        #expect(machine.decide(now: start) == [.ackAndLease([tokens[0]], count: 1)])
        _ = machine.finished(tokens[1], .done)
        _ = machine.finished(tokens[2], .done)
        #expect(machine.decide(now: start) == [])
        #expect(machine.ackedAndLeased(jobs(3..<4), now: start) == [.start(tokens[3])])
        #expect(
            machine.decide(now: start) == [.ackAndLease([tokens[1], tokens[2]], count: 2)])
        _ = machine.ackedAndLeased([], now: start)
        #expect(machine.decide(now: start) == [.lease(count: 2)], "nothing there: wait for it")
        _ = machine.finished(tokens[3], .done)
        #expect(machine.decide(now: start) == [.ack([tokens[3]])], "a wait is open already")
    }

    /// What follows from how a handler ends, by why it was cancelled.
    @Test("a handler's end says what the broker hears")
    func endings() {
        let outcomes: [(JobOutcome, WorkerStateMachine.Action)] = [
            (.failed("boom", nil), .nack(tokens[0], error: "boom", delay: nil)),
            (.failed("x", .seconds(3)), .nack(tokens[0], error: "x", delay: .seconds(3))),
            (.rejected("never"), .reject(tokens[0], reason: "never")),
            (.released, .release([tokens[0]])),
        ]
        for (outcome, action) in outcomes {
            var machine = machine(slots: 1)
            _ = machine.decide(now: start)
            _ = machine.leased(jobs(0..<1), now: start)
            #expect(machine.finished(tokens[0], outcome) == [action])
            #expect(machine.decide(now: start) == [.lease(count: 1)])
        }
    }

    @Test("a lost lease cancels its handler; what it failed with is nobody's business")
    func leaseLost() {
        var machine = machine(slots: 1)
        _ = machine.decide(now: start)
        _ = machine.leased(jobs(0..<1), now: start)
        let actions = machine.leaseReported(
            tokens[0], isLost: true, mustStop: false, remaining: .zero, now: start)
        #expect(actions == [.cancel(tokens[0])])
        #expect(
            machine.leaseReported(
                tokens[0], isLost: true, mustStop: false, remaining: .zero, now: start) == [],
            "once")
        #expect(machine.finished(tokens[0], .failed("cancelled", nil)) == [])
    }

    @Test("work that was done although the lease was lost is acknowledged all the same")
    func lateWork() {
        var machine = machine(slots: 1)
        _ = machine.decide(now: start)
        _ = machine.leased(jobs(0..<1), now: start)
        _ = machine.leaseReported(
            tokens[0], isLost: true, mustStop: false, remaining: .zero, now: start)
        _ = machine.finished(tokens[0], .done)
        #expect(machine.decide(now: start) == [.ackAndLease([tokens[0]], count: 1)])
    }

    @Test("heartbeats go at a third of the shortest lease, one message for all")
    func heartbeats() {
        var machine = machine(slots: 2)
        _ = machine.decide(now: start)
        _ = machine.leased(jobs(0..<1, seconds: 30) + jobs(1..<2, seconds: 90), now: start)
        #expect(machine.nextDeadline == start + .seconds(10))
        #expect(machine.decide(now: start + .seconds(9)) == [])
        let due = start + .seconds(10)
        #expect(machine.decide(now: due) == [.heartbeat([tokens[0], tokens[1]])])
        #expect(machine.decide(now: due + .seconds(1)) == [], "one at a time")
        machine.heartbeatEnded()
        for token in tokens[0..<2] {
            _ = machine.leaseReported(
                token, isLost: false, mustStop: false, remaining: .seconds(60), now: due)
        }
        #expect(machine.nextDeadline == due + .seconds(20))
        _ = machine.decide(now: due + .seconds(20))
        machine.heartbeatFailed(now: due + .seconds(21))
        #expect(machine.nextDeadline == due + .seconds(22), "again soon")
    }

    @Test("a failed lease is tried again after a pause that grows")
    func backoff() {
        var machine = machine(slots: 1)
        var now = start
        for pause in [1, 2, 4, 4] as [Int64] {
            #expect(machine.decide(now: now) == [.lease(count: 1)])
            machine.leaseFailed(now: now, random: 1)
            #expect(machine.nextDeadline == now + .seconds(pause))
            #expect(machine.decide(now: now) == [])
            now = now + .seconds(pause)
        }
        _ = machine.decide(now: now)
        #expect(machine.leased([], now: now) == [])
        #expect(machine.decide(now: now) == [.lease(count: 1)], "no pause after an empty answer")
    }

    @Test("acks that were lost with a lease are repeated at once, on their own")
    func lostAcks() {
        var machine = machine(slots: 1)
        _ = machine.decide(now: start)
        _ = machine.leased(jobs(0..<1), now: start)
        _ = machine.finished(tokens[0], .done)
        #expect(machine.decide(now: start) == [.ackAndLease([tokens[0]], count: 1)])
        machine.ackFailed([tokens[0]], wasLease: true, now: start, random: 1)
        #expect(machine.decide(now: start) == [.ack([tokens[0]])])
        machine.ackFailed([tokens[0]], wasLease: false, now: start, random: 1)
        #expect(!machine.decide(now: start).contains(.ack([tokens[0]])), "after a pause")
        #expect(
            machine.decide(now: start + .seconds(9)).contains { action in
                action == .ackAndLease([tokens[0]], count: 1) || action == .ack([tokens[0]])
            })
    }

    @Test("a shutdown ends the wait, lets handlers finish, then cancels them and gives back")
    func shutdown() {
        var machine = machine(slots: 3)
        _ = machine.decide(now: start)
        _ = machine.leased(jobs(0..<2), now: start)
        #expect(machine.decide(now: start) == [.lease(count: 1)])
        #expect(machine.shutDown(now: start) == [.cancelLease])
        machine.leaseCancelled()
        _ = machine.finished(tokens[0], .done)
        #expect(machine.decide(now: start) == [.ack([tokens[0]])], "nothing more is leased")
        machine.acked()
        #expect(!machine.isDone)
        #expect(machine.nextDeadline == start + .seconds(10))
        let over = machine.decide(now: start + .seconds(10))
        #expect(over.contains(.cancel(tokens[1])))
        machine.heartbeatEnded()
        #expect(machine.finished(tokens[1], .failed("cancelled", nil)) == [.release([tokens[1]])])
        #expect(!machine.isDone)
        machine.finishingEnded()
        #expect(machine.isDone)
    }

    @Test("jobs that arrive during a shutdown are given back unstarted")
    func lateJobs() {
        var machine = machine(slots: 2)
        _ = machine.decide(now: start)
        _ = machine.shutDown(now: start)
        #expect(machine.leased(jobs(0..<2), now: start) == [.release(Array(tokens[0..<2]))])
        #expect(machine.decide(now: start) == [])
        machine.finishingEnded()
        #expect(machine.isDone)
    }

    @Test("a stop order gives the job back when its handler has ended")
    func stopOrder() {
        var machine = machine(slots: 1)
        _ = machine.decide(now: start)
        _ = machine.leased(jobs(0..<1), now: start)
        let actions = machine.leaseReported(
            tokens[0], isLost: false, mustStop: true, remaining: .seconds(30), now: start)
        #expect(actions == [.cancel(tokens[0])])
        #expect(machine.finished(tokens[0], .failed("x", nil)) == [.release([tokens[0]])])
    }
}
