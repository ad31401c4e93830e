internal import HoldfastClient
internal import HoldfastConsole
internal import HoldfastModel

/// Gathers jobs into requests and keeps several requests under way. The ids are handed on in the
/// order of the jobs.
struct EnqueuePipeline {
    private struct Batch {
        var jobs: [NewJob] = []
        /// Where each job was written.
        var lines: [Int] = []
        var byteCount = 0
    }

    /// Small enough that a batch is always one request, which is executed as a whole or not at all.
    private static let batchJobCountMax = 256
    private static let batchByteCountMax = 256 << 10
    private static let batchesUnderWayMax = 8

    private let client: BrokerClient
    private let address: BrokerAddress
    private let queue: String
    private let handOn: ([JobID]) throws -> Void
    private var gathering = Batch()
    private var underWay: [(batch: Batch, task: Task<[JobID], any Error>)] = []
    private(set) var enqueuedCount = 0

    init(
        client: BrokerClient, address: BrokerAddress, queue: String,
        handOn: @escaping ([JobID]) throws -> Void
    ) {
        self.client = client
        self.address = address
        self.queue = queue
        self.handOn = handOn
    }

    /// Takes a job, and waits where too much is under way.
    mutating func add(_ job: NewJob, line: Int) async throws {
        let byteCount = job.byteCount
        if !gathering.jobs.isEmpty, gathering.byteCount + byteCount > Self.batchByteCountMax {
            try await send()
        }
        gathering.jobs.append(job)
        gathering.lines.append(line)
        gathering.byteCount += byteCount
        if gathering.jobs.count == Self.batchJobCountMax { try await send() }
    }

    /// Sends what is gathered and waits for all answers.
    mutating func drain() async throws {
        if !gathering.jobs.isEmpty { try await send() }
        while !underWay.isEmpty { try await takeFirst() }
    }

    private mutating func send() async throws {
        if underWay.count == Self.batchesUnderWayMax { try await takeFirst() }
        let (client, queue, jobs) = (client, queue, gathering.jobs)
        // Runs up to the submission at once, so that requests are submitted in the order of lines.
        let task = Task.immediate { try await client.enqueue(jobs, to: queue) }
        underWay.append((gathering, task))
        gathering = Batch()
    }

    /// Waits for the oldest answer.
    private mutating func takeFirst() async throws {
        let (batch, task) = underWay.removeFirst()
        do {
            try take(try await task.value)
        } catch let error as BrokerClientError {
            let isWithoutEffect = error.code == .refused || error.code == .invalidArgument
            guard isWithoutEffect, batch.jobs.count > 1 else {
                throw try await failure(error, lines: batch.lines)
            }
            try await enqueueSingly(batch)
        }
    }

    private mutating func take(_ ids: [JobID]) throws {
        enqueuedCount += ids.count
        try handOn(ids)
    }

    /// A refused request has had no effect: one by one, it is seen which job it is.
    private mutating func enqueueSingly(_ batch: Batch) async throws {
        for (job, line) in zip(batch.jobs, batch.lines) {
            do {
                try take([try await client.enqueue(job, to: queue)])
            } catch let error as BrokerClientError {
                throw try await failure(error, lines: [line])
            }
        }
    }

    /// Sees through what is under way, so that all that can be known is said.
    ///
    /// - Parameter lines: those of the request that failed.
    private mutating func failure(
        _ error: BrokerClientError, lines: [Int]
    ) async throws -> Failure {
        var laterCount = 0
        while !underWay.isEmpty {
            guard let ids = try? await underWay.removeFirst().task.value else { continue }
            laterCount += ids.count
            try take(ids)
        }
        let first = lines.first ?? 0
        let last = lines.last ?? first
        let later = laterCount == 0 ? "" : ", \(laterCount) of them from later lines"
        let failure = Failure(
            error, at: address,
            subject: first == last ? "line \(first)" : "lines \(first) to \(last)")
        return Failure(
            failure.code, "\(failure.message); enqueued: \(counted(enqueuedCount, "job"))\(later)")
    }
}

extension NewJob {
    fileprivate var byteCount: Int {
        options.headers.reduce(payload.count + kind.utf8.count + 64) {
            $0 + $1.name.utf8.count + $1.value.utf8.count
        }
    }
}
