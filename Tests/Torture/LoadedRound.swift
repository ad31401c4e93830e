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
        if let failure = run.failure { return await complaints(of: run, failure) }
        // What is left must be there after a graceful stop as well.
        let exit = await run.broker.terminate()
        guard exit == .code(0) else {
            return ["the broker stopped with \(exit)\n\(run.broker.logEnd)"]
        }
        // By itself: L1 to L3 are judged from the last fault on, and after this one there is nothing to do.
        let lastStart = HistoryRecorder()
        try await run.broker.restart(notedIn: lastStart)
        let complaints = try await onThread { try run.look() }
        let last = await run.broker.terminate()
        return complaints
            + (last == .code(0) ? [] : ["the broker stopped with \(last)\n\(run.broker.logEnd)"])
            + HistoryChecker.ofTorture(isDrained: true).complaints(run.history.events)
            + HistoryChecker.ofTorture(isDrained: false).complaints(lastStart.events)
    }

    /// Why a run did not come to its end, and what its history has to say to that.
    private func complaints(of run: LoadRun, _ failure: String) async -> [String] {
        // Where the broker still answers: that a job was not given out can be told only of one that is there.
        _ = try? await onThread { try run.look() }
        await run.broker.kill()
        return ["\(failure)\n\(run.broker.logEnd)"]
            + HistoryChecker.ofTorture(isDrained: false).complaints(run.history.events)
    }
}

extension BrokerProcess {
    /// The last lines of what it wrote: what is shown with a violation.
    var logEnd: String {
        log.split(separator: "\n").suffix(20).joined(separator: "\n")
    }
}
