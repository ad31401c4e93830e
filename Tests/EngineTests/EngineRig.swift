import HoldfastEngine
import HoldfastModel
import HoldfastPages
import HoldfastRecords
import Testing

/// An engine with a batch, two clocks, and a journal of all it wrote: what a broker puts around it.
final class EngineRig {
    struct Frame {
        var frameTime: Int64
        var records: [(lsn: LSN, body: [UInt8])]
    }

    static let key = StoreKey(low: 0x1122_3344_5566_7788, high: 0x99AA_BBCC_DDEE_FF00)
    static let startTime: Int64 = 1_800_000_000_000

    let configuration: EngineConfiguration
    let limits: PageLimits
    var engine: JobEngine
    let disk = PageDisk()
    /// The snapshots that are kept, the newest last, and the one that is being written.
    var kept: [Snapshot] = []
    var frozen: (image: EngineImage, frameCount: Int)?
    var epoch: UInt32 = 1
    let batch = RecordBatch()
    /// Broker time and boot clock, in milliseconds.
    private(set) var time = EngineRig.startTime
    private(set) var boot: Int64 = 16_000
    private(set) var frames: [Frame] = []
    private var births: [LSN: BirthFacts] = [:]

    init(
        limits: PageLimits = .small, _ change: (inout EngineConfiguration) -> Void = { _ in }
    ) {
        var configuration = EngineConfiguration(key: Self.key, recentAckCount: 1 << 10)
        change(&configuration)
        self.configuration = configuration
        self.limits = limits
        engine = Self.emptyEngine(configuration, limits, disk)
        batch.open(firstLSN: 1, frameTime: time)
    }

    /// Makes the open batch durable: into the journal it goes, and the leases' clocks start.
    func commit() {
        var records: [(LSN, [UInt8])] = []
        for lsn in batch.firstLSN..<batch.nextLSN {
            records.append((lsn, Array(batch.body(of: lsn)!)))
            births[lsn] = BirthFacts(lsn: lsn, body: batch.body(of: lsn)!)
        }
        if !records.isEmpty { frames.append(Frame(frameTime: batch.frameTime, records: records)) }
        engine.startLeaseClocks(throughDurable: batch.lastLSN, bootMilliseconds: boot)
        batch.open(firstLSN: batch.nextLSN, frameTime: time)
    }

    /// Lets time pass on both clocks and moves the jobs that have become due.
    func pass(_ milliseconds: Int64) {
        commit()
        time += milliseconds
        boot += milliseconds
        batch.open(firstLSN: batch.nextLSN, frameTime: time)
        engine.advance(to: time, into: batch)
        commit()
    }

    /// A broker that stops and starts again on the log alone: its snapshots are lost.
    func restart() {
        commit()
        kept = []
        frozen = nil
        engine = Self.emptyEngine(configuration, limits, disk)
        Self.replay(frames, on: &engine)
        engine.restartLeaseClocks(bootMilliseconds: boot)
    }

    static func replay(_ frames: [Frame], on engine: inout JobEngine, blankingContent: Bool = false)
    {
        for frame in frames {
            for record in frame.records {
                var body = record.body
                if blankingContent { blankContent(of: &body, lsn: record.lsn) }
                do {
                    try body.withUnsafeBytes { bytes in
                        try engine.replay(
                            lsn: record.lsn, frameTime: frame.frameTime, body: bytes)
                    }
                } catch {
                    Issue.record("replay: \(error)")
                    return
                }
            }
        }
    }

    /// Zeros where a birth's content is.
    static func blankContent(of body: inout [UInt8], lsn: LSN) {
        let start = body.withUnsafeBytes { bytes in
            (try? EngineRecord(lsn: lsn, body: bytes))?.contentOffset
        }
        guard let start else { return }
        for position in start..<body.count { body[position] = 0 }
    }

    /// What the records so far make of an empty engine.
    func dumpOfReplay(blankingContent: Bool = false) -> [UInt8] {
        var replica = Self.emptyEngine(configuration)
        Self.replay(frames, on: &replica, blankingContent: blankingContent)
        return replica.canonicalDump()
    }

    // MARK: Verbs, with arrays for buffers

    func queue(_ name: String) -> QueueID {
        Array(name.utf8).withUnsafeBytes { try! engine.ensureQueue(named: $0, into: batch) }
    }

    /// - Returns: whether there was one like it.
    func createQueue(_ name: String, _ policy: QueuePolicy) throws(Refusal) -> Bool {
        let name = UnsafeMutableRawBufferPointer.copy(of: name)
        defer { name.deallocate() }
        return try engine.createQueue(
            named: UnsafeRawBufferPointer(name), policy: policy, into: batch
        ).isDuplicate
    }

    func enqueue(
        _ queue: QueueID, _ options: EnqueueOptions = EnqueueOptions(),
        content: [UInt8] = JobContent.sample,
        producer: (slot: ProducerSlot, sequence: UInt64, count: UInt32)? = nil
    ) -> LSN {
        content.withUnsafeBytes {
            engine.enqueue(
                to: queue, options: options, content: $0, producer: producer, into: batch)
        }
    }

    func lease(
        _ queue: QueueID, count: Int = 1, duration: UInt32 = 0, owner: UInt32 = 1
    ) throws(Refusal) -> [Delivery] {
        var deliveries: [Delivery] = []
        try engine.lease(
            from: queue, count: count, durationMilliseconds: duration, owner: owner, into: batch,
            deliveries: &deliveries)
        return deliveries
    }

    func ack(_ tokens: [LeaseToken]) -> [ItemResult] {
        var results: [ItemResult] = []
        tokens.withUnsafeBufferPointer { engine.ack($0, into: batch, results: &results) }
        return results
    }

    func nack(_ tokens: [LeaseToken], delay: UInt64? = nil, error: String = "") -> [ItemResult] {
        var results: [ItemResult] = []
        Array(error.utf8).withUnsafeBytes { error in
            tokens.withUnsafeBufferPointer {
                engine.nack(
                    $0, delayMilliseconds: delay, error: error, into: batch, results: &results)
            }
        }
        return results
    }

    func release(_ tokens: [LeaseToken]) -> [ItemResult] {
        var results: [ItemResult] = []
        tokens.withUnsafeBufferPointer { engine.release($0, into: batch, results: &results) }
        return results
    }

    func reject(_ tokens: [LeaseToken], reason: String = "") -> [ItemResult] {
        var results: [ItemResult] = []
        Array(reason.utf8).withUnsafeBytes { reason in
            tokens.withUnsafeBufferPointer {
                engine.reject($0, reason: reason, into: batch, results: &results)
            }
        }
        return results
    }

    func extend(_ tokens: [LeaseToken], duration: UInt32, owner: UInt32 = 1) -> [ItemResult] {
        var results: [ItemResult] = []
        tokens.withUnsafeBufferPointer {
            engine.extend(
                $0, durationMilliseconds: duration, bootMilliseconds: boot, owner: owner,
                into: batch, results: &results)
        }
        return results
    }

    func heartbeat(
        _ token: LeaseToken, checkpoint: [UInt8]? = nil, duration: UInt32 = 0, owner: UInt32 = 1
    ) -> ItemResult {
        var results: [ItemResult] = []
        let bytes = checkpoint ?? []
        bytes.withUnsafeBytes { bytes in
            let item = HeartbeatItem(token: token, checkpoint: checkpoint == nil ? nil : bytes)
            engine.heartbeat(
                [item], durationMilliseconds: duration, bootMilliseconds: boot, owner: owner,
                into: batch, results: &results)
        }
        return results[0]
    }

    func cancel(_ ids: [JobID]) -> [ItemResult] {
        var results: [ItemResult] = []
        engine.cancel(ids, births: birth(of:), into: batch, results: &results)
        return results
    }

    /// What a broker reads from the log.
    func birth(of lsn: LSN) -> BirthFacts? {
        births[lsn] ?? batch.body(of: lsn).flatMap { BirthFacts(lsn: lsn, body: $0) }
    }

    private func neededBirth(of lsn: LSN) -> BirthFacts? {
        engine.needsBirth(lsn) ? birth(of: lsn) : nil
    }

    func job(_ id: JobID) throws(Refusal) -> JobSummary {
        try engine.job(id, birth: neededBirth(of: id.lsn))
    }

    /// A page of a listing, as a broker makes it.
    func jobs(
        in queue: QueueID, state: JobState?, after cursor: UInt64, limit: Int
    ) -> (jobs: [JobSummary], next: UInt64?) {
        let (candidates, next) = engine.jobCandidates(
            in: queue, state: state, after: cursor, limit: limit)
        let jobs = candidates.compactMap { candidate in
            #expect(candidate.needsBirth == engine.needsBirth(candidate.lsn))
            return engine.summary(
                of: candidate.lsn, birth: candidate.needsBirth ? birth(of: candidate.lsn) : nil)
        }
        return (jobs.filter { $0.queue == queue && state ?? $0.state == $0.state }, next)
    }

    func redrive(_ ids: [JobID]) -> [ItemResult] {
        var results: [ItemResult] = []
        engine.redrive(ids, into: batch, results: &results)
        return results
    }

    func expire(connected: Set<UInt32> = [1], limit: Int = 10_000) -> Int {
        engine.expireLeases(
            bootMilliseconds: boot, limit: limit, isConnected: { connected.contains($0) },
            into: batch)
    }

    func token(_ lsn: LSN, _ version: UInt32) -> LeaseToken {
        configuration.key.leaseToken(lsn, version: version)
    }

    func id(_ lsn: LSN) -> JobID { configuration.key.jobID(lsn) }
}

extension JobContent {
    static let sample = bytes(
        kind: "test".utf8, headers: [], payload: UnsafeRawBufferPointer(start: nil, count: 0))
}

extension UnsafeMutableRawBufferPointer {
    /// The text's UTF-8 bytes, for typed throws to pass by; the caller frees them.
    fileprivate static func copy(of text: String) -> UnsafeMutableRawBufferPointer {
        let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: text.utf8.count, alignment: 1)
        bytes.copyBytes(from: text.utf8)
        return bytes
    }
}
