internal import Foundation
internal import HoldfastHarness

/// Which call fails, and how.
struct CallErrorCase: Sendable, CustomStringConvertible {
    enum Trouble: String, CaseIterable, Sendable {
        case inputOutput = "EIO"
        case noSpace = "ENOSPC"
        /// No space for this user: the same to a broker.
        case quota = "EDQUOT"
        /// Nothing was done, for a signal came.
        case interrupted = "EINTR"
        /// A part was moved, and nothing failed.
        case short

        /// As the shim's rules have it.
        fileprivate var rule: String {
            switch self {
            case .inputOutput: "\(EIO)"
            case .noSpace: "\(ENOSPC)"
            case .quota: "\(EDQUOT)"
            case .interrupted: "\(EINTR)"
            case .short: "short"
            }
        }
    }

    /// Calls that move bytes.
    private static let transfers: Set = ["pread", "pwrite", "pwritev2"]
    /// Calls that POSIX lets a signal interrupt, and that are made again then.
    private static let repeated = transfers.union(["fallocate"])

    /// Of which process of the workload: 1 makes the store, 2 opens it again.
    let process: Int
    let call: String
    let number: Int
    let trouble: Trouble
    let isLasting: Bool

    var rule: String { "\(call):\(number)\(isLasting ? "+" : ""):\(trouble.rule)" }
    var description: String { "process \(process), \(rule) (\(trouble.rawValue))" }

    /// What is gone on with as if it had not been.
    var isHarmless: Bool {
        trouble == .short || trouble == .interrupted && Self.repeated.contains(call)
    }

    /// Those of a log write and of syncs: nothing may go on after them. An interrupted sync too: what it has
    /// left behind, nobody knows.
    var isFatal: Bool { !isHarmless && CallShim.fatalNames.contains(call) }

    /// Whether it looks like a volume that never has room again: a broker that needs some waits for that.
    var isFullForGood: Bool {
        (trouble == .noSpace || trouble == .quota) && isLasting && !isFatal
    }

    /// Every call of a run in which none fails, in every way in which it can.
    static func all() async throws -> [CallErrorCase] {
        let run = CallErrorRun(nil)
        let complaints = try await run.complaints()
        guard complaints.isEmpty else {
            throw TestFault("the workload fails by itself: " + complaints.joined(separator: "\n"))
        }
        return run.callsOfProcesses.enumerated().flatMap { index, calls in
            calls.filter { $0.fate == nil }.flatMap { call in
                ways(call).map { trouble, isLasting in
                    CallErrorCase(
                        process: index + 1, call: call.name, number: call.number,
                        trouble: trouble, isLasting: isLasting)
                }
            }
        }
    }

    private static func ways(_ call: CallShim.Call) -> [(Trouble, isLasting: Bool)] {
        var ways: [(Trouble, isLasting: Bool)] = []
        for trouble in [Trouble.inputOutput, .noSpace, .quota] {
            ways += [(trouble, false), (trouble, true)]
        }
        // Never for good: nobody is interrupted each time.
        if repeated.contains(call.name) || ["open", "fdatasync", "fsync"].contains(call.name) {
            ways.append((.interrupted, false))
        }
        if transfers.contains(call.name) {
            ways.append((.short, false))
            // All of them from the first on, once.
            if call.number == 1 { ways.append((.short, true)) }
        }
        return ways
    }
}
