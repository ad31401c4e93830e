internal import Foundation
internal import HoldfastHarness
internal import HoldfastHistory
internal import Synchronization

/// F11: the device fails under load: its flushes, its writes, or all of it. The broker ends with 74 within a
/// second and answers nothing that it was asked after the error with ok (L8). On the mended device a
/// restart has all that was answered.
///
/// One error may hit the file system alone, which is not the broker's to know, or the broker later, by what
/// the file system made of it. What it was told, and when, the shim saw, which fails nothing here.
struct DeviceErrorFault: Fault {
    enum Trouble: String, Sendable {
        case flushes = "flush-error"
        case writes = "write-error"
        case death = "dead"
    }

    let kind: FileSystemKind
    let trouble: Trouble

    var name: String { "\(trouble.rawValue)-\(kind)" }
    var unit: String { trouble == .death ? "deaths" : "errors" }
    let countWanted = 20
    let roundSecondsMax = 300

    func probe() async throws(NotAvailable) {
        try await BlockDevice.probe(kind)
        try await CallShim.probe()
    }

    func rehearse() async throws {
        try await BlockDevice.rehearse(kind)
        try await CallShim.rehearse()
    }

    func round(seed: UInt64, isSmall: Bool) async throws -> RoundResult {
        let errorCount = isSmall ? 1 : 4
        let site = try await DeviceSite(kind)
        var round = LoadedRound(seed: seed)
        round.dataDirectory = site.dataDirectory
        let shim = try CallShim(root: site.dataDirectory, isQuiet: true)
        round.launch.environment = shim.environment
        let found = Mutex(RoundResult(count: errorCount))
        let violations = try await round.violations { run in
            try shim.check()
            var random = SeededRandom(seed: seed)
            for error in 1...errorCount {
                await run.awaitAnswers(Int.random(in: 100...1_500, using: &random))
                // Once and for good by turns: after the first error a second try may well succeed.
                let isLasting = trouble == .death || error % 2 == 1
                let begun = HistoryRecorder.now()
                let result = try await end(of: run, at: site, shim, isLasting: isLasting)
                found.withLock { found in
                    found.violations += result.violations
                    if let slowest = result.slowest {
                        found.noteSlowest(slowest.what, slowest.milliseconds)
                    }
                }
                if run.failure != nil { return }
                if trouble == .death {
                    try await site.replace()
                } else {
                    try await site.tell("heal")
                    try await site.remount()
                }
                run.history.recordFault(.disk, from: begun, to: HistoryRecorder.now())
                do {
                    try await run.restart()
                } catch {
                    throw TestFault("\(error)\n\(await site.diagnosis())")
                }
            }
            await run.awaitAnswers(200)
        }
        var result = found.withLock { $0 }
        result.violations += violations
        if result.violations.isEmpty {
            try await site.close()
        } else {
            // A round that ended early leaves what it had come to: what matters then is why.
            await site.abandon()
        }
        return result
    }

    /// Makes the device fail, and judges how the broker ends.
    private func end(
        of run: LoadRun, at site: DeviceSite, _ shim: CallShim, isLasting: Bool
    ) async throws -> RoundResult {
        _ = Lateness.shared
        let armed = HistoryRecorder.now()
        let count = isLasting ? -1 : 1
        switch trouble {
        case .flushes: try await site.tell("flush \(EIO) \(count)")
        case .writes: try await site.tell("write \(EIO) \(count)")
        case .death: await site.kill()
        }
        let broker = run.broker
        let patience = Task {
            try await Task.sleep(for: .seconds(isLasting ? 20 : 3))
            broker.sendKill()
        }
        let exit = await broker.exit()
        let ended = HistoryRecorder.now()
        patience.cancel()

        var result = RoundResult()
        let failed =
            trouble == .death
            ? armed : try await site.log.firstError(since: armed)?.nanoseconds
        guard let failed else {
            throw TestFault("the device was asked for nothing that it could fail: \(exit)")
        }
        let met = try shim.calls.first { $0.isFatalError && $0.nanoseconds ?? 0 >= armed }
        guard let judge = judge(deviceFailed: isLasting ? failed : nil, met, ended) else {
            // Nothing that the broker could have known of, or nothing that was in its way.
            if exit != .code(74), exit != .signal(SIGKILL) {
                result.violations.append(
                    "the broker ended with \(exit) after \(trouble.rawValue)\n\(broker.logEnd)")
            }
            return result
        }
        if exit == .code(74) { result.noteSlowest("end after", judge.milliseconds) }
        result.violations += judge.complaints(run.history.events)
        // One that was told so late that it was not given its second is judged by its answers alone.
        if exit != .code(74), isLasting || exit != .signal(SIGKILL) {
            result.violations.append(
                "the broker ended with \(exit) after \(judge.what)\n\(broker.logEnd)")
        }
        return result
    }

    /// - Parameters:
    ///   - deviceFailed: since when everything fails that the broker needs; nil: one thing failed.
    ///   - met: the first error that the broker was told of.
    /// - Returns: nil where one thing failed and the broker was not told.
    private func judge(
        deviceFailed: UInt64?, _ met: CallShim.Call?, _ ended: UInt64
    ) -> FailStopJudge? {
        if let deviceFailed {
            return FailStopJudge(
                what: trouble.rawValue, failed: deviceFailed, ended: ended, isSoleWay: true)
        }
        guard let met, let nanoseconds = met.nanoseconds else { return nil }
        return FailStopJudge(
            what: "\(met.name) of \(met.path) had failed", failed: nanoseconds, ended: ended,
            isSoleWay: met.name == CallShim.logWriteName)
    }
}
