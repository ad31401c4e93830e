internal import Foundation
internal import HoldfastHarness
internal import HoldfastHistory

/// F5: the power goes at any moment of a broker's life on a real file system: the device's content is made
/// anew from its log, with any part of what was not flushed, and a broker starts on it. All that had
/// been answered by that moment must be there.
struct PowerLossFault: Fault {
    let kind: FileSystemKind

    var name: String { "power-\(kind)" }
    let unit = "power losses"
    let countWanted = 100
    let roundSecondsMax = 300

    func probe() async throws(NotAvailable) {
        try await BlockDevice.probe(kind)
    }

    func round(seed: UInt64, isSmall: Bool) async throws -> RoundResult {
        var random = SeededRandom(seed: seed)
        let (log, history, begun) = try await life(&random, seed: seed, isSmall: isSmall)
        let firstIndex = log.records.firstIndex { $0.nanoseconds > begun } ?? 0
        guard firstIndex < log.records.count - 1 else {
            throw TestFault("the device saw nothing of the load")
        }
        let indices = (0..<(isSmall ? 3 : 12))
            .map { _ in Int.random(in: firstIndex..<log.records.count, using: &random) }.sorted()
        var result = RoundResult()
        let directory = try await Image.directory()
        let replay = try BlockReplay(
            log, on: Image.make(mebibytes: kind.mebibytes, in: directory))
        // One state is of a time before a job was asked for that must be there, which must not go
        // unnoticed. It comes first, since states are made from the oldest on.
        let seen = history.cut(at: log.records[indices[0]].nanoseconds)
        if let moment = seen.lastEnqueueToStay,
            let index = log.records.lastIndex(where: { $0.nanoseconds < moment })
        {
            let complaints = try await complaints(
                replay, PowerLoss(index: index, unflushed: .none, seed: 0), seen,
                isDrained: false)
            result.planted = (1, complaints.isEmpty ? 0 : 1)
            if complaints.isEmpty {
                result.violations.append(
                    "the judge is blind: a job is gone with record \(index), and found at "
                        + "\(indices[0])")
            }
        }
        for index in indices {
            let loss = PowerLoss(
                index: index,
                unflushed: PowerLoss.Unflushed.allCases.randomElement(using: &random) ?? .none,
                seed: random.next())
            let complaints = try await complaints(
                replay, loss, history.cut(at: log.records[index].nanoseconds),
                isDrained: index == indices.last)
            result.violations += complaints.map {
                "power lost at record \(loss.index) of \(log.records.count), unflushed: "
                    + "\(loss.unflushed): \($0)"
            }
            result.count += 1
            // One is enough, and a store that gives out no jobs takes its time.
            if !complaints.isEmpty { break }
        }
        return result
    }

    private func complaints(
        _ replay: BlockReplay, _ loss: PowerLoss, _ events: [HistoryEvent], isDrained: Bool
    ) async throws -> [String] {
        let image = try await replay.image(after: loss)
        defer { try? FileManager.default.removeItem(atPath: image) }
        do {
            return try await examine(
                image, events, lostAt: replay.moment(of: loss), isDrained: isDrained)
        } catch {
            return ["\(error)"]
        }
    }

    /// A broker under load on a device that writes everything down, killed once amid it.
    ///
    /// - Returns: what the device and the clients saw, and when the load began.
    private func life(
        _ random: inout SeededRandom, seed: UInt64, isSmall: Bool
    ) async throws -> (BlockLog, [HistoryEvent], begun: UInt64) {
        let site = try await DeviceSite(kind)
        let run = LoadRun(
            broker: try await BrokerProcess.start(
                BrokerProcess.Launch(["--segment-mib", "1"]), on: site.dataDirectory), seed: seed)
        let answers = (0..<2).map { _ in
            Int.random(in: isSmall ? 200...400 : 300...2_500, using: &random)
        }
        let begun = Counter()
        try await run.work(producerCount: 4, consumerCount: 6) { run in
            begun.add(Int(HistoryRecorder.now()))
            for (index, count) in answers.enumerated() {
                run.killAfter(answers: count)
                _ = await run.broker.exit()
                run.disarm()
                if run.failure != nil || index == answers.count - 1 { break }
                try await run.restart()
            }
            run.stop()
        }
        if let failure = run.failure { throw TestFault("\(failure)\n\(run.broker.logEnd)") }
        return (try await site.close(), run.history.events, UInt64(begun.value))
    }

    /// Starts a broker on what was left, looks at it, has it go on, kills it, and looks again.
    private func examine(
        _ image: String, _ events: [HistoryEvent], lostAt: UInt64, isDrained: Bool
    ) async throws -> [String] {
        let volume = try await Volume.mount(kind, over: image, isFresh: false)
        do {
            let history = HistoryRecorder()
            // Whether it is dead after its last attempt can be told only of one that is not leased.
            history.record(contentsOf: isDrained ? events : events.withoutAttempts)
            history.recordFault(.disk, from: lostAt, to: HistoryRecorder.now())
            let broker = try await BrokerProcess.start(
                BrokerProcess.Launch(["--segment-mib", "1"]),
                on: "\(volume.mountPoint)/\(DeviceSite.dataDirectoryName)", notedIn: history)
            let queues = LoadRun.queues.map(\.name)
            do {
                try await onThread {
                    let client = try RecordingClient(broker, history)
                    try client.consumeReady(queues)
                    try client.look(queues)
                    // A store that opens but cannot go on is no good.
                    for index in 1...3 {
                        _ = try client.enqueue(queues[0], [TestJob("new \(index)")])
                    }
                    if isDrained { try client.drain(queues) }
                }
            } catch {
                // Which job it was that nobody was given, the history says.
                await broker.kill()
                try await volume.unmount()
                return ["\(error)\n\(broker.logEnd)"]
                    + HistoryChecker.ofTorture(isDrained: false).complaints(history.events)
            }
            await broker.kill()
            // By itself: L1 to L3 are judged from the last fault on, which is the loss and the start after it.
            let lastStart = HistoryRecorder()
            try await broker.restart(notedIn: lastStart)
            try await onThread { try RecordingClient(broker, history).look(queues) }
            await broker.kill()
            try await volume.unmount()
            return HistoryChecker.ofTorture(isDrained: true).complaints(history.events)
                + HistoryChecker.ofTorture(isDrained: false).complaints(lastStart.events)
        } catch {
            try? await volume.unmount()
            throw error
        }
    }
}

extension [HistoryEvent] {
    /// When the last job was asked for that was accepted and that nobody has asked to end.
    fileprivate var lastEnqueueToStay: UInt64? {
        let ended = Set(
            compactMap { event -> UInt64? in
                switch event.operation {
                case .ack, .reject, .cancel: event.job
                default: nil
                }
            })
        return filter { event in
            guard case .enqueue(let job?, _, _, _, _, _) = event.operation else { return false }
            return event.outcome == .ok && !ended.contains(job)
        }.map(\.invoked).max()
    }

    /// The same, where nobody knows how many attempts a job may have.
    fileprivate var withoutAttempts: [HistoryEvent] {
        map { event in
            guard
                case .enqueue(let job, let queue, let content, let delay, _, let key) =
                    event.operation
            else { return event }
            var event = event
            event.operation = .enqueue(
                job: job, queue: queue, content: content, delayMilliseconds: delay,
                attemptCountMax: 0, key: key)
            return event
        }
    }
}
