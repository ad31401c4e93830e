internal import Foundation
internal import HoldfastHarness
internal import HoldfastHistory

/// F14: the broker gets what processor time is left over (SCHED_IDLE) while two busy processes a core leave
/// next to none.
struct StarvationFault: Fault {
    let name = "starve"
    let unit = "starvations"
    let countWanted = 20
    let roundSecondsMax = 240

    func probe() async throws(NotAvailable) {
        _ = try await Command.probe(["chrt", "--idle", "0", "chrt", "--other", "0", "true"])
    }

    func round(seed: UInt64, isSmall: Bool) async throws -> RoundResult {
        let violations = try await LoadedRound(seed: seed).violations { run in
            var random = SeededRandom(seed: seed)
            await run.awaitAnswers(Int.random(in: 200...1_000, using: &random))
            let milliseconds = isSmall ? 1_000 : Int.random(in: 1_500...4_000, using: &random)
            try await run.history.during(.processor) {
                try await starve(run.broker, milliseconds: milliseconds)
            }
            await run.awaitAnswers(200)
        }
        return RoundResult(count: 1, violations: violations)
    }

    private func starve(_ broker: BrokerProcess, milliseconds: Int) async throws {
        try await Command.run([
            "chrt", "--all-tasks", "--idle", "--pid", "0", "\(broker.processID)",
        ])
        var busy: [ChildProcess] = []
        for _ in 0..<(2 * ProcessInfo.processInfo.activeProcessorCount) {
            busy.append(try ChildProcess("sh", ["-c", "while :; do :; done"]))
        }
        try? await Task.sleep(for: .milliseconds(milliseconds))
        for process in busy {
            process.send(SIGKILL)
            _ = await process.exit()
        }
        try await Command.run([
            "chrt", "--all-tasks", "--other", "--pid", "0", "\(broker.processID)",
        ])
    }
}
