internal import Foundation
internal import HoldfastHarness
internal import HoldfastHistory

/// F14, F32: a memory group with less than the broker wants: the kernel kills it, at the start or amid the load,
/// and it is started again with more. A round in which it lives below the limit counts where it hit it.
struct MemoryFault: Fault {
    let name = "memory"
    let unit = "limits hit"
    let countWanted = 20
    let roundSecondsMax = 240

    func probe() async throws(NotAvailable) {
        do {
            let group = try MemoryGroup("probe")
            defer { group.remove() }
            try group.limit(mebibytes: 64)
        } catch {
            throw NotAvailable("\(error)")
        }
    }

    func round(seed: UInt64, isSmall: Bool) async throws -> RoundResult {
        let limitCount = isSmall ? 1 : 4
        let group = try MemoryGroup("\(seed)")
        defer { group.remove() }
        let hits = Counter()
        let limited = BrokerProcess.Launch(["--segment-mib", "1"], wrapper: group.wrapper)
        let violations = try await LoadedRound(seed: seed).violations { run in
            var random = SeededRandom(seed: seed)
            for _ in 1...limitCount {
                await run.awaitAnswers(Int.random(in: 200...1_000, using: &random))
                // Starts with too little memory are a part of it: no promise says how long they take.
                let begun = HistoryRecorder.now()
                await run.broker.kill()
                try group.limit(mebibytes: Int.random(in: 6...20, using: &random))
                let before = try group.hitCount
                do {
                    try await run.broker.restart(limited)
                    run.serves()
                    run.killAfter(answers: Int.random(in: 500...3_000, using: &random))
                    let exit = await run.broker.exit()
                    run.disarm()
                    // Swift traps where it gets no memory; the kernel kills.
                    guard [.signal(SIGKILL), .signal(SIGILL), .signal(SIGTRAP)].contains(exit)
                    else { throw TestFault("the broker ended with \(exit)") }
                } catch let failure as StartFailure {
                    guard case .signal = failure.exit else { throw failure }
                }
                if run.failure != nil { return }
                if try group.hitCount > before { hits.add() }
                run.history.recordFault(.memory, from: begun, to: HistoryRecorder.now())
                try await run.restart()
            }
            await run.awaitAnswers(300)
        }
        return RoundResult(count: hits.value, violations: violations)
    }
}
