internal import HoldfastHistory
internal import Testing

@Suite("sound histories")
struct SoundHistoryTests {
    @Test("a sound history raises no alarm", arguments: 1...60)
    func soundHistory(_ seed: UInt64) {
        let history = SoundHistory(seed: seed, jobCount: 500)
        let verdict = HistoryChecker(isDrained: true).judge(history.events)
        #expect(verdict.violations.isEmpty, "seed \(seed): \(verdict)")
        #expect(verdict.deliveryCount > 500)
    }

    @Test("a job whose acks are taken out of a sound history is lost", arguments: 1...5)
    func plantedLoss(_ seed: UInt64) {
        let events = SoundHistory(seed: seed, jobCount: 200).events
        var lostCount = 0
        for job in 1...UInt64(200) {
            let rest = events.filter { event in
                guard event.job == job else { return true }
                switch event.operation {
                case .ack, .cancel, .look: return false
                default: return true
                }
            }
            let isAccepted = rest.contains { event in
                guard case .enqueue = event.operation else { return false }
                return event.job == job && event.outcome == .ok
            }
            guard isAccepted else { continue }
            lostCount += 1
            let violations = HistoryChecker(isDrained: true).judge(rest).violations
            #expect(violations.map(\.job) == [job], "seed \(seed)")
            #expect(violations.map(\.property) == [.noLoss], "seed \(seed)")
        }
        #expect(lostCount > 100)
    }

    @Test("a history is read back as it was written", arguments: 1...5)
    func text(_ seed: UInt64) throws {
        let events = SoundHistory(seed: seed, jobCount: 200).events
        #expect(try HistoryText.events(in: HistoryText.text(of: events)) == events)
    }

    @Test(
        "what is no event is refused",
        arguments: [
            "1 2 3 ok", "1 2 3 maybe ack job=1 version=1", "1 2 x ok ack job=1 version=1",
            "1 2 3 ok ack job=1", "1 2 3 ok ack job=1 job=1 version=1", "1 2 3 ok sing job=1",
            "1 2 3 ok nack job=1 version=1 delay=soon", "1 2 3 ok look job=1 state=%g0",
        ])
    func malformed(_ line: String) {
        #expect(throws: HistoryText.Fault.self) { try HistoryText.events(in: line) }
    }

    @Test("events recorded by many threads at once are all there")
    func recorder() async {
        let recorder = HistoryRecorder()
        await withTaskGroup { group in
            for client in 0..<UInt32(8) {
                group.addTask {
                    for _ in 0..<1_000 {
                        recorder.record(
                            HistoryEvent(
                                client: client, invoked: HistoryRecorder.now(), responded: nil,
                                outcome: .unknown, operation: .cancel(job: 1)))
                    }
                }
            }
        }
        let events = recorder.events
        for client in 0..<UInt32(8) {
            let times = events.filter { $0.client == client }.map(\.invoked)
            #expect(times.count == 1_000)
            #expect(times == times.sorted())
        }
    }
}
