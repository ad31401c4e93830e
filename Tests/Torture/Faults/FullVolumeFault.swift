internal import Foundation
internal import HoldfastHarness
internal import HoldfastHistory

/// A small volume is full, by jobs or by another process: enqueues are refused `storage_full`, all else
/// goes on, and within 5 s of space being there again enqueues are accepted, without a restart (L5).
struct FullVolumeFault: Fault {
    enum Filler: String, Sendable {
        case jobs
        case other
    }

    let kind: FileSystemKind
    let filler: Filler

    var name: String { "full-\(filler == .jobs ? "" : "other-")\(kind)" }
    let unit = "full volumes"
    let countWanted = 20
    let roundSecondsMax = 300

    func probe() async throws(NotAvailable) {
        try await kind.probe()
    }

    func round(seed: UInt64, isSmall: Bool) async throws -> RoundResult {
        let directory = try await Image.directory()
        let image = try Image.make(mebibytes: kind.mebibytesToFill, in: directory)
        let volume = try await Volume.mount(kind, over: image, isFresh: true)
        var result = RoundResult(count: 1)
        do {
            let broker = try await BrokerProcess.start(
                BrokerProcess.Launch(["--segment-mib", "1"]), on: "\(volume.mountPoint)/data")
            let history = HistoryRecorder()
            do {
                try await course(broker, history, volume, seed: seed)
            } catch {
                result.violations.append("\(error)\n\(broker.logEnd)")
            }
            // Before the volume goes.
            await broker.kill()
            result.violations += HistoryChecker(isDrained: result.violations.isEmpty)
                .complaints(history.events)
        }
        try await volume.unmount()
        return result
    }

    private func course(
        _ broker: BrokerProcess, _ history: HistoryRecorder, _ volume: Volume, seed: UInt64
    ) async throws {
        var random = SeededRandom(seed: seed)
        let filling = FillingClient(
            broker: broker, history: history,
            payloadByteCount: Int.random(in: 8_000...28_000, using: &random))
        try await onThread { try filling.begin() }
        let ballast = "\(volume.mountPoint)/ballast"
        if filler == .other {
            try await onThread { try filling.enqueue(requestCount: 40) }
            // Ends with an error, which is what it is for.
            _ = try? await Command.run([
                "dd", "if=/dev/zero", "of=\(ballast)", "bs=64k", "conv=fsync", "status=none",
            ])
        }
        try await onThread {
            try filling.fill()
            try filling.work()
        }
        // A start with no space has to succeed as well.
        if random.chance(50) {
            await broker.kill()
            try await broker.restart()
            try await onThread { try filling.work() }
        }
        try await onThread { try filling.drain() }
        if filler == .other { unlink(ballast) }
        try await onThread {
            try filling.awaitSpace()
            try filling.drain()
        }
    }
}

/// Enqueues until the volume is full, and goes on with all that must go on then.
private struct FillingClient {
    static let queue = "full"
    /// L5.
    static let spaceNanosecondsMax: UInt64 = 5_000_000_000
    private static let jobCount = 8

    let broker: BrokerProcess
    let history: HistoryRecorder
    let payloadByteCount: Int

    private var client: RecordingClient {
        get throws { try RecordingClient(broker, history) }
    }

    func begin() throws { try client.createQueue(Self.queue) }

    func enqueue(requestCount: Int) throws {
        let client = try client
        for _ in 0..<requestCount { _ = try request(client) }
    }

    /// - Throws: where nothing is refused before the volume could not have taken so much.
    func fill() throws {
        let client = try client
        let requestCountMax = (512 << 20) / (payloadByteCount * Self.jobCount)
        for _ in 0..<requestCountMax where try !request(client) { return }
        throw TestFault("a volume of less than 512 MiB took \(requestCountMax) requests")
    }

    /// All verbs on what is there succeed at full.
    func work() throws {
        let client = try client
        for (index, token) in try client.lease(Self.queue, count: 16).enumerated() {
            let results: [TestResult]
            switch index % 4 {
            case 0: results = try client.ack([token])
            case 1: results = try client.nack([token])
            case 2: results = try client.release([token])
            default: results = try client.heartbeat([token]) + client.ack([token])
            }
            guard results.allSatisfy({ $0.refusal == nil }) else {
                throw TestFault("at full, \(token) was answered with \(results)")
            }
        }
        _ = try request(client)
    }

    /// All acks succeed at full.
    func drain() throws { try client.drain([Self.queue]) }

    /// Asks again and again until an enqueue is accepted.
    func awaitSpace() throws {
        let client = try client
        let begun = HistoryRecorder.now()
        while try !request(client) {
            guard HistoryRecorder.now() - begun < Self.spaceNanosecondsMax else {
                throw TestFault("no enqueue was accepted for 5 s after there was space again")
            }
            // Nothing is there to be leased: a wait.
            _ = try client.lease(Self.queue, count: 1, waitMilliseconds: 50)
        }
    }

    /// - Returns: whether it was accepted; false: it was refused `storage_full`.
    private func request(_ client: RecordingClient) throws -> Bool {
        try client.enqueue(
            Self.queue,
            (0..<Self.jobCount).map { index in
                TestJob(
                    "\(HistoryRecorder.now()).\(index) "
                        + String(repeating: "x", count: payloadByteCount))
            })
    }
}
