internal import Foundation
internal import HoldfastHarness
internal import HoldfastHistory

/// A broker under load, trouble, and the judgement of all that its clients saw after everything was
/// consumed.
struct LoadedRound: Sendable {
    var seed: UInt64
    var launch = BrokerProcess.Launch(["--segment-mib", "1"])
    /// nil: a fresh directory that goes again.
    var dataDirectory: String?
    var producerCount = 4
    var consumerCount = 8

    /// - Returns: a sentence for each promise that was not kept.
    func violations(
        _ trouble: @escaping @Sendable (LoadRun) async throws -> Void
    ) async throws -> [String] {
        let run = LoadRun(
            broker: try await BrokerProcess.start(launch, on: dataDirectory), seed: seed)
        try await run.work(
            producerCount: producerCount, consumerCount: consumerCount, trouble)
        if let failure = run.failure { return ["\(failure)\n\(run.broker.logEnd)"] }
        // What is left must be there after a graceful stop as well.
        let exit = await run.broker.terminate()
        guard exit == .code(0) else {
            return ["the broker stopped with \(exit)\n\(run.broker.logEnd)"]
        }
        try await run.broker.restart()
        let complaints = try await onThread { try run.look() }
        let last = await run.broker.terminate()
        return complaints
            + (last == .code(0) ? [] : ["the broker stopped with \(last)\n\(run.broker.logEnd)"])
            + HistoryChecker(isDrained: true).complaints(run.history.events)
    }
}

extension HistoryChecker {
    /// The verdict where it is a bad one.
    func complaints(_ events: [HistoryEvent]) -> [String] {
        let verdict = judge(events)
        return verdict.violations.isEmpty ? [] : ["\(verdict)"]
    }
}

extension BrokerProcess {
    /// The last lines of what it wrote: what is shown with a violation.
    var logEnd: String {
        log.split(separator: "\n").suffix(20).joined(separator: "\n")
    }
}
