internal import Foundation
internal import HoldfastHarness
internal import HoldfastHistory

/// F14: SIGSTOP for 1 to 40 s, most often for about as long as the leases last, then SIGCONT: leases that
/// run out meanwhile are leased again, and no two are held at one time.
struct StopFault: Fault {
    let name = "stop"
    let unit = "stops"
    let countWanted = 20
    let roundSecondsMax = 240

    func probe() async throws(NotAvailable) {}

    func round(seed: UInt64, isSmall: Bool) async throws -> RoundResult {
        let stopCount = isSmall ? 1 : 4
        let violations = try await LoadedRound(seed: seed).violations { run in
            var random = SeededRandom(seed: seed)
            for stop in 1...stopCount {
                await run.awaitAnswers(Int.random(in: 500...2_000, using: &random))
                let isLong = !isSmall && stop == stopCount
                let milliseconds = Int.random(
                    in: isLong ? 4_000...40_000 : 1_000...3_000, using: &random)
                await run.history.during(.stop) {
                    run.broker.send(SIGSTOP)
                    try? await Task.sleep(for: .milliseconds(milliseconds))
                    run.broker.send(SIGCONT)
                }
            }
            await run.awaitAnswers(500)
        }
        return RoundResult(count: stopCount, violations: violations)
    }
}
