internal import Foundation
internal import HoldfastHarness
internal import HoldfastHistory

/// F13: kill -9 under load at moments that the seed chooses, again and again on one store.
struct KillFault: Fault {
    let name = "kill"
    let unit = "kills"
    let countWanted = 1_000
    let roundSecondsMax = 600

    func probe() async throws(NotAvailable) {}

    func round(seed: UInt64, isSmall: Bool) async throws -> RoundResult {
        let killCount = isSmall ? 5 : 100
        var round = LoadedRound(seed: seed)
        round.producerCount = 8
        round.consumerCount = 16
        let violations = try await round.violations { run in
            var random = SeededRandom(seed: seed)
            for kill in 1...killCount {
                // By answers, at whatever the broker is doing just then; now and then when some leases
                // have run out, so that this happens between two crashes too.
                if kill % 10 == 0 {
                    run.killAfter(expiries: Int.random(in: 20...100, using: &random))
                } else {
                    run.killAfter(answers: Int.random(in: 50...2_000, using: &random))
                }
                let exit = await run.broker.exit()
                run.disarm()
                guard exit == .signal(SIGKILL) else {
                    throw TestFault("the broker ended by itself: \(exit)")
                }
                if run.failure != nil { return }
                if kill == killCount { run.drain() }
                try await run.restart()
            }
        }
        return RoundResult(count: killCount, violations: violations)
    }
}
