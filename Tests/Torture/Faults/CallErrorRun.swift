internal import Foundation
internal import HoldfastHarness
internal import HoldfastHistory
internal import HoldfastModel

/// The workload of `CallErrorFault`: open, append, go on to another segment, lease, ack, nack, a snapshot
/// and the close; then all of it once more on what is there.
final class CallErrorRun {
    private static let queue = "calls"
    /// How long a broker may wait for space before it is ended.
    private static let waitingSecondsMax = 5

    private let fault: CallErrorCase?
    private let history = HistoryRecorder()
    private let directory: TemporaryDirectory?
    /// Those that failed and those that did not, of each process.
    private(set) var callsOfProcesses: [[CallShim.Call]] = []

    /// - Parameter fault: nil: none.
    init(_ fault: CallErrorCase?) {
        self.fault = fault
        directory = try? TemporaryDirectory()
    }

    /// Whether the call came.
    var isReached: Bool { callsOfProcesses.contains { $0.contains(where: \.isHit) } }

    func complaints() async throws -> [String] {
        guard let directory else { throw TestFault("no directory can be made") }
        _ = Lateness.shared
        let dataDirectory = directory.path(of: "data")
        var complaints: [String] = []
        for process in 1...2 {
            let isFaulty = fault?.process == process
            let begun = HistoryRecorder.now()
            let shim = try CallShim(root: directory.path, rule: isFaulty ? fault?.rule : nil)
            let (exit, output, isWhole) = try await life(shim, dataDirectory, isFaulty: isFaulty)
            let ended = try shim.endNanoseconds ?? HistoryRecorder.now()
            if isFaulty { history.recordFault(.disk, from: begun, to: HistoryRecorder.now()) }
            let calls = try shim.calls
            callsOfProcesses.append(calls)
            complaints += judge(exit, ended, calls, isWhole).map { "\($0)\n\(output)" }
        }
        // All calls are well: it starts, and everything is there.
        let broker = try await BrokerProcess.start(
            BrokerProcess.Launch(["--segment-mib", "1"]), on: dataDirectory, notedIn: history)
        do {
            try await onThread { [history] in
                let client = try RecordingClient(broker, history)
                try client.createQueue(Self.queue)
                try client.consumeReady([Self.queue])
                try client.look([Self.queue])
            }
        } catch {
            // Which job it was that nobody was given, the history says.
            await broker.kill()
            return complaints + ["\(error)\n\(broker.logEnd)"]
                + HistoryChecker.ofTorture(isDrained: false).complaints(history.events)
        }
        let exit = await broker.terminate()
        if exit != .code(0) {
            complaints.append("on well calls the broker ended with \(exit)\n\(broker.logEnd)")
        }
        return complaints
            + HistoryChecker.ofTorture(isDrained: true).complaints(history.events)
    }

    /// - Returns: how it ended, what it wrote, and whether all was answered that was asked, with what was
    ///   asked for.
    private func life(
        _ shim: CallShim, _ dataDirectory: String, isFaulty: Bool
    ) async throws -> (ChildProcess.Exit, String, isWhole: Bool) {
        let broker: BrokerProcess
        do {
            let launch = BrokerProcess.Launch(
                ["--segment-mib", "1"], environment: shim.environment)
            // How long one with a failing call takes is no promise.
            broker =
                isFaulty
                ? try await BrokerProcess.start(launch, on: dataDirectory)
                : try await BrokerProcess.start(launch, on: dataDirectory, notedIn: history)
        } catch let failure as StartFailure {
            return (failure.exit, failure.output, false)
        }
        let waiting =
            fault?.isFullForGood == true
            ? Self.kill(broker, afterSeconds: Self.waitingSecondsMax) {
                (try? shim.calls.contains(where: \.isHit)) == true
            } : nil
        defer { waiting?.cancel() }
        // The broker may end at any moment; what it did not answer is written down as that.
        let isWhole = try await onThread { [history] in
            do {
                return try Self.work(try RecordingClient(broker, history))
            } catch is TestConnection.Disconnected {
                return false
            } catch let refused as TestConnection.Refused
                where refused.code.name == "storage_full"
            {
                return false
            }
        }
        let patience = Self.kill(broker, afterSeconds: 20)
        let exit = await broker.terminate()
        patience.cancel()
        return (exit, broker.logEnd, isWhole)
    }

    /// - Parameter isBegun: from when on the seconds count.
    private static func kill(
        _ broker: BrokerProcess, afterSeconds seconds: Int,
        since isBegun: @escaping @Sendable () -> Bool = { true }
    ) -> Task<Void, any Error> {
        Task {
            while !isBegun() { try await Task.sleep(for: .milliseconds(100)) }
            try await Task.sleep(for: .seconds(seconds))
            broker.sendKill()
        }
    }

    /// - Returns: whether it had what it asked for.
    private static func work(_ client: RecordingClient) throws -> Bool {
        try client.createQueue(queue)
        var isWhole = true
        // More than a segment.
        for request in 1...5 {
            let isAccepted = try client.enqueue(
                queue,
                (1...8).map {
                    TestJob("\(request).\($0) " + String(repeating: "x", count: 30_000))
                })
            isWhole = isAccepted
            if !isAccepted { break }
        }
        // Two replies: one of a store with so small segments has no room for twelve.
        let tokens = try client.lease(queue, count: 6) + client.lease(queue, count: 6)
        guard tokens.count == 12 else { return false }
        let results =
            try client.ack(Array(tokens[..<6])) + client.nack(Array(tokens[6..<8]))
            + client.heartbeat(Array(tokens[8...]))
        return isWhole && results.allSatisfy { $0.refusal == nil }
    }

    /// - Parameter ended: by the process's own account, where it ended itself: what the kernel then takes
    ///   to see the calls of its other threads to their end is the disk's time, which others use too.
    private func judge(
        _ exit: ChildProcess.Exit, _ ended: UInt64, _ calls: [CallShim.Call], _ isWhole: Bool
    ) -> [String] {
        guard let failed = calls.first(where: \.isHit), let fault else {
            if exit != .code(0) { return ["nothing failed, and the broker ended with \(exit)"] }
            return isWhole ? [] : ["nothing failed, and the broker did not do all it was asked"]
        }
        let path = failed.path
        if fault.isHarmless {
            if exit == .code(0), isWhole { return [] }
            return [
                "\(failed.name) of \(path) was to be made again, or gone on with: all that was asked "
                    + "was \(isWhole ? "" : "not ")done, and the broker ended with \(exit)"
            ]
        }
        let wasWaiting = fault.isFullForGood && exit == .signal(SIGKILL)
        guard exit == .code(74) || exit == .code(0) && !fault.isFatal || wasWaiting else {
            return ["after \(failed.name) of \(path) had failed, the broker ended with \(exit)"]
        }
        guard fault.isFatal, let moment = failed.nanoseconds else { return [] }
        let judge = FailStopJudge(
            what: "\(failed.name) of \(path) had failed", failed: moment, ended: ended,
            isSoleWay: failed.name == CallShim.logWriteName)
        return judge.complaints(history.events)
    }
}
