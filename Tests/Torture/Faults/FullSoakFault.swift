internal import Foundation
internal import HoldfastHarness
internal import HoldfastHistory

/// F9, F10: an hour on a volume of 512 MB that is full nearly all the time: producers that try again as soon as
/// they are told to, consumers that take longer than they do, and a kill now and then. In every minute
/// jobs are accepted and jobs are acknowledged, and in the end nothing is lost.
struct FullSoakFault: Fault {
    let kind: FileSystemKind

    var name: String { "soak-\(kind)" }
    let unit = "minutes at full"
    let countWanted = 60
    let isOnDemand = true
    let roundSecondsMax = 5_400

    private static let producerCount = 4
    private static let consumerCount = 2
    private static let killCount = 6

    func probe() async throws(NotAvailable) {
        try await kind.probe()
    }

    func round(seed: UInt64, isSmall: Bool) async throws -> RoundResult {
        let minuteCount = isSmall ? 1 : 60
        let directory = try await Image.directory()
        let image = try Image.make(mebibytes: isSmall ? 128 : 512, in: directory)
        let volume = try await Volume.mount(kind, over: image, isFresh: true)
        let notes = try TemporaryDirectory()
        let history = try HistoryRecorder(path: notes.path(of: "history"))
        var result = RoundResult()
        do {
            let broker = try await BrokerProcess.start(
                BrokerProcess.Launch([]), on: "\(volume.mountPoint)/data")
            let soak = Soak(broker: broker, history: history, seed: seed)
            do {
                result.count = try await course(soak, minuteCount)
            } catch {
                result.violations.append("\(error)\n\(broker.logEnd)")
            }
            await broker.kill()
        }
        try history.flush()
        let verdict = try HistoryChecker.ofTorture(isDrained: result.violations.isEmpty)
            .judge(file: notes.path(of: "history"), directory: notes.path)
        if !verdict.violations.isEmpty { result.violations.append("\(verdict)") }
        try await volume.unmount()
        return result
    }

    /// - Returns: the minutes in which an enqueue was refused.
    private func course(_ soak: Soak, _ minuteCount: Int) async throws -> Int {
        try await onThread {
            try RecordingClient(soak.broker, soak.history).createQueue(Soak.queue)
        }
        return try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<Self.producerCount {
                group.addTask { try await onThread { try soak.produce(UInt32(number)) } }
            }
            for number in 0..<Self.consumerCount {
                group.addTask { try await onThread { try soak.consume(100 + UInt32(number)) } }
            }
            var fullMinuteCount = 0
            for minute in 1...minuteCount {
                let before = soak.counts
                // An hour is what it is about: there is no event to wait for.
                try await Task.sleep(for: .seconds(60))
                if let failure = soak.failure { throw failure }
                let now = soak.counts
                guard now.accepted > before.accepted, now.acked > before.acked else {
                    throw TestFault("stuck for a minute: \(before), then \(now)")
                }
                if now.refused > before.refused { fullMinuteCount += 1 }
                if minute % max(minuteCount / Self.killCount, 1) == 0 {
                    await soak.broker.kill()
                    try await soak.broker.restart(notedIn: soak.history)
                    soak.serves()
                }
            }
            soak.stop()
            try await group.waitForAll()
            if let failure = soak.failure { throw failure }
            try await onThread { try soak.drain() }
            say("- \(name): \(soak.counts)")
            return fullMinuteCount
        }
    }
}
