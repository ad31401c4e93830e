internal import Foundation
internal import HoldfastHarness
internal import HoldfastHistory
internal import Synchronization

/// F9, F11, F12: one system call of the broker fails, the N-th of its name, once or from then on: every N
/// of every name of one workload, with EIO and ENOSPC, by a shim in the real binary. The broker ends with
/// 74, or goes on as if nothing had been; in no case is anything lost that it answered, and it always
/// starts again when the calls are well.
final class CallErrorFault: Fault {
    let name = "calls"
    let unit = "calls failed"
    /// All of them, as far as it is known.
    var countWanted: Int { max(cases.withLock { $0.count }, 1) }
    let roundSecondsMax = 300

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

    /// A round is a part of all cases: rounds that follow each other do all of them.
    func round(seed: UInt64, isSmall: Bool) async throws -> RoundResult {
        let cases = cases.withLock { $0 }
        var result = RoundResult()
        let roundCount = isSmall ? cases.count / 5 : 20
        for index in stride(from: Int(seed) % roundCount, to: cases.count, by: roundCount) {
            let run = CallErrorRun(cases[index])
            let complaints: [String]
            do {
                complaints = try await run.complaints()
            } catch {
                complaints = ["\(error)"]
            }
            result.violations += complaints.map { "\(cases[index]): \($0)" }
            if run.isReached { result.count += 1 }
        }
        return result
    }
}

/// Which call fails, and how.
struct CallErrorCase: Sendable, CustomStringConvertible {
    /// Of which process of the workload: 1 makes the store, 2 opens it again.
    let process: Int
    let call: String
    let number: Int
    let error: Int32
    let isLasting: Bool

    var rule: String { "\(call):\(number)\(isLasting ? "+" : ""):\(error)" }
    var description: String { "process \(process), \(rule)" }

    /// Those of a log write and of syncs: nothing may go on after them.
    var isFatal: Bool { CallShim.fatalNames.contains(call) }

    /// Whether it looks like a volume that never has room again: a broker that needs some waits for that.
    var isFullForGood: Bool { error == ENOSPC && isLasting && !isFatal }

    /// Every call of a run in which none fails, in every way.
    static func all() async throws -> [CallErrorCase] {
        let run = CallErrorRun(nil)
        let complaints = try await run.complaints()
        guard complaints.isEmpty else {
            throw TestFault("the workload fails by itself: " + complaints.joined(separator: "\n"))
        }
        var cases: [CallErrorCase] = []
        for (process, calls) in run.callsOfProcesses.enumerated() {
            for call in calls where call.fate == nil {
                for error in [EIO, ENOSPC] {
                    for isLasting in [false, true] {
                        cases.append(
                            CallErrorCase(
                                process: process + 1, call: call.name, number: call.number,
                                error: error, isLasting: isLasting))
                    }
                }
            }
        }
        return cases
    }
}
