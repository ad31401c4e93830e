import Foundation
import HoldfastEngine
import HoldfastModel
import HoldfastPages
import HoldfastRecords
import Testing

/// What the engine costs per job, printed and not judged: other work shares the machine.
@Suite(.serialized) struct EngineBenchmark {
    /// A million with HOLDFAST_MEASURE in the environment; else only enough to see that it runs.
    static let jobCount =
        ProcessInfo.processInfo.environment["HOLDFAST_MEASURE"] == nil ? 20_480 : 1_000_000

    @Test("enqueue, lease and ack: nanoseconds a job, at three depths, with and without a backlog")
    func perJob() {
        for (backlog, depth) in [
            (0, 1), (0, 64), (0, 256), (Self.jobCount, 1), (Self.jobCount, 256),
        ] {
            var bench = EngineCycle(backlog: backlog)
            let line = bench.run(jobCount: Self.jobCount, depth: depth)
            print("engine backlog \(backlog) depth \(depth): \(line)")
            #expect(bench.leaseCount == 0)
        }
    }
}

struct EngineCycle: ~Copyable {
    private var engine: JobEngine
    private let batch = RecordBatch(capacity: 1 << 20)
    private var queue = QueueID(rawValue: 0)
    private let key = StoreKey(low: 1, high: 2)
    private let content = [UInt8](repeating: 7, count: 200)

    init(backlog: Int) {
        engine = EngineRig.emptyEngine(EngineConfiguration(key: key), PageLimits())
        batch.open(firstLSN: 1, frameTime: 1_000_000)
        let name = Array("bench".utf8)
        queue = name.withUnsafeBytes { try! engine.ensureQueue(named: $0, into: batch) }
        enqueue(backlog)
    }

    var leaseCount: Int { engine.leaseCount }

    private mutating func enqueue(_ count: Int) {
        content.withUnsafeBytes { content in
            for _ in 0..<count {
                _ = engine.enqueue(
                    to: queue, options: EnqueueOptions(), content: content, producer: nil,
                    into: batch)
                if batch.byteCount > 256 * 1024 { reopen() }
            }
        }
    }

    private func reopen() {
        batch.open(firstLSN: batch.nextLSN, frameTime: batch.frameTime + 1)
    }

    mutating func run(jobCount: Int, depth: Int) -> String {
        let clock = ContinuousClock()
        var times = [Duration](repeating: .zero, count: 3)
        var deliveries: [Delivery] = []
        var tokens: [LeaseToken] = []
        var results: [ItemResult] = []
        var boot: Int64 = 1_000
        // With one at a time the clock would be measured: whole rounds instead.
        let round = max(depth, 4_096)
        for _ in 0..<jobCount / round {
            let start = clock.now
            var leased = start
            var acked = start
            if depth >= 64 {
                for _ in 0..<round / depth {
                    let a = clock.now
                    enqueue(depth)
                    let b = clock.now
                    deliveries.removeAll(keepingCapacity: true)
                    try! engine.lease(
                        from: queue, count: depth, durationMilliseconds: 0, owner: 1, into: batch,
                        deliveries: &deliveries)
                    let c = clock.now
                    tokens.removeAll(keepingCapacity: true)
                    for delivery in deliveries {
                        tokens.append(key.leaseToken(delivery.lsn, version: delivery.version))
                    }
                    engine.startLeaseClocks(
                        throughDurable: batch.lastLSN, bootMilliseconds: boot)
                    results.removeAll(keepingCapacity: true)
                    tokens.withUnsafeBufferPointer {
                        engine.ack($0, into: batch, results: &results)
                    }
                    let d = clock.now
                    times[0] += b - a
                    times[1] += c - b
                    times[2] += d - c
                    boot += 1
                    reopen()
                }
                continue
            }
            for _ in 0..<round {
                enqueue(1)
                deliveries.removeAll(keepingCapacity: true)
                try! engine.lease(
                    from: queue, count: 1, durationMilliseconds: 0, owner: 1, into: batch,
                    deliveries: &deliveries)
                engine.startLeaseClocks(throughDurable: batch.lastLSN, bootMilliseconds: boot)
                tokens.removeAll(keepingCapacity: true)
                tokens.append(key.leaseToken(deliveries[0].lsn, version: deliveries[0].version))
                results.removeAll(keepingCapacity: true)
                tokens.withUnsafeBufferPointer { engine.ack($0, into: batch, results: &results) }
                if batch.byteCount > 256 * 1024 { reopen() }
                boot += 1
            }
            leased = clock.now
            acked = leased
            times[0] += acked - start
        }
        let total = times.reduce(.zero, +)
        func perJob(_ time: Duration) -> Int { Int(time / .nanoseconds(1)) / jobCount }
        return "\(perJob(total)) ns a job (enqueue \(perJob(times[0])), lease \(perJob(times[1])), "
            + "ack and clocks \(perJob(times[2])))"
    }
}
