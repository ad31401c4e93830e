internal import HoldfastHistory
internal import HoldfastModel

/// Leases jobs and does everything with them that can be done: acks, late ones and ones of leases
/// that were lost, nacks, releases, rejects, heartbeats, cancels, or nothing at all. After a crash it
/// connects again and goes on with its tokens. While the run drains it acks everything but poison.
package struct LoadConsumer {
    /// Jobs whose payload begins so are never acknowledged.
    package static let poison = "poison"

    private struct Held {
        let token: LeaseToken
        let id: JobID
        /// Not acked before this moment.
        let until: UInt64
    }

    private let run: LoadRun
    private let client: UInt32
    private var random: SeededRandom
    /// Worked on: heartbeats, then an ack.
    private var held: [Held] = []
    /// Left alone until the lease is over, then acked all the same.
    private var overslept: [Held] = []
    /// Acked, and the answer was lost.
    private var unsettled: [LeaseToken] = []

    package init(run: LoadRun, client: UInt32) {
        self.run = run
        self.client = client
        random = SeededRandom(seed: run.seed &* 1_000 &+ UInt64(client))
    }

    package mutating func work() throws {
        var generation = 0
        while let next = run.nextGeneration(after: generation) {
            generation = next
            do {
                let connection = try TestConnection(port: run.broker.port)
                run.answered()
                while true {
                    if !unsettled.isEmpty {
                        // By the same tokens, over another connection.
                        let tokens = unsettled
                        unsettled.removeAll()
                        try ack(tokens, connection)
                    }
                    switch run.phase {
                    case .load: try step(connection)
                    case .drain: if try drain(connection) { return }
                    case .over: return
                    }
                }
            } catch is TestConnection.Disconnected {
                continue
            }
        }
    }

    // MARK: Under load

    private mutating func step(_ connection: TestConnection) throws {
        let now = HistoryRecorder.now()
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<12 where !held.isEmpty: try prolong(connection)
        case 12..<30 where !held.isEmpty:
            let tokens = held.filter { $0.until < now }.map(\.token)
            held.removeAll { $0.until < now }
            if !tokens.isEmpty { try ack(tokens, connection) }
        case 30..<40:
            let tokens = overslept.filter { $0.until < now }.map(\.token)
            overslept.removeAll { $0.until < now }
            if !tokens.isEmpty { try ack(tokens, connection) }
        case 40 where !held.isEmpty: try cancel(held[0].id, connection)
        default: try lease(connection)
        }
    }

    private mutating func lease(_ connection: TestConnection) throws {
        let queue = LoadRun.queues[Int.random(in: 0..<LoadRun.queues.count, using: &random)].name
        let count = Int.random(in: 1...16, using: &random)
        let wait = random.chance(50) ? UInt32.random(in: 1...50, using: &random) : 0
        let duration =
            random.chance(50)
            ? TestConnection.ownDuration : UInt32.random(in: 1_000...2_000, using: &random)
        let invoked = HistoryRecorder.now()
        let deliveries: [TestDelivery]
        let ripe = held.filter { $0.until < invoked }
        if ripe.count > 2, random.chance(30) {
            let tokens = ripe.map(\.token)
            held.removeAll { $0.until < invoked }
            deliveries = try acking(tokens, invoked) {
                try connection.ackAndLease(
                    tokens, queue, count: count, waitMilliseconds: wait,
                    durationMilliseconds: duration)
            }
        } else {
            deliveries = try asking(queue, wait, invoked) {
                try connection.lease(
                    queue, count: count, waitMilliseconds: wait, durationMilliseconds: duration)
            }
            run.answered()
        }
        record(deliveries, of: queue, invoked)

        var done: [LeaseToken] = []
        for delivery in deliveries {
            let token = delivery.token
            // What was lost by another is held for a while: meanwhile the other comes with its token.
            let wasLost = delivery.timeouts + delivery.interruptions > 0
            if wasLost, !isPoison(delivery), random.chance(50) {
                hold(delivery, for: UInt64.random(in: 0...400, using: &random))
                continue
            }
            switch Int.random(in: 0..<100, using: &random) {
            case ..<50 where isPoison(delivery), 80..<86: try nack(token, connection)
            case _ where isPoison(delivery): break
            case 86..<90:
                try settle(token, .release(lease(token))) { try connection.release([token]) }
            case 90..<92:
                try settle(token, .reject(lease(token))) { try connection.reject([token]) }
            case 92..<96: hold(delivery, for: 0)
            case 96..<99:
                let wait =
                    UInt64(delivery.durationMilliseconds) + .random(in: 0...200, using: &random)
                overslept.append(
                    Held(token: token, id: delivery.id, until: invoked + wait * 1_000_000))
            // Its worker forgets it, as one that dies does.
            case 99: break
            default: done.append(token)
            }
        }
        if !done.isEmpty { try ack(done, connection) }
    }

    private mutating func hold(_ delivery: TestDelivery, for milliseconds: UInt64) {
        held.append(
            Held(
                token: delivery.token, id: delivery.id,
                until: HistoryRecorder.now() + milliseconds * 1_000_000))
    }

    private mutating func nack(_ token: LeaseToken, _ connection: TestConnection) throws {
        let delay: UInt64? = random.chance(50) ? nil : UInt64.random(in: 0...100, using: &random)
        try settle(token, .nack(lease(token), delayMilliseconds: delay)) {
            try connection.nack([token], delayMilliseconds: delay ?? .max)
        }
    }

    private mutating func prolong(_ connection: TestConnection) throws {
        let duration = UInt32.random(in: 1_000...2_000, using: &random)
        let tokens = held.map(\.token)
        let invoked = HistoryRecorder.now()
        let results =
            random.chance(50)
            ? try connection.heartbeat(
                tokens, checkpoint: random.chance(30) ? Array("half".utf8) : nil,
                durationMilliseconds: duration)
            : try connection.extend(tokens, durationMilliseconds: duration)
        run.answered()
        try record(results, tokens, invoked) {
            .extend($0, durationMilliseconds: duration)
        }
        let refused = Set(zip(tokens, results).filter { $0.1.refusal != nil }.map(\.0))
        held.removeAll { refused.contains($0.token) }
    }

    private func cancel(_ id: JobID, _ connection: TestConnection) throws {
        let invoked = HistoryRecorder.now()
        do {
            let result = try connection.cancel([id])[0]
            run.answered()
            record(.cancel(job: id.lsn), invoked, result.refusal == nil ? .ok : .err)
        } catch let error as TestConnection.Disconnected {
            record(.cancel(job: id.lsn), invoked, .unknown)
            throw error
        }
    }

    // MARK: At the end

    /// - Returns: whether all queues are empty.
    private mutating func drain(_ connection: TestConnection) throws -> Bool {
        let left = (held + overslept).map(\.token)
        held.removeAll()
        overslept.removeAll()
        if !left.isEmpty { try ack(left, connection) }
        var isEmpty = true
        for (queue, _) in LoadRun.queues {
            let counts = try connection.counts(of: queue)
            guard counts.ready + counts.delayed + counts.leased > 0 else { continue }
            isEmpty = false
            let invoked = HistoryRecorder.now()
            let deliveries = try asking(queue, 300, invoked) {
                try connection.lease(queue, count: 64, waitMilliseconds: 300)
            }
            if deliveries.isEmpty { run.drainStands() } else { run.drainGoesOn() }
            record(deliveries, of: queue, invoked)
            let tokens = deliveries.filter { !isPoison($0) }.map(\.token)
            if !tokens.isEmpty { try ack(tokens, connection) }
            for delivery in deliveries where isPoison(delivery) {
                // In the queues with many attempts a poisoned job would live for long.
                if queue == "brittle" {
                    try nack(delivery.token, connection)
                } else {
                    try settle(delivery.token, .reject(lease(delivery.token))) {
                        try connection.reject([delivery.token])
                    }
                }
            }
        }
        return isEmpty
    }

    /// Asks for jobs, and writes down where there are none or no answer comes.
    private func asking(
        _ queue: String, _ waitMilliseconds: UInt32, _ invoked: UInt64,
        _ ask: () throws -> [TestDelivery]
    ) throws -> [TestDelivery] {
        let operation = HistoryEvent.Operation.ask(queue: queue, waitMilliseconds: waitMilliseconds)
        do {
            let deliveries = try ask()
            if deliveries.isEmpty { record(operation, invoked, .ok) }
            return deliveries
        } catch let error as TestConnection.Disconnected {
            record(operation, invoked, .unknown)
            throw error
        }
    }

    // MARK: What is written down

    private func isPoison(_ delivery: TestDelivery) -> Bool {
        delivery.payload.starts(with: Self.poison.utf8)
    }

    private func lease(_ token: LeaseToken) -> HistoryEvent.Lease {
        HistoryEvent.Lease(job: token.lsn, version: token.version)
    }

    private func record(
        _ operation: HistoryEvent.Operation, _ invoked: UInt64, _ outcome: HistoryEvent.Outcome,
        position: Int? = nil
    ) {
        run.history.record(
            HistoryEvent(
                client: client, invoked: invoked,
                responded: outcome == .unknown ? nil : HistoryRecorder.now(), outcome: outcome,
                // A client has one request under way at a time.
                operation: operation, request: invoked, position: position.map { UInt32($0) }))
    }

    private func record(_ deliveries: [TestDelivery], of queue: String, _ invoked: UInt64) {
        for (position, delivery) in deliveries.enumerated() {
            record(
                .deliver(
                    lease(delivery.token), queue: queue, content: contentHash(delivery.payload),
                    attempt: delivery.attempt,
                    durationMilliseconds: delivery.durationMilliseconds),
                invoked, .ok, position: position)
            if delivery.timeouts + delivery.interruptions > 0 { run.sawExpiry() }
        }
    }

    /// Writes down what came of a request for several tokens.
    private func record(
        _ results: [TestResult], _ tokens: [LeaseToken], _ invoked: UInt64,
        _ operation: (HistoryEvent.Lease) -> HistoryEvent.Operation
    ) throws {
        guard results.count == tokens.count else {
            throw TestFault("\(tokens.count) tokens were answered with \(results.count) results")
        }
        for (token, result) in zip(tokens, results) {
            switch result.refusal {
            case nil, .leaseLost, .alreadyDone: break
            case let refusal?:
                throw TestFault("a token that the broker gave out, \(token), is \(refusal.name)")
            }
            record(operation(lease(token)), invoked, result.refusal == nil ? .ok : .err)
        }
    }

    private func settle(
        _ token: LeaseToken, _ operation: HistoryEvent.Operation, _ ask: () throws -> [TestResult]
    ) throws {
        let invoked = HistoryRecorder.now()
        do {
            let results = try ask()
            run.answered()
            try record(results, [token], invoked) { _ in operation }
        } catch let error as TestConnection.Disconnected {
            record(operation, invoked, .unknown)
            throw error
        }
    }

    private mutating func ack(_ tokens: [LeaseToken], _ connection: TestConnection) throws {
        _ = try acking(tokens, HistoryRecorder.now()) { (try connection.ack(tokens), []) }
    }

    private mutating func acking(
        _ tokens: [LeaseToken], _ invoked: UInt64,
        _ ask: () throws -> (results: [TestResult], deliveries: [TestDelivery])
    ) throws -> [TestDelivery] {
        do {
            let (results, deliveries) = try ask()
            run.answered()
            try record(results, tokens, invoked) { .ack($0) }
            return deliveries
        } catch let error as TestConnection.Disconnected {
            unsettled += tokens
            for token in tokens { record(.ack(lease(token)), invoked, .unknown) }
            throw error
        }
    }
}
