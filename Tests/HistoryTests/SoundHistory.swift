internal import HoldfastHistory

/// Makes histories that a sound broker causes: every job lives its life on a clock that only this
/// knows, and the clients see as much of it as clients do: late answers, none at all, deliveries
/// that never arrive, and answers of different jobs and workers in any order.
struct SoundHistory {
    private var random: SeededRandom
    private(set) var events: [HistoryEvent] = []
    private let attemptCountMax: UInt32 = 4

    init(seed: UInt64, jobCount: Int) {
        random = SeededRandom(seed: seed)
        for job in 1...UInt64(jobCount) { live(job) }
        events.shuffle(using: &random)
    }

    private mutating func milliseconds(_ range: ClosedRange<UInt64>) -> UInt64 {
        UInt64.random(
            in: range.lowerBound * 1_000_000...range.upperBound * 1_000_000, using: &random)
    }

    /// How long a message takes; now and then longer than a lease lasts.
    private mutating func latency() -> UInt64 {
        random.chance(3) ? milliseconds(500...3_000) : milliseconds(0...5)
    }

    private mutating func record(
        _ invoked: UInt64, _ responded: UInt64?, _ outcome: HistoryEvent.Outcome,
        _ operation: HistoryEvent.Operation
    ) {
        events.append(
            HistoryEvent(
                client: UInt32.random(in: 1...9, using: &random), invoked: invoked,
                responded: responded, outcome: outcome, operation: operation))
    }

    /// Sends something that the broker executes at the moment it returns, unless the request is
    /// lost on its way; the answer may be lost as well.
    private mutating func send(
        at invoked: UInt64, isTaken: (UInt64) -> Bool, _ operation: HistoryEvent.Operation
    ) -> (executed: UInt64, isTaken: Bool) {
        let executed = invoked + latency()
        if random.chance(5) {
            record(invoked, nil, .unknown, operation)
            return (executed, false)
        }
        let taken = isTaken(executed)
        if random.chance(5) {
            record(invoked, nil, .unknown, operation)
        } else {
            record(invoked, executed + latency(), taken ? .ok : .err, operation)
        }
        return (executed, taken)
    }

    private mutating func live(_ job: UInt64) {
        let queue = ["a", "b c", "ä"].randomElement(using: &random)!
        let content = contentHash(String(job).utf8)
        let delay = random.chance(30) ? UInt64.random(in: 1...2_000, using: &random) : 0
        func enqueue(_ id: UInt64?, key: UInt64?) -> HistoryEvent.Operation {
            .enqueue(
                job: id, queue: queue, content: content, delayMilliseconds: delay,
                attemptCountMax: attemptCountMax, key: key)
        }
        var now = milliseconds(0...60_000)
        let executed: UInt64
        switch Int.random(in: 0..<10, using: &random) {
        case 0:
            // Never answered, and executed all the same.
            record(now, nil, .unknown, enqueue(nil, key: nil))
            executed = now + latency()
        case 1, 2:
            // Answered to its repeat only; it was the first or the second that was executed.
            let isFirst = random.chance(50)
            record(now, nil, .unknown, enqueue(nil, key: job))
            let repeated = now + latency() + milliseconds(1...100)
            executed = isFirst ? now + 1 : repeated + latency()
            record(repeated, max(executed, repeated) + latency(), .ok, enqueue(job, key: job))
        case 3:
            record(now, now + latency(), .err, enqueue(nil, key: nil))
            return
        default:
            executed = now + latency()
            record(now, executed + latency(), .ok, enqueue(job, key: random.chance(50) ? job : nil))
        }
        now = executed + delay * 1_000_000

        var attempts: UInt32 = 0
        var version: UInt32 = 0
        var stale: [HistoryEvent.Lease] = []
        while attempts < attemptCountMax {
            // The next delivery, and what earlier workers still try while it lasts.
            let granted = now + latency()
            version += 1
            let lease = HistoryEvent.Lease(job: job, version: version)
            let duration = UInt64.random(in: 1_000...2_000, using: &random)
            var end = granted + milliseconds(0...20) + duration * 1_000_000
            if random.chance(5) {
                // Never reached its worker.
                now = random.chance(50) ? end : granted + milliseconds(1...50)
                if now == end { attempts += 1 }
                continue
            }
            let received = granted + latency()
            record(
                granted - min(granted, milliseconds(0...500)), received, .ok,
                .deliver(
                    lease, queue: queue, content: content, attempt: attempts + 1,
                    durationMilliseconds: UInt32(duration)))
            for old in stale where random.chance(30) {
                _ = send(at: granted + latency(), isTaken: { _ in false }, .ack(old))
            }
            stale.append(lease)

            var moment = received
            var isOver = false
            while !isOver {
                moment += milliseconds(0...900)
                let deadline = end
                let isHeld: (UInt64) -> Bool = { $0 < deadline }
                switch Int.random(in: 0..<12, using: &random) {
                case 0...3:
                    let (executed, isTaken) = send(
                        at: moment, isTaken: isHeld,
                        .extend(lease, durationMilliseconds: UInt32(duration)))
                    if isTaken { end = max(end, executed + duration * 1_000_000) }
                    isOver = executed >= end
                case 4, 5:
                    // Taken late as well: nobody else has had the job.
                    if send(at: moment, isTaken: { _ in true }, .ack(lease)).isTaken {
                        finish(job, "done")
                        return
                    }
                case 6:
                    let (executed, isTaken) = send(at: moment, isTaken: isHeld, .release(lease))
                    if isTaken {
                        end = executed
                        // Given back, as if this attempt had never been.
                        attempts = attempts &- 1
                    }
                    isOver = true
                case 7, 8:
                    let wait = UInt64.random(in: 0...500, using: &random)
                    let (executed, isTaken) = send(
                        at: moment, isTaken: isHeld, .nack(lease, delayMilliseconds: wait))
                    if isTaken {
                        attempts += 1
                        if attempts == attemptCountMax { break }
                        end = executed + wait * 1_000_000
                        attempts -= 1
                    }
                    isOver = true
                case 9:
                    if send(at: moment, isTaken: isHeld, .reject(lease)).isTaken {
                        finish(job, "dead")
                        return
                    }
                case 10 where random.chance(20):
                    if send(at: moment, isTaken: { _ in true }, .cancel(job: job)).isTaken {
                        finish(job, "done")
                        return
                    }
                default: isOver = true
                }
                if attempts == attemptCountMax { break }
            }
            if attempts != attemptCountMax { attempts = attempts &+ 1 }
            now = end
        }
        finish(job, "dead")
    }

    private mutating func finish(_ job: UInt64, _ state: String) {
        if state == "dead" || random.chance(30) {
            // After all else: the drain is over when the looks begin.
            record(1 << 50, 1 << 50 + 1, .ok, .look(job: job, state: state))
        }
    }
}
