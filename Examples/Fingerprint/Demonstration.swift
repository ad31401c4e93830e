internal import HoldfastClient
internal import Logging
internal import ServiceLifecycle

/// One run of the whole example, with its crashes. Reads from top to bottom in `perform`.
actor Demonstration: Service {
    /// With fewer there is no middle in which something can be killed.
    static let fileCountMin = 100

    private(set) var isGood = false

    private let directory: FileName
    private let files: [FileName]
    private let workerCount: Int
    private let stage: Stage
    private let tally: Tally
    private let client: BrokerClient
    private var bar: ProgressBar
    private var pendingWhenKilled: Int?

    init(directory: FileName, fileCountMax: Int, workerCount: Int) throws {
        self.directory = directory
        self.workerCount = workerCount
        files = try FileTree.regularFiles(below: directory, limit: fileCountMax)
        guard files.count >= Self.fileCountMin else {
            throw FingerprintFault(
                "there are \(files.count) files below \(directory.percentEncoded); "
                    + "at least \(Self.fileCountMin) are needed to crash something in the middle")
        }
        stage = try Stage()
        // A fifth of the files: the rest is enqueued only as results come in.
        tally = Tally(total: files.count, aheadMax: files.count / 5)
        client = BrokerClient(
            ClientConfiguration(address: stage.address, clientName: "fingerprint demonstration"),
            logger: Logger(label: "fingerprint") { _ in SwiftLogNoOpLogHandler() })
        bar = ProgressBar(total: files.count)
    }

    func run() async throws {
        let tally = tally
        do {
            try await withTaskCancellationHandler {
                try await perform()
            } onCancel: {
                Task { await tally.abandon() }
            }
        } catch {
            await tally.abandon()
            await stage.clear()
            bar.finish()
            bar.announce("the broker said last: \(await stage.lastWordsOfBroker())")
            bar.announce("what is left is in \(stage.directory.path)")
            throw error
        }
        await stage.clear()
    }

    private func perform() async throws {
        let start = ContinuousClock.now
        bar.announce("\(files.count) files below \(directory.percentEncoded)")
        try await stage.startBroker()
        // Five seconds until a job of a dead worker is given to another.
        let policy = QueuePolicy(visibilityTimeoutMilliseconds: 5_000)
        try await client.createQueue(FingerprintJob.queue, policy: policy)
        try await client.createQueue(FingerprintResult.queue, policy: policy)
        bar.announce("broker: \(await stage.lastWordsOfBroker())")
        try await stage.startWorkers(workerCount)

        try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask {
                try await self.enqueueAll()
                return false
            }
            group.addTask {
                try await self.collect()
                return false
            }
            group.addTask {
                try await self.conduct()
                return true
            }
            while let isEnd = try await group.next(), !isEnd {}
            group.cancelAll()
            // What is cancelled may throw as it ends.
            while let ended = await group.nextResult() { _ = ended }
        }
        let seconds = start.duration(to: .now) / .seconds(1)
        bar.show(await tally.completedCount)
        bar.finish()

        let complaints = await end()
        let comparison = await tally.book.compare(
            with: files,
            references: try ReferenceDigests.of(files, keepingIn: stage.directory.path))
        for line in complaints + comparison.lines { print(line) }
        print("pending when killed: \(pendingWhenKilled ?? 0)")
        print("seconds:             \((seconds * 10).rounded() / 10)")
        isGood = comparison.isGood && comparison.redeliveredCount > 0 && complaints.isEmpty
        bar.announce("the store is left in \(await stage.dataDirectory)")
    }

    // MARK: The three that run side by side

    /// One job for each file, up to 32 enqueues in flight.
    private func enqueueAll() async throws {
        let client = client
        let tally = tally
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (index, file) in files.enumerated() {
                if index >= 32 { try await group.next() }
                await tally.willEnqueue()
                group.addTask {
                    try await client.enqueue(FingerprintJob(file: file), to: FingerprintJob.queue)
                    await tally.didEnqueue()
                }
                await killBrokerInTheMiddle()
            }
            try await group.waitForAll()
        }
    }

    private func collect() async throws {
        let tally = tally
        try await ResultCollector(client: client).run { result in
            await tally.add(result)
            return true
        }
    }

    /// Brings the broker back, kills a worker, and waits for the end.
    private func conduct() async throws {
        while pendingWhenKilled == nil {
            guard await tally.completedShare <= Tally.middle.upperBound else {
                throw FingerprintFault("the middle went by without a moment to kill the broker")
            }
            try await tick()
        }
        try await stage.startBroker()
        try await client.ping()
        bar.announce("started it again: \(await stage.lastWordsOfBroker())")

        while true {
            if let leaseCount = await stage.killWorkerWithLease() {
                let leases = leaseCount == 1 ? "a lease" : "\(leaseCount) leases"
                bar.announce("killed a worker that held \(leases)")
                break
            }
            guard await tally.completedCount < tally.total else {
                throw FingerprintFault("the work was done before a worker could be killed")
            }
            try await tick()
        }

        var lastCompletedCount = 0
        var lastProgress = ContinuousClock.now
        while true {
            try await tick()
            let completedCount = await tally.completedCount
            if completedCount > lastCompletedCount {
                lastCompletedCount = completedCount
                lastProgress = .now
            }
            let isComplete = completedCount == files.count
            if isComplete, try await client.isDrained(FingerprintJob.queue),
                try await client.isDrained(FingerprintResult.queue)
            {
                return
            }
            // What is missing by then will not come: it is reported as missing.
            if lastProgress.duration(to: .now) > .seconds(60) { return }
        }
    }

    // MARK: Parts

    /// Kills the broker at the first moment between 40 and 60 % at which workers are at work and
    /// several enqueues are unanswered.
    private func killBrokerInTheMiddle() async {
        guard pendingWhenKilled == nil, Tally.middle.contains(await tally.completedShare),
            await tally.isEnqueueing
        else { return }
        let leaseCount = await stage.openLeaseCount()
        guard leaseCount > 0, pendingWhenKilled == nil else { return }
        let pendingCount = await tally.pendingCount
        await stage.killBroker()
        pendingWhenKilled = pendingCount
        let percent = Int(await tally.completedShare * 100)
        bar.announce(
            "killed the broker at \(percent) %; open: enqueues \(await tally.unansweredCount), "
                + "leases \(leaseCount)")
    }

    private func tick() async throws {
        bar.show(await tally.completedCount)
        try await Task.sleep(for: .milliseconds(20))
    }

    /// Stops everything the way it is meant to be stopped.
    ///
    /// - Returns: a sentence for each process that did not stop as it should.
    private func end() async -> [String] {
        var complaints = await stage.stopWorkers()
        await client.close()
        if let end = await stage.stopBroker(), end != .exited(0) {
            complaints.append("the broker \(end)")
        }
        return complaints
    }
}
