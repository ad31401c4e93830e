internal import Foundation
internal import HoldfastHarness
internal import HoldfastHistory

/// F9, F10: a small volume is full, by jobs or by another process: enqueues are refused `storage_full`, all
/// else goes on, and within 5 s of space being there again enqueues are accepted, without a restart (L5).
/// When all of that is done the store is small again (L6).
struct FullVolumeFault: Fault {
    enum Filler: Sendable {
        case jobs
        case other
        /// Another process makes so many files that no more can be made, with space left.
        case inodes
    }

    let kind: FileSystemKind
    let filler: Filler

    var name: String {
        switch filler {
        case .jobs: "full-\(kind)"
        case .other: "full-other-\(kind)"
        case .inodes: "full-inodes-\(kind)"
        }
    }
    let unit = "full volumes"
    let countWanted = 20
    let roundSecondsMax = 300

    func probe() async throws(NotAvailable) {
        try await kind.probe()
    }

    func round(seed: UInt64, isSmall: Bool) async throws -> RoundResult {
        let directory = try await Image.directory()
        // Large ones have the segments that a broker chooses for them.
        let isLarge = !isSmall && seed % 4 == 1
        let mebibytes = isLarge ? 512 : kind.mebibytesToFill
        let image = try Image.make(mebibytes: mebibytes, in: directory)
        let volume = try await Volume.mount(kind, over: image, isFresh: true)
        var result = RoundResult(count: 1)
        do {
            let broker = try await BrokerProcess.start(
                BrokerProcess.Launch(isLarge ? [] : ["--segment-mib", "1"]),
                on: "\(volume.mountPoint)/data")
            let history = HistoryRecorder()
            do {
                try await course(broker, history, volume, seed: seed)
            } catch {
                result.violations.append("\(error)\n\(broker.logEnd)")
            }
            // Before the volume goes.
            await broker.kill()
            let tally = Tally(history.events)
            say("- \(name), \(mebibytes) MiB: \(tally)")
            result.violations += HistoryChecker.ofTorture(isDrained: result.violations.isEmpty)
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
        let ballast = Ballast(directory: "\(volume.mountPoint)/ballast")
        if filler != .jobs {
            try await onThread { try filling.enqueue(requestCount: 40) }
            try await ballast.load(filler)
        }
        let begun = try await onThread {
            let moment = try filling.fill()
            try filling.work()
            return moment
        }
        // Starts with no space have to succeed as well, as often as somebody tries.
        for _ in 0..<Int.random(in: 0...4, using: &random) {
            await broker.kill()
            try await broker.restart(notedIn: history)
            try await onThread { try filling.work() }
        }
        try await onThread { try filling.drain() }
        if filler != .jobs { try await ballast.remove() }
        history.recordFault(.full, from: begun, to: HistoryRecorder.now())
        try await onThread {
            try filling.awaitSpace()
            try filling.drain()
            try filling.awaitSmallness()
        }
    }
}

/// What clients of a full volume were answered.
private struct Tally: CustomStringConvertible {
    var acceptedCount = 0
    var refusedCount = 0
    var ackCount = 0
    var goodAckCount = 0

    init(_ events: [HistoryEvent]) {
        for event in events {
            switch event.operation {
            case .enqueue:
                if event.outcome == .ok { acceptedCount += 1 } else { refusedCount += 1 }
            case .ack:
                ackCount += 1
                if event.outcome == .ok { goodAckCount += 1 }
            default: break
            }
        }
    }

    var description: String {
        "\(acceptedCount) jobs accepted, \(refusedCount) refused, \(goodAckCount) of \(ackCount) "
            + "acks succeeded"
    }
}

/// What another process leaves no room with.
private struct Ballast {
    let directory: String

    func load(_ filler: FullVolumeFault.Filler) async throws {
        try await Command.run(["mkdir", directory])
        let command =
            filler == .inodes
            ? ["sh", "-c", "i=0; while : > \(directory)/$i; do i=$((i + 1)); done"]
            : [
                "dd", "if=/dev/zero", "of=\(directory)/0", "bs=64k", "conv=fsync", "status=none",
            ]
        // Ends with an error, which is what it is for.
        _ = try? await Command.run(command)
    }

    func remove() async throws { try await Command.run(["rm", "-r", directory]) }
}

/// Enqueues until the volume is full, and goes on with all that must go on then.
private struct FillingClient {
    static let queue = "full"
    /// L6.
    private static let smallnessNanosecondsMax: UInt64 = 60_000_000_000
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

    /// - Returns: when the first request that was refused was sent.
    /// - Throws: where nothing is refused before the volume could not have taken so much.
    func fill() throws -> UInt64 {
        let client = try client
        let requestCountMax = (512 << 20) / (payloadByteCount * Self.jobCount)
        for _ in 0..<requestCountMax {
            let sent = HistoryRecorder.now()
            if try !request(client) { return sent }
        }
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

    func awaitSpace() throws { try client.awaitSpace(Self.queue, newJobs) }

    /// Looks again and again until the store, in which all is done, takes no more than it should.
    func awaitSmallness() throws {
        let client = try client
        let begun = HistoryRecorder.now()
        while true {
            let size = Result { try StoreSize(of: broker.dataDirectory) }
            // Files come and go: a list that cannot be made now can be made the next time.
            if (try? size.get())?.isThatOfAnEmptyStore == true { return }
            guard HistoryRecorder.now() - begun < Self.smallnessNanosecondsMax else {
                throw TestFault("L6 space comes back: after 60 s without a job it takes \(size)")
            }
            // Nothing is there to be leased: a wait.
            _ = try client.lease(Self.queue, count: 1, waitMilliseconds: 200)
        }
    }

    /// - Returns: whether it was accepted; false: it was refused `storage_full`.
    private func request(_ client: RecordingClient) throws -> Bool {
        try client.enqueue(Self.queue, newJobs())
    }

    private func newJobs() -> [TestJob] {
        (0..<Self.jobCount).map { index in
            TestJob(
                "\(HistoryRecorder.now()).\(index) "
                    + String(repeating: "x", count: payloadByteCount))
        }
    }
}
