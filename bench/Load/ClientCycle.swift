internal import HoldfastClient
internal import Synchronization

/// A cycle over the client library, as a program in Swift would do it: a client for each producer and
/// consumer, a task for each request in flight. What it costs more than the raw protocol is what the
/// library costs.
final class ClientCycle: Sendable {
    private struct State {
        let ledger = CycleLedger()
        var isProducing = true
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let shape: CycleShape
    private let queue: String
    private let state = Mutex(State())

    private init(shape: CycleShape, queue: String) {
        self.shape = shape
        self.queue = queue
    }

    /// Measures, waits until every job is acknowledged, and gives back the accounts.
    static func run(
        _ shape: CycleShape, host: String, port: Int, queue: String, meter: ProcessorMeter
    ) async throws -> CycleLedger {
        let cycle = ClientCycle(shape: shape, queue: queue)
        let clients = (0..<shape.producers + shape.consumers).map { index in
            var configuration = ClientConfiguration(
                address: BrokerAddress(host: host, port: port), clientName: "bench \(index)")
            // The payload is noise: trying to compress it would measure that.
            configuration.compressionThreshold = nil
            return BrokerClient(configuration)
        }
        do {
            try await clients[0].createQueue(queue)
            try await withThrowingTaskGroup { group in
                for client in clients.prefix(shape.producers) {
                    for _ in 0..<shape.depth {
                        group.addTask { try await cycle.produce(client) }
                    }
                }
                for client in clients.suffix(shape.consumers) {
                    group.addTask { try await cycle.consume(client) }
                }
                group.addTask { try await cycle.keepTime(meter) }
                try await group.waitForAll()
            }
        } catch {
            for client in clients { await client.close() }
            throw error
        }
        for client in clients { await client.close() }
        return cycle.state.withLock { $0.ledger }
    }

    private func keepTime(_ meter: ProcessorMeter) async throws {
        try await Task.sleep(for: .seconds(shape.warmUpSeconds))
        meter.begin()
        state.withLock { $0.ledger.beginMeasuring() }
        try await Task.sleep(for: .seconds(shape.seconds))
        state.withLock { $0.ledger.endMeasuring() }
        meter.end()
        let waiting = state.withLock { state in
            state.isProducing = false
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }

    private func produce(_ client: BrokerClient) async throws {
        var random = SplitMix64(state: 42)
        let filler = (0..<shape.size).map { _ in UInt8(truncatingIfNeeded: random.next()) }
        while let first = await room() {
            let sent = MonotonicTime.nanoseconds
            let jobs = (0..<UInt64(shape.batch)).map { index in
                var payload = filler
                payload.withUnsafeMutableBytes {
                    $0.storeBytes(of: (first + index).littleEndian, as: UInt64.self)
                    $0.storeBytes(of: sent.littleEndian, toByteOffset: 8, as: UInt64.self)
                }
                return NewJob(payload: payload)
            }
            _ = try await client.enqueue(jobs, to: queue)
            let taken = MonotonicTime.nanoseconds - sent
            state.withLock { $0.ledger.enqueued(jobs.count, afterNanoseconds: taken) }
        }
    }

    /// Waits until another request may be sent.
    ///
    /// - Returns: the number of its first job; nil where the run is over.
    private func room() async -> UInt64? {
        while true {
            let (isProducing, first) = state.withLock { state -> (Bool, UInt64?) in
                guard state.isProducing else { return (false, nil) }
                guard state.ledger.unfinishedCount < shape.unfinishedCountMax else {
                    return (true, nil)
                }
                return (true, state.ledger.send(shape.batch))
            }
            if !isProducing || first != nil { return first }
            await withCheckedContinuation { continuation in
                let isWaiting = state.withLock { state in
                    guard state.isProducing,
                        state.ledger.unfinishedCount >= shape.unfinishedCountMax
                    else { return false }
                    state.waiting.append(continuation)
                    return true
                }
                if !isWaiting { continuation.resume() }
            }
        }
    }

    private func consume(_ client: BrokerClient) async throws {
        var tokens: [LeaseToken] = []
        var sent: [UInt64] = []
        while true {
            let (results, jobs) = try await client.ackAndLease(
                tokens, from: queue, count: shape.leaseCount, wait: .seconds(1),
                duration: .seconds(60))
            if let refused = results.first(where: { $0.refusal != nil }) {
                throw BenchFault("an ack was refused: \(refused.refusal?.name ?? "")")
            }
            let stamps = try jobs.map { job in
                guard let stamp = try job.payload.withUnsafeBytes(JobStamp.init(payload:)) else {
                    throw BenchFault("a job came back with another content")
                }
                return stamp
            }
            let now = MonotonicTime.nanoseconds
            let (resumed, isDrained) = state.withLock { state in
                for sent in sent { state.ledger.acknowledged(afterNanoseconds: now - sent) }
                for stamp in stamps { state.ledger.delivered(stamp.number) }
                var resumed: [CheckedContinuation<Void, Never>] = []
                if state.ledger.unfinishedCount < shape.unfinishedCountMax {
                    swap(&resumed, &state.waiting)
                }
                return (
                    resumed,
                    !state.isProducing && state.ledger.enqueuedCount == state.ledger.sentCount
                        && state.ledger.unfinishedCount == 0
                )
            }
            for continuation in resumed { continuation.resume() }
            if isDrained { return }
            tokens = jobs.map(\.token)
            sent = stamps.map(\.sentNanoseconds)
        }
    }
}
