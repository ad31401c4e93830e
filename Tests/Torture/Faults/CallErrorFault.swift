internal import Foundation
internal import HoldfastHarness
internal import HoldfastHistory
internal import Synchronization

/// F9, F11, F12: one system call of the broker fails, the N-th of its name, once or from then on: every N
/// of every name of one workload, with EIO, ENOSPC and EDQUOT, by a shim in the real binary; or it is
/// interrupted, or moves only a part. The broker ends with 74, or goes on as if nothing had been, as it must
/// after the last two; in no case is anything lost that it answered, and it always starts again when the
/// calls are well.
final class CallErrorFault: Fault {
    let name = "calls"
    let unit = "calls failed"
    /// All of them, as far as it is known.
    var countWanted: Int { max(cases.withLock { $0.count }, 1) }
    let roundSecondsMax = 300

    /// So many rounds are all cases.
    private static let roundCount = 30

    private let cases = Mutex<[CallErrorCase]>([])

    func probe() async throws(NotAvailable) {
        try await CallShim.probe()
    }

    /// Counts the calls of the workload when none fails.
    func rehearse() async throws {
        try await CallShim.rehearse()
        let found = try await CallErrorCase.all()
        cases.withLock { $0 = found }
    }

    /// A round is a part of all cases: rounds that follow each other do all of them. A small one is one case
    /// of each kind.
    func round(seed: UInt64, isSmall: Bool) async throws -> RoundResult {
        let cases = cases.withLock { $0 }
        let chosen: [CallErrorCase]
        if isSmall {
            var random = SeededRandom(seed: seed)
            chosen = CallErrorCase.Trouble.allCases.compactMap { trouble in
                cases.filter { $0.trouble == trouble }.randomElement(using: &random)
            }
        } else {
            let phase = Int(seed % UInt64(Self.roundCount))
            chosen = stride(from: phase, to: cases.count, by: Self.roundCount).map { cases[$0] }
        }
        let kinds = CallErrorCase.Trouble.allCases.map { trouble in
            "\(chosen.count { $0.trouble == trouble }) \(trouble.rawValue)"
        }
        say("- \(name), \(chosen.count) of \(cases.count) cases: \(kinds.joined(separator: ", "))")
        var result = RoundResult()
        for fault in chosen {
            let run = CallErrorRun(fault)
            let complaints: [String]
            do {
                complaints = try await run.complaints()
            } catch {
                complaints = ["\(error)"]
            }
            result.violations += complaints.map { "\(fault): \($0)" }
            if run.isReached { result.count += 1 }
        }
        return result
    }
}
