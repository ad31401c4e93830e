import HoldfastEngine
import HoldfastModel
import HoldfastRecords
import HoldfastSimulation

/// The verbs of a sweep, and what whoever speaks them holds. The same verbs in the same state make
/// the same records, whatever the disk did.
struct SweepHands: Sendable {
    private static let queueNames = ["alpha", "beta"]
    private var tokens: [LeaseToken] = []
    private var bornCount = 0

    mutating func enqueue(
        _ count: Int, byteCount: Int, delayMilliseconds: UInt64, queue: Int,
        attemptCountMax: UInt32, on store: StoreUnderTest
    ) {
        store.openBatch()
        let batch = store.batch
        for _ in 0..<count {
            bornCount += 1
            var random = SeededRandom(seed: UInt64(bornCount))
            let payload = (0..<byteCount).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            let content = payload.withUnsafeBytes {
                JobContent.bytes(kind: "work".utf8, headers: [], payload: $0)
            }
            var options = EnqueueOptions(priority: UInt8(bornCount % 2))
            options.delayMilliseconds = delayMilliseconds
            options.attemptCountMax = attemptCountMax
            store.withEngine { engine in
                guard
                    let queue = Self.queueNames[queue].withUTF8Bytes({
                        try? engine.ensureQueue(named: $0, into: batch)
                    })
                else { return }
                _ = content.withUnsafeBytes {
                    engine.enqueue(
                        to: queue, options: options, content: $0, producer: nil, into: batch)
                }
            }
        }
    }

    mutating func lease(
        _ count: Int, queue: Int, milliseconds: UInt32, on store: StoreUnderTest
    ) {
        store.openBatch()
        let batch = store.batch
        var deliveries: [Delivery] = []
        store.withEngine { engine in
            guard let queue = Self.queueNames[queue].withUTF8Bytes({ engine.queue(named: $0) })
            else { return }
            try? engine.lease(
                from: queue, count: count, durationMilliseconds: milliseconds, owner: 1,
                into: batch, deliveries: &deliveries)
            for delivery in deliveries {
                tokens.append(
                    engine.configuration.key.leaseToken(delivery.lsn, version: delivery.version))
            }
        }
    }

    mutating func ack(_ count: Int, on store: StoreUnderTest) {
        let taken = take(count)
        store.openBatch()
        let batch = store.batch
        var results: [ItemResult] = []
        store.withEngine { engine in
            taken.withUnsafeBufferPointer { engine.ack($0, into: batch, results: &results) }
        }
    }

    mutating func nack(_ count: Int, on store: StoreUnderTest) {
        let taken = take(count)
        store.openBatch()
        let batch = store.batch
        var results: [ItemResult] = []
        store.withEngine { engine in
            "boom".withUTF8Bytes { error in
                taken.withUnsafeBufferPointer {
                    engine.nack(
                        $0, delayMilliseconds: 500, error: error, into: batch, results: &results)
                }
            }
        }
    }

    private mutating func take(_ count: Int) -> [LeaseToken] {
        defer { tokens.removeFirst(min(count, tokens.count)) }
        return Array(tokens.prefix(count))
    }

    func expire(on store: StoreUnderTest) {
        store.openBatch()
        let batch = store.batch
        let boot = store.clock.bootMilliseconds
        store.withEngine { engine in
            _ = engine.expireLeases(
                bootMilliseconds: boot, limit: 100, isConnected: { _ in false }, into: batch)
        }
    }

    /// - Returns: whether all births that had to be read could be.
    func cancelAll(queue: Int, on store: StoreUnderTest) throws -> Bool {
        store.openBatch()
        let (lsns, key) = store.withEngine { engine -> ([LSN], StoreKey) in
            let key = engine.configuration.key
            guard let queue = Self.queueNames[queue].withUTF8Bytes({ engine.queue(named: $0) })
            else { return ([], key) }
            let (jobs, _) = engine.jobCandidates(in: queue, state: nil, after: 0, limit: 1_024)
            return (jobs.map(\.lsn).sorted(), key)
        }
        let births = try store.births(of: lsns)
        let batch = store.batch
        var results: [ItemResult] = []
        store.withEngine { engine in
            engine.cancel(
                lsns.map(key.jobID), births: { births[$0] }, into: batch, results: &results)
        }
        return births.count == lsns.count
    }

    func redrive(queue: Int, on store: StoreUnderTest) {
        store.openBatch()
        let batch = store.batch
        store.withEngine { engine in
            guard let queue = Self.queueNames[queue].withUTF8Bytes({ engine.queue(named: $0) })
            else { return }
            _ = engine.redrive(from: queue, limit: 100, into: batch)
        }
    }
}
