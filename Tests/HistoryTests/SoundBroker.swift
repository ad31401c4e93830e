internal import HoldfastHistory

/// A broker that keeps every promise, and its clients, on a clock of their own: queues in order, leases
/// that end, delays, waiting requests, lost answers, crashes and a disk that is full for a while. What
/// the clients see is a sound history; after the last fault everything is consumed and looked at.
struct SoundBroker {
    private struct Job {
        let queue: Int
        let priority: UInt8
        let content: UInt64
        var version: UInt32 = 0
        var attempts: UInt32 = 0
        var state = State.ready
    }

    private enum State: Equatable {
        case ready, dead, done
        case delayed(until: UInt64)
        case leased(until: UInt64, duration: UInt32)
    }

    private struct Parked {
        let client: Int
        let invoked: UInt64
        let wait: UInt32
        let deadline: UInt64
        let count: Int
    }

    static let attemptCountMax: UInt32 = 5
    private static let queues = ["a", "b c"]
    private static let ms: UInt64 = 1_000_000

    private var random: SeededRandom
    private var now: UInt64 = 1_000_000_000
    private var jobs: [Job] = []
    /// Those that are neither dead nor done, and perhaps some that are.
    private var live: [Int] = []
    /// Ready jobs of each queue: retries, and the rest by priority.
    private var retries: [[Int]] = [[], []]
    private var lanes: [[[Int]]] = [[[], []], [[], []]]
    private var parked: [[Parked]] = [[], []]
    /// When each client has its last answer.
    private var free: [UInt64]
    private var held: [(client: Int, lease: HistoryEvent.Lease)] = []
    private var requestCount: UInt64 = 0
    private var full: UInt64?
    private var isCalm = false
    private(set) var events: [HistoryEvent] = []

    init(seed: UInt64, stepCount: Int) {
        random = SeededRandom(seed: seed)
        free = Array(repeating: now, count: 8)
        for step in 0..<stepCount {
            tick()
            switch Int.random(in: 0..<1_000, using: &random) {
            case ..<3 where full == nil: restart()
            case 3..<6: toggleFull()
            case ..<300: enqueue(1_000_000 + UInt64(step) * 16)
            case ..<650: lease()
            default: useOne()
            }
        }
        if full != nil { toggleFull() }
        isCalm = true
        // Later, so that nothing of this happens while leases and delays wait for the last fault.
        now += 10_000 * Self.ms
        while !live.isEmpty {
            tick()
            if random.chance(50), !held.isEmpty { useOne() } else { lease() }
        }
        now += 5_000 * Self.ms
        moveTime(to: now)
        for (index, job) in jobs.enumerated() where job.state == .dead || random.chance(30) {
            record(
                0, now, .ok, .look(job: id(index), state: job.state == .dead ? "dead" : "done"))
        }
        events.shuffle(using: &random)
    }

    private func id(_ index: Int) -> UInt64 { UInt64(index) + 1 }

    private mutating func milliseconds(_ range: ClosedRange<UInt64>) -> UInt64 {
        UInt64.random(in: range.lowerBound * Self.ms...range.upperBound * Self.ms, using: &random)
    }

    // MARK: Time

    private mutating func tick() {
        moveTime(to: now + (random.chance(2) ? milliseconds(100...900) : milliseconds(0...20)))
    }

    /// Whatever is due until then happens at its own moment.
    private mutating func moveTime(to end: UInt64) {
        live.removeAll { [jobs] in jobs[$0].state == .done || jobs[$0].state == .dead }
        while true {
            var next: (moment: UInt64, job: Int?, queue: Int)?
            for index in live {
                switch jobs[index].state {
                case .delayed(let until), .leased(let until, _):
                    if until < next?.moment ?? .max { next = (until, index, jobs[index].queue) }
                default: break
                }
            }
            for queue in parked.indices {
                for request in parked[queue] where request.deadline < next?.moment ?? .max {
                    next = (request.deadline, nil, queue)
                }
            }
            guard let next, next.moment <= end else { break }
            now = max(now, next.moment)
            if let job = next.job {
                wake(job)
            } else if let index = parked[next.queue].firstIndex(where: {
                $0.deadline == next.moment
            }) {
                let request = parked[next.queue].remove(at: index)
                answerEmpty(request, next.queue)
            }
        }
        now = max(now, end)
    }

    private mutating func wake(_ index: Int) {
        if case .leased = jobs[index].state {
            jobs[index].attempts += 1
            if jobs[index].attempts == Self.attemptCountMax {
                jobs[index].state = .dead
                return
            }
        }
        makeReady(index)
    }

    private mutating func makeReady(_ index: Int) {
        jobs[index].state = .ready
        let queue = jobs[index].queue
        if jobs[index].version > 0 {
            retries[queue].append(index)
        } else {
            lanes[queue][Int(jobs[index].priority)].append(index)
        }
        if !parked[queue].isEmpty {
            let request = parked[queue].removeFirst()
            grant(queue, request.count, request.client, request.invoked, request.wait)
        }
    }

    // MARK: Requests

    /// A client without a request under way, and when it sent the one that is executed now.
    private mutating func asker(_ clients: Range<Int>) -> (client: Int, invoked: UInt64)? {
        let client = Int.random(in: clients, using: &random)
        guard free[client] < now else { return nil }
        let invoked = max(free[client] + 1, now - min(now, milliseconds(0...5)))
        requestCount += 1
        return (client, invoked)
    }

    @discardableResult
    private mutating func record(
        _ client: Int, _ invoked: UInt64, _ outcome: HistoryEvent.Outcome,
        _ operation: HistoryEvent.Operation, responded: UInt64? = nil, position: Int? = nil,
        priority: UInt8? = nil, refusal: String? = nil
    ) -> UInt64 {
        let responded = responded ?? now + milliseconds(0...5)
        if client < free.count { free[client] = max(free[client], responded) }
        events.append(
            HistoryEvent(
                client: UInt32(client), invoked: invoked,
                responded: outcome == .unknown ? nil : responded, outcome: outcome,
                operation: operation, request: requestCount, position: position.map { UInt32($0) },
                priority: priority, refusal: refusal))
        return responded
    }

    private mutating func enqueue(_ key: UInt64) {
        guard let (client, invoked) = asker(0..<3) else { return }
        let queue = random.chance(50) ? 0 : 1
        let responded = now + milliseconds(0...5)
        let isLost = random.chance(3)
        for position in 0..<Int.random(in: 1...4, using: &random) {
            let content = contentHash("\(key).\(position)".utf8)
            let priority: UInt8 = random.chance(30) ? 1 : 0
            let delay = random.chance(15) ? UInt64.random(in: 1...2_000, using: &random) : 0
            let isRefused = full != nil
            if !isRefused {
                live.append(jobs.count)
                jobs.append(Job(queue: queue, priority: priority, content: content))
            }
            let isAnswered = !isLost && !isRefused
            record(
                client, invoked, isRefused ? .err : isLost ? .unknown : .ok,
                .enqueue(
                    job: isAnswered ? id(jobs.count - 1) : nil, queue: Self.queues[queue],
                    content: content, delayMilliseconds: delay,
                    attemptCountMax: Self.attemptCountMax,
                    key: random.chance(50) ? key + UInt64(position) : nil),
                responded: responded, position: position, priority: priority,
                refusal: isRefused ? "storage_full" : nil)
            guard !isRefused else { continue }
            if delay > 0 {
                jobs[jobs.count - 1].state = .delayed(until: now + delay * Self.ms)
            } else {
                makeReady(jobs.count - 1)
            }
        }
    }

    private mutating func lease() {
        guard let (client, invoked) = asker(3..<8) else { return }
        let queue = random.chance(50) ? 0 : 1
        let count = Int.random(in: 1...4, using: &random)
        let wait: UInt32 = random.chance(50) ? UInt32.random(in: 1...400, using: &random) : 0
        let isEmpty = retries[queue].isEmpty && lanes[queue].allSatisfy(\.isEmpty)
        let request = Parked(
            client: client, invoked: invoked, wait: wait, deadline: now + UInt64(wait) * Self.ms,
            count: count)
        if !isEmpty {
            grant(queue, count, client, invoked, wait)
        } else if wait > 0 {
            parked[queue].append(request)
            free[client] = .max
        } else {
            answerEmpty(request, queue)
        }
    }

    private mutating func answerEmpty(_ request: Parked, _ queue: Int) {
        if free[request.client] == .max { free[request.client] = now }
        requestCount += 1
        record(
            request.client, request.invoked, .ok,
            .ask(queue: Self.queues[queue], waitMilliseconds: request.wait))
    }

    private mutating func grant(
        _ queue: Int, _ count: Int, _ client: Int, _ invoked: UInt64, _ wait: UInt32
    ) {
        if free[client] == .max { free[client] = now }
        requestCount += 1
        let responded = now + milliseconds(0...5)
        let isLost = !isCalm && random.chance(3)
        if isLost {
            record(
                client, invoked, .unknown,
                .ask(queue: Self.queues[queue], waitMilliseconds: wait))
        }
        for position in 0..<count {
            let index: Int
            if !retries[queue].isEmpty {
                index = retries[queue].removeFirst()
            } else if !lanes[queue][1].isEmpty {
                index = lanes[queue][1].removeFirst()
            } else if !lanes[queue][0].isEmpty {
                index = lanes[queue][0].removeFirst()
            } else {
                break
            }
            let duration = UInt32.random(in: 1_000...2_000, using: &random)
            jobs[index].version += 1
            jobs[index].state = .leased(
                until: now + UInt64(duration) * Self.ms, duration: duration)
            guard !isLost else { continue }
            let lease = HistoryEvent.Lease(job: id(index), version: jobs[index].version)
            record(
                client, invoked, .ok,
                .deliver(
                    lease, queue: Self.queues[queue], content: jobs[index].content,
                    attempt: jobs[index].attempts + 1, durationMilliseconds: duration),
                responded: responded, position: position)
            held.append((client, lease))
        }
    }

    private mutating func useOne() {
        guard !held.isEmpty else { return }
        let place = Int.random(in: 0..<held.count, using: &random)
        let (client, lease) = held[place]
        guard free[client] < now else { return }
        let invoked = max(free[client] + 1, now - min(now, milliseconds(0...5)))
        requestCount += 1
        let index = Int(lease.job) - 1
        let isLatest = jobs[index].version == lease.version
        var isHeld = false
        if case .leased = jobs[index].state { isHeld = isLatest }
        let isLost = !isCalm && random.chance(3)
        func outcome(_ isTaken: Bool) -> HistoryEvent.Outcome {
            isLost ? .unknown : isTaken ? .ok : .err
        }
        let refusal = isHeld ? nil : "lease_lost"
        switch Int.random(in: 0..<12, using: &random) {
        case 0..<6:
            record(client, invoked, outcome(isHeld), .ack(lease), refusal: refusal)
            if isHeld { jobs[index].state = .done }
        case 6:
            record(client, invoked, outcome(isHeld), .release(lease), refusal: refusal)
            if isHeld { makeReady(index) }
        case 7:
            let wait = UInt64.random(in: 0...500, using: &random)
            record(
                client, invoked, outcome(isHeld), .nack(lease, delayMilliseconds: wait),
                refusal: refusal)
            if isHeld {
                jobs[index].attempts += 1
                jobs[index].state =
                    jobs[index].attempts == Self.attemptCountMax
                    ? .dead : .delayed(until: now + wait * Self.ms)
            }
        case 8 where random.chance(30):
            record(client, invoked, outcome(isHeld), .reject(lease), refusal: refusal)
            if isHeld { jobs[index].state = .dead }
        case 9:
            let duration = UInt32.random(in: 1_000...2_000, using: &random)
            record(
                client, invoked, outcome(isHeld), .extend(lease, durationMilliseconds: duration),
                refusal: refusal)
            if isHeld, case .leased(let until, let granted) = jobs[index].state {
                jobs[index].state = .leased(
                    until: max(until, now + UInt64(duration) * Self.ms),
                    duration: max(duration, granted))
            }
            return
        default: break
        }
        held.remove(at: place)
    }

    // MARK: Faults

    private mutating func restart() {
        let killed = now
        for queue in parked.indices {
            for request in parked[queue] {
                free[request.client] = now
                requestCount += 1
                record(
                    request.client, request.invoked, .unknown,
                    .ask(queue: Self.queues[queue], waitMilliseconds: request.wait))
            }
            parked[queue] = []
        }
        let started = killed + milliseconds(1...50)
        // Leases and delays stand still until it serves.
        let serves = started + milliseconds(1...1_000)
        now = serves
        for index in jobs.indices {
            if case .leased(_, let duration) = jobs[index].state {
                jobs[index].state = .leased(
                    until: serves + UInt64(duration) * Self.ms, duration: duration)
            }
        }
        for index in free.indices { free[index] = max(free[index], now) }
        record(99, killed, .ok, .fault(.kill), responded: started)
        record(99, started, .ok, .fault(.restart), responded: serves)
    }

    private mutating func toggleFull() {
        if let begun = full {
            record(99, begun, .ok, .fault(.full), responded: now)
            full = nil
        } else {
            full = now
        }
    }
}
