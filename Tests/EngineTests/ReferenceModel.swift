import HoldfastEngine
import HoldfastModel

/// What the engine must do, in the simplest way there is: dictionaries and arrays, nothing fast. It
/// shares no code with the engine, and answers what the engine must answer.
struct ReferenceModel {
    struct Job {
        var queue: UInt32
        var priority: UInt8
        var second: Int64
        var attemptCountMax: UInt32
        var state: JobState = .ready
        var version: UInt32 = 0
        var attempts: UInt32 = 0
        var interruptions: UInt32 = 0
        var timeouts: UInt32 = 0
        var releases: UInt32 = 0
        var due: Int64 = 0
        var reason: DeathReason?
        var error: [UInt8] = []
        var checkpoint: [UInt8]?
        var duration: UInt32 = 0
        var deadline: Int64 = 0
        var owner: UInt32 = 0
    }

    struct Queue {
        var policy: QueuePolicy
        var grantCount = 0
        /// By priority.
        var retry: [[UInt64]] = Array(repeating: [], count: 16)
        var fresh: [[UInt64]] = Array(repeating: [], count: 16)
        var dead: [UInt64] = []
    }

    let recentAckCount: Int
    let leaseCountMax: Int
    let dueCountMax: Int
    var jobs: [UInt64: Job] = [:]
    var queues: [UInt32: Queue] = [:]
    var recent: [(lsn: UInt64, version: UInt32)] = []

    init(_ configuration: EngineConfiguration) {
        recentAckCount = configuration.recentAckCount
        leaseCountMax = configuration.leaseCountMax
        dueCountMax = configuration.dueCountMax
    }

    func count(_ queue: UInt32, _ state: JobState) -> Int {
        jobs.values.count { $0.queue == queue && $0.state == state }
    }

    var leaseCount: Int { jobs.values.count { $0.state == .leased } }

    // MARK: Verbs

    mutating func enqueue(_ lsn: UInt64, _ queue: UInt32, _ options: EnqueueOptions, at time: Int64)
    {
        var job = Job(
            queue: queue, priority: options.priority, second: time / 1_000,
            attemptCountMax: options.attemptCountMax)
        if options.delayMilliseconds > 0 {
            job.state = .delayed
            job.due = time + Int64(options.delayMilliseconds)
        } else {
            queues[queue]!.fresh[Int(options.priority)].append(lsn)
        }
        jobs[lsn] = job
    }

    mutating func advance(to time: Int64) {
        let due = jobs.filter { $0.value.state == .delayed && $0.value.due <= time }
            .sorted { ($0.value.due, $0.key) < ($1.value.due, $1.key) }
        for (lsn, job) in due.prefix(dueCountMax) {
            jobs[lsn]!.state = .ready
            if job.version == 0 {
                queues[job.queue]!.fresh[Int(job.priority)].append(lsn)
            } else {
                queues[job.queue]!.retry[Int(job.priority)].append(lsn)
            }
        }
    }

    mutating func lease(
        _ queue: UInt32, count: Int, duration: UInt32, owner: UInt32
    ) -> (code: RefusalCode?, deliveries: [Delivery]) {
        if duration != 0, duration < 1_000 || duration > 43_200_000 { return (.badArgument, []) }
        if count == 0 || self.count(queue, .ready) == 0 { return (nil, []) }
        if leaseCount >= leaseCountMax { return (.tooManyLeases, []) }
        let duration =
            duration == 0 ? queues[queue]!.policy.visibilityTimeoutMilliseconds : duration
        var deliveries: [Delivery] = []
        for _ in 0..<min(count, leaseCountMax - leaseCount) {
            guard let lsn = takeNext(queue) else { break }
            jobs[lsn]!.state = .leased
            jobs[lsn]!.version += 1
            jobs[lsn]!.duration = duration
            jobs[lsn]!.owner = owner
            let job = jobs[lsn]!
            deliveries.append(
                Delivery(
                    lsn: lsn, version: job.version, attempt: job.attempts + 1,
                    interruptions: job.interruptions, timeouts: job.timeouts,
                    releases: job.releases, priority: job.priority, durationMilliseconds: duration,
                    hasCheckpoint: job.checkpoint != nil))
        }
        return (nil, deliveries)
    }

    private mutating func takeNext(_ queue: UInt32) -> UInt64? {
        let state = queues[queue]!
        let heads = (0..<16).reversed().compactMap { priority in
            (state.retry[priority] + state.fresh[priority]).first.map { (priority, $0) }
        }
        guard var chosen = heads.first else { return nil }
        if state.grantCount % 8 == 7 {
            chosen = heads.min { (jobs[$0.1]!.second, $0.1) < (jobs[$1.1]!.second, $1.1) }!
        }
        queues[queue]!.grantCount += 1
        queues[queue]!.retry[chosen.0].removeAll { $0 == chosen.1 }
        queues[queue]!.fresh[chosen.0].removeAll { $0 == chosen.1 }
        return chosen.1
    }

    mutating func ack(_ lsn: UInt64, _ version: UInt32) -> ItemResult {
        guard let job = jobs[lsn] else {
            guard let known = recent.last(where: { $0.lsn == lsn }) else {
                return ItemResult(code: .alreadyDone)
            }
            return known.version == version
                ? ItemResult(isDuplicate: true) : ItemResult(code: .leaseLost)
        }
        guard job.state != .delayed, job.version == version else {
            return ItemResult(code: .leaseLost)
        }
        end(lsn, rememberedAs: version)
        return ItemResult(isLate: job.state != .leased)
    }

    /// Why a token is good for nothing but an ack; nil where it is the proof of a lease.
    func refusal(_ lsn: UInt64, _ version: UInt32) -> RefusalCode? {
        guard let job = jobs[lsn] else {
            let known = recent.last { $0.lsn == lsn }
            return known == nil || known!.version == version ? .alreadyDone : .leaseLost
        }
        return job.state == .leased && job.version == version ? nil : .leaseLost
    }

    enum Cause { case failed, released, timeout, interrupted, undelivered }

    /// Ends a lease. - Parameter due: where it failed and is not dead: when it comes back, 0 = now.
    mutating func giveBack(_ lsn: UInt64, _ cause: Cause, due: Int64 = 0, error: [UInt8] = []) {
        var job = jobs[lsn]!
        let policy = queues[job.queue]!.policy
        var reason: DeathReason?
        switch cause {
        case .failed:
            job.attempts += 1
            job.version += 1
            if !error.isEmpty { job.error = error }
        case .released:
            job.releases += 1
            job.version += 1
        case .timeout:
            job.attempts += 1
            job.timeouts += 1
        case .interrupted:
            job.attempts += 1
            job.interruptions += 1
            if job.interruptions >= policy.interruptionCountMax { reason = .interruptionsUsedUp }
        case .undelivered: break
        }
        if cause != .released, cause != .undelivered,
            job.attempts
                >= (job.attemptCountMax == 0 ? policy.attemptCountMax : job.attemptCountMax)
        {
            reason = .attemptsUsedUp
        }
        job.state = reason != nil ? .dead : due > 0 ? .delayed : .ready
        job.reason = reason
        job.due = due
        jobs[lsn] = job
        switch job.state {
        case .dead: queues[job.queue]!.dead.append(lsn)
        case .ready: queues[job.queue]!.retry[Int(job.priority)].append(lsn)
        default: break
        }
    }

    /// Whether a nack of this lease would be the last.
    func isLastAttempt(_ lsn: UInt64) -> Bool {
        let job = jobs[lsn]!
        let limit =
            job.attemptCountMax == 0
            ? queues[job.queue]!.policy.attemptCountMax : job.attemptCountMax
        return job.attempts + 1 >= limit
    }

    mutating func reject(_ lsn: UInt64, reason: [UInt8]) {
        jobs[lsn]!.attempts += 1
        jobs[lsn]!.version += 1
        jobs[lsn]!.state = .dead
        jobs[lsn]!.reason = .rejected
        if !reason.isEmpty { jobs[lsn]!.error = reason }
        queues[jobs[lsn]!.queue]!.dead.append(lsn)
    }

    mutating func cancel(_ lsn: UInt64) -> RefusalCode? {
        guard let job = jobs[lsn] else { return .alreadyDone }
        if job.version > 0 {
            end(lsn, rememberedAs: job.version + 1)
        } else {
            end(lsn, rememberedAs: nil)
        }
        return nil
    }

    mutating func redrive(_ lsn: UInt64) -> RefusalCode? {
        guard var job = jobs[lsn] else { return .alreadyDone }
        guard job.state == .dead else { return .wrongState }
        job.state = .ready
        job.version += 1
        (job.attempts, job.interruptions, job.timeouts, job.releases) = (0, 0, 0, 0)
        job.reason = nil
        jobs[lsn] = job
        queues[job.queue]!.dead.removeAll { $0 == lsn }
        queues[job.queue]!.fresh[Int(job.priority)].append(lsn)
        return nil
    }

    mutating func expire(at boot: Int64, connected: Set<UInt32>) -> Int {
        // The clock ticks every 16 ms, and the deadline's own millisecond has to be over.
        let ended = jobs.filter {
            $0.value.state == .leased && $0.value.deadline / 16 < boot / 16
        }
        for (lsn, job) in ended.sorted(by: {
            ($0.value.deadline, $0.key) < ($1.value.deadline, $1.key)
        }) {
            giveBack(lsn, connected.contains(job.owner) ? .timeout : .interrupted)
        }
        return ended.count
    }

    private mutating func end(_ lsn: UInt64, rememberedAs version: UInt32?) {
        let job = jobs.removeValue(forKey: lsn)!
        queues[job.queue]!.retry[Int(job.priority)].removeAll { $0 == lsn }
        queues[job.queue]!.fresh[Int(job.priority)].removeAll { $0 == lsn }
        queues[job.queue]!.dead.removeAll { $0 == lsn }
        if let version {
            recent.append((lsn, version))
        }
    }

    /// The tokens of one call are judged before any of its acks pushes another out.
    mutating func forgetAcks() {
        recent.removeFirst(max(0, recent.count - recentAckCount))
    }
}
