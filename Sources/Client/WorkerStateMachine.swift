package import HoldfastModel
package import NIOCore

/// What a worker knows of its jobs, and what it does next. No clock, no task: `Worker` has those.
///
/// - At most one lease request waits at the broker, for as many jobs as there are free slots.
/// - At most one request that acknowledges is on its way; what finishes meanwhile is gathered and
///   goes together with the next one, which asks for jobs for the freed slots in the same frame.
/// - One heartbeat for all leases is sent when a third of the shortest is over.
package struct WorkerStateMachine {
    package enum Action: Hashable {
        /// Wait for so many jobs.
        case lease(count: Int)
        /// Stop that wait.
        case cancelLease
        case ack([LeaseToken])
        /// Acknowledge, and take so many jobs if they are there.
        case ackAndLease([LeaseToken], count: Int)
        case heartbeat([LeaseToken])
        case start(LeaseToken)
        /// Cancel the handler's task.
        case cancel(LeaseToken)
        case nack(LeaseToken, error: String, delay: Duration?)
        case reject(LeaseToken, reason: String)
        case release([LeaseToken])
    }

    package enum CancelReason: Hashable {
        case leaseLost
        case stopOrder
        case shutdown
    }

    private struct ActiveJob {
        var heartbeatAt: NIODeadline
        var cancelReason: CancelReason?
    }

    private enum Phase {
        case running
        /// Leases nothing more; cancels the handlers that are still at work at that time.
        case draining(until: NIODeadline)
        case cancelling
    }

    /// What the broker takes in one request.
    package var itemCountMax = Limits.itemCountMax
    private let slotCount: Int
    private let gracePeriod: TimeAmount
    private let backoff: ReconnectBackoff

    private var phase = Phase.running
    private var active: [LeaseToken: ActiveJob] = [:]
    /// Done, and to be acknowledged with the next request.
    private var gatheredAcks: [LeaseToken] = []
    private var isAckOnItsWay = false
    /// Jobs asked for by the request that waits; 0: none waits.
    private var waitingCount = 0
    /// Jobs asked for by the request that acknowledges.
    private var polledCount = 0
    private var isHeartbeatOnItsWay = false
    private var finishingCount = 0
    private var failureCount = 0
    private var leaseAgainAt: NIODeadline?
    private var ackAgainAt: NIODeadline?

    package init(slotCount: Int, gracePeriod: TimeAmount, backoff: ReconnectBackoff) {
        precondition(slotCount > 0, "a worker needs at least one slot")
        self.slotCount = slotCount
        self.gracePeriod = gracePeriod
        self.backoff = backoff
    }

    package var activeCount: Int { active.count }

    /// Whether the worker has nothing left to do after a shutdown.
    package var isDone: Bool {
        if case .running = phase { return false }
        return active.isEmpty && gatheredAcks.isEmpty && !isAckOnItsWay && waitingCount == 0
            && finishingCount == 0 && !isHeartbeatOnItsWay
    }

    /// When `decide` has to be called again at the latest.
    package var nextDeadline: NIODeadline? {
        var deadline: NIODeadline?
        func consider(_ candidate: NIODeadline?) {
            guard let candidate else { return }
            deadline = min(deadline ?? candidate, candidate)
        }
        if !isHeartbeatOnItsWay {
            for job in active.values where job.cancelReason != .leaseLost {
                consider(job.heartbeatAt)
            }
        }
        switch phase {
        case .running: if waitingCount == 0, polledCount == 0 { consider(leaseAgainAt) }
        case .draining(let until): if !active.isEmpty { consider(until) }
        case .cancelling: break
        }
        if !gatheredAcks.isEmpty, !isAckOnItsWay { consider(ackAgainAt) }
        return deadline
    }

    // MARK: What happened

    /// - Parameter jobs: tokens and the durations of their leases.
    package mutating func leased(
        _ jobs: [(token: LeaseToken, duration: TimeAmount)], now: NIODeadline
    ) -> [Action] {
        waitingCount = 0
        return took(jobs, now)
    }

    /// The wait was cancelled.
    package mutating func leaseCancelled() {
        waitingCount = 0
    }

    /// - Parameter random: 0..<1.
    package mutating func leaseFailed(now: NIODeadline, random: Double) {
        waitingCount = 0
        failed(now, random)
    }

    package mutating func acked() {
        isAckOnItsWay = false
        ackAgainAt = nil
    }

    package mutating func ackedAndLeased(
        _ jobs: [(token: LeaseToken, duration: TimeAmount)], now: NIODeadline
    ) -> [Action] {
        acked()
        polledCount = 0
        return took(jobs, now)
    }

    /// - Parameters:
    ///   - tokens: whose acks are to be tried again; those that make no sense any more are left out.
    ///   - wasLease: the request asked for jobs as well.
    package mutating func ackFailed(
        _ tokens: [LeaseToken], wasLease: Bool, now: NIODeadline, random: Double
    ) {
        isAckOnItsWay = false
        gatheredAcks.insert(contentsOf: tokens, at: 0)
        if wasLease {
            polledCount = 0
            failed(now, random)
            // On their own they are repeated by the client as soon as there is a connection.
            ackAgainAt = nil
        } else {
            failureCount += 1
            ackAgainAt = now + pause(random)
        }
    }

    package mutating func finished(_ token: LeaseToken, _ outcome: JobOutcome) -> [Action] {
        guard let job = active.removeValue(forKey: token) else { return [] }
        switch (outcome, job.cancelReason) {
        case (.done, _):
            // Even after the lease was lost: if nobody else has the job, the work counts.
            gatheredAcks.append(token)
            return []
        case (_, .leaseLost):
            return []
        case (.rejected(let reason), _):
            finishingCount += 1
            return [.reject(token, reason: reason)]
        case (.released, _), (.failed, .shutdown), (.failed, .stopOrder):
            finishingCount += 1
            return [.release([token])]
        case (.failed(let error, let delay), nil):
            finishingCount += 1
            return [.nack(token, error: error, delay: delay)]
        }
    }

    /// A nack, reject or release was answered or has failed.
    package mutating func finishingEnded() {
        finishingCount -= 1
    }

    package mutating func heartbeatEnded() {
        isHeartbeatOnItsWay = false
    }

    /// No answer came: ask again soon.
    package mutating func heartbeatFailed(now: NIODeadline) {
        isHeartbeatOnItsWay = false
        for token in active.keys {
            active[token]?.heartbeatAt = now + .seconds(1)
        }
    }

    /// What the broker said of a lease.
    package mutating func leaseReported(
        _ token: LeaseToken, isLost: Bool, mustStop: Bool, remaining: TimeAmount, now: NIODeadline
    ) -> [Action] {
        guard let job = active[token] else { return [] }
        if isLost || mustStop {
            active[token]?.cancelReason = isLost ? .leaseLost : .stopOrder
            active[token]?.heartbeatAt = now + Self.heartbeatInterval(remaining)
            return job.cancelReason == nil ? [.cancel(token)] : []
        }
        active[token]?.heartbeatAt = now + Self.heartbeatInterval(remaining)
        return []
    }

    package mutating func shutDown(now: NIODeadline) -> [Action] {
        guard case .running = phase else { return [] }
        phase = .draining(until: now + gracePeriod)
        return waitingCount > 0 ? [.cancelLease] : []
    }

    // MARK: What to do

    /// What is due; to be called after everything that happened.
    package mutating func decide(now: NIODeadline) -> [Action] {
        var actions: [Action] = []
        if case .draining(let until) = phase, until <= now {
            phase = .cancelling
            for token in active.keys.sorted(by: { $0.lsn < $1.lsn })
            where active[token]?.cancelReason == nil {
                active[token]?.cancelReason = .shutdown
                actions.append(.cancel(token))
            }
        }
        if !isHeartbeatOnItsWay,
            active.values.contains(where: {
                $0.cancelReason != .leaseLost && $0.heartbeatAt <= now
            })
        {
            isHeartbeatOnItsWay = true
            let tokens = active.filter { $0.value.cancelReason != .leaseLost }.keys
            actions.append(.heartbeat(tokens.sorted { $0.lsn < $1.lsn }))
        }
        let count = mayLease(now) ? min(freeCount, itemCountMax) : 0
        if !gatheredAcks.isEmpty, !isAckOnItsWay, ackAgainAt.map({ $0 <= now }) ?? true {
            let acks = Array(gatheredAcks.prefix(itemCountMax))
            gatheredAcks.removeFirst(acks.count)
            isAckOnItsWay = true
            if count > 0 {
                polledCount = count
                actions.append(.ackAndLease(acks, count: count))
            } else {
                actions.append(.ack(acks))
            }
        } else if count > 0 {
            waitingCount = count
            actions.append(.lease(count: count))
        }
        return actions
    }

    private var freeCount: Int { slotCount - active.count }

    private func mayLease(_ now: NIODeadline) -> Bool {
        guard case .running = phase, waitingCount == 0, polledCount == 0 else { return false }
        return leaseAgainAt.map { $0 <= now } ?? true
    }

    private mutating func took(
        _ jobs: [(token: LeaseToken, duration: TimeAmount)], _ now: NIODeadline
    ) -> [Action] {
        failureCount = 0
        leaseAgainAt = nil
        guard case .running = phase else {
            if jobs.isEmpty { return [] }
            finishingCount += 1
            return [.release(jobs.map(\.token))]
        }
        return jobs.map { job in
            active[job.token] = ActiveJob(
                heartbeatAt: now + Self.heartbeatInterval(job.duration), cancelReason: nil)
            return .start(job.token)
        }
    }

    private mutating func failed(_ now: NIODeadline, _ random: Double) {
        failureCount += 1
        leaseAgainAt = now + pause(random)
    }

    private func pause(_ random: Double) -> TimeAmount {
        backoff.delay(failureCount: failureCount, random: random).timeAmount
    }

    /// A third of the lease, so that two heartbeats may be lost.
    private static func heartbeatInterval(_ lease: TimeAmount) -> TimeAmount {
        .nanoseconds(max(lease.nanoseconds / 3, 100_000_000))
    }
}
