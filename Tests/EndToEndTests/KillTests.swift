internal import Foundation
internal import HoldfastHarness
internal import HoldfastHistory
internal import HoldfastModel
internal import Testing

/// The proof that what was acknowledged survives: kill -9, again and again, under load.
///
/// `HOLDFAST_KILL_SEED` and `HOLDFAST_KILLS` run another case, and a longer one.
@Suite("kill -9", .serialized)
struct KillTests {
    private static let producerCount = 8
    private static let consumerCount = 16
    @Test(
        "F13: kill -9 under load loses nothing, doubles no lease and forgets no ack",
        .timeLimit(.minutes(30)))
    func killUnderLoad() async throws {
        let environment = ProcessInfo.processInfo.environment
        let seed = environment["HOLDFAST_KILL_SEED"].flatMap { UInt64($0) } ?? 1
        let killCount = environment["HOLDFAST_KILLS"].flatMap { Int($0) } ?? 20
        let repeats = "repeat with HOLDFAST_KILL_SEED=\(seed) HOLDFAST_KILLS=\(killCount)"
        let started = HistoryRecorder.now()
        // Small segments, so that the log goes on to new ones between kills and amid them.
        let run = LoadRun(
            broker: try await BrokerProcess.start(["--segment-mib", "1"]), seed: seed)
        try await run.work(
            producerCount: Self.producerCount, consumerCount: Self.consumerCount
        ) { try await Self.kill($0, killCount) }
        if let failure = run.failure {
            Issue.record("\(failure)\n\(repeats)\n\(run.broker.log)")
            return
        }

        // What is left must be there after a graceful stop as well.
        #expect(await run.broker.terminate() == .code(0))
        try await run.broker.restart()
        let complaints = try await onThread { try run.look() }
        #expect(complaints.isEmpty, "\(complaints)")

        let events = run.history.events
        let judged = HistoryRecorder.now()
        let verdict = HistoryChecker(isDrained: true, liveness: LivenessBounds()).judge(events)
        let ended = HistoryRecorder.now()
        if !verdict.violations.isEmpty {
            Attachment.record(HistoryText.text(of: events), named: "history.txt")
            Issue.record("\(verdict)\n\(repeats)\n\(run.broker.log)")
            return
        }
        print(
            "kill -9: \(killCount) kills, seed \(seed), \(run.answerCount) answers, \(verdict), "
                + "\((ended - started) / 1_000_000) ms, of these judging "
                + "\((ended - judged) / 1_000_000) ms")
        Self.expectAllKinds(of: events)
        Self.expectJudgement(of: events)
    }

    /// Kills the broker at moments that the seed chooses, starts it again each time, and has
    /// everything consumed in the end.
    private static func kill(_ run: LoadRun, _ killCount: Int) async throws {
        var random = SeededRandom(seed: run.seed)
        for kill in 1...killCount {
            // By answers, at whatever the broker is doing just then; every fifth time when some
            // leases have run out, so that this happens between two crashes too.
            if kill % 5 == 0 {
                run.killAfter(expiries: Int.random(in: 50...300, using: &random))
            } else {
                run.killAfter(answers: Int.random(in: 50...3_000, using: &random))
            }
            let exit = await run.broker.exit()
            run.disarm()
            if run.failure != nil { return }
            guard exit == .signal(SIGKILL) else {
                throw TestFault("the broker ended by itself: \(exit)")
            }
            if kill == killCount { run.drain() }
            let started = HistoryRecorder.now()
            try await run.broker.restart()
            run.history.recordFault(.restart, from: started, to: HistoryRecorder.now())
            run.serves()
        }
    }

    /// A run in which something never happened proves less than it says.
    private static func expectAllKinds(of events: [HistoryEvent]) {
        func count(
            _ outcome: HistoryEvent.Outcome, _ isKind: (HistoryEvent.Operation) -> Bool
        ) -> Int {
            events.count { $0.outcome == outcome && isKind($0.operation) }
        }
        let isEnqueue: (HistoryEvent.Operation) -> Bool = {
            if case .enqueue = $0 { true } else { false }
        }
        let isAck: (HistoryEvent.Operation) -> Bool = { if case .ack = $0 { true } else { false } }
        #expect(count(.unknown, isEnqueue) > 0)
        #expect(count(.unknown, isAck) > 0)
        #expect(count(.err, isAck) > 0, "no ack of a lost lease was refused")
        #expect(count(.ok) { if case .nack = $0 { true } else { false } } > 0)
        #expect(count(.ok) { if case .release = $0 { true } else { false } } > 0)
        #expect(count(.ok) { if case .reject = $0 { true } else { false } } > 0)
        #expect(count(.ok) { if case .extend = $0 { true } else { false } } > 0)
        #expect(count(.ok) { if case .cancel = $0 { true } else { false } } > 0)
        #expect(count(.ok) { if case .look(_, "dead") = $0 { true } else { false } } > 0)
    }

    /// The judge is not blind to this very history: an ack less is a job lost.
    private static func expectJudgement(of events: [HistoryEvent]) {
        let acked = events.first { event in
            guard case .ack = event.operation, event.outcome == .ok else { return false }
            return events.contains { other in
                guard case .enqueue = other.operation else { return false }
                return other.job == event.job && other.outcome == .ok
            }
        }
        let rest = events.filter { event in
            guard case .ack = event.operation else { return true }
            return event.job != acked?.job
        }
        let found = HistoryChecker(isDrained: true).judge(rest).violations
        #expect(found.map(\.property) == [.noLoss])
        #expect(found.map(\.job) == [acked?.job])
    }
}
