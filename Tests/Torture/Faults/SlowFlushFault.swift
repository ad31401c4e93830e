internal import HoldfastHarness
internal import HoldfastHistory

/// F17: flushes take long, some of them longer than leases last: a lease counts from the moment at which its
/// answer left, so that no two workers hold one, and nothing is lost.
struct SlowFlushFault: Fault {
    let kind: FileSystemKind

    var name: String { "slow-flush-\(kind)" }
    let unit = "slow spells"
    let countWanted = 20
    let roundSecondsMax = 300

    func probe() async throws(NotAvailable) {
        try await BlockDevice.probe(kind)
    }

    func round(seed: UInt64, isSmall: Bool) async throws -> RoundResult {
        let spellCount = isSmall ? 1 : 4
        let site = try await DeviceSite(kind)
        var round = LoadedRound(seed: seed)
        round.dataDirectory = site.dataDirectory
        let violations = try await round.violations { run in
            var random = SeededRandom(seed: seed)
            for spell in 1...spellCount {
                await run.awaitAnswers(Int.random(in: 100...1_000, using: &random))
                let isLong = spell % 2 == 0
                let milliseconds = Int.random(in: isLong ? 700...2_500 : 20...150, using: &random)
                // The device does one thing after the other: when it was told, no flush is late any more.
                try await run.history.during(.disk) {
                    try await site.tell("delay \(milliseconds * 1_000)")
                    await run.awaitAnswers(isLong ? 20 : 100)
                    try await site.tell("heal")
                }
            }
            await run.awaitAnswers(200)
        }
        if violations.isEmpty { try await site.close() } else { await site.abandon() }
        return RoundResult(count: spellCount, violations: violations)
    }
}
