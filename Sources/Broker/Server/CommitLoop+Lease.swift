internal import HoldfastEngine
internal import HoldfastModel
internal import HoldfastPages
internal import HoldfastProtocol
internal import HoldfastRecords
internal import HoldfastWAL
internal import Logging
internal import NIOCore

extension CommitLoop {
    typealias Wait = WaitingLeases<ConnectionHandler>.Wait

    func lease(_ request: Request) throws(WireFault) {
        let lease = try LeaseRequest(body: request.body, limits: limits)
        guard let queue = queue(named: lease.queue, for: request.connection) else {
            refuse(Self.unknownQueue(lease.queue), request)
            return
        }
        grant(lease.order, of: queue, to: request, answers: nil)
    }

    func ackLease(_ request: Request) throws(WireFault) {
        let ackLease = try AckLeaseRequest(body: request.body, limits: limits)
        // What could refuse the lease is looked at before the acks take effect.
        guard let queue = queue(named: ackLease.queue, for: request.connection) else {
            refuse(Self.unknownQueue(ackLease.queue), request)
            return
        }
        results.removeAll(keepingCapacity: true)
        ackLease.tokens.copy(into: &tokens)
        acknowledge()
        grant(ackLease.order, of: queue, to: request, answers: results.map(ItemAnswer.init))
    }

    /// Answers with jobs, waits for them, or answers with none.
    private func grant(
        _ order: LeaseOrder, of queue: QueueID, to request: Request, answers: [ItemAnswer]?
    ) {
        let wait = Wait(
            connection: request.connection, correlation: request.correlation, queue: queue,
            count: order.count, durationMilliseconds: order.durationMilliseconds,
            deadlineMilliseconds: bootMilliseconds + Int64(order.waitMilliseconds),
            answers: answers)
        // Whoever waits already comes first: what is ready now goes round when the pass ends.
        if order.waitMilliseconds == 0 || waits.first(of: queue) == nil {
            if engine.readyCount(of: queue) > 0 {
                do throws(Refusal) {
                    try lease(for: wait)
                    return
                } catch {
                    if order.waitMilliseconds == 0, answers == nil {
                        refuse(error, request)
                        return
                    }
                    starve(queue)
                }
            }
        }
        if order.waitMilliseconds == 0 {
            answerEmpty(wait)
        } else {
            waits.append(wait)
        }
    }

    /// Leases what is ready, up to what the wait asks for, and answers it.
    ///
    /// - Throws: where the broker has as many leases as it may; nothing was answered.
    func lease(for wait: Wait) throws(Refusal) {
        deliveries.removeAll(keepingCapacity: true)
        try engine.lease(
            from: wait.queue, count: wait.count,
            byteCountMax: limits.frameByteCountMax - Self.replyHeadByteCount
                - (wait.answers?.count ?? 0) * ItemAnswer.byteCount,
            byteCountEach: DeliveredJob.fixedByteCount,
            durationMilliseconds: wait.durationMilliseconds, owner: wait.connection.number,
            into: openBatch(), deliveries: &deliveries)
        counters.leases += UInt64(deliveries.count)
        if deliveries.allSatisfy({ bodyInMemory(of: $0.lsn) != nil }) {
            deliverFromMemory(to: wait)
        } else {
            deliverFromLog(to: wait)
        }
    }

    /// Has the queue's waits tried again in the next pass.
    func starve(_ queue: QueueID) {
        if !starvedQueues.contains(queue) { starvedQueues.append(queue) }
    }

    /// Answers a wait with no jobs.
    func answerEmpty(_ wait: Wait) {
        answer(wait.connection) {
            LeaseReplyWriter(wait, into: &$0.gathering).finish(in: &$0.gathering)
        }
    }

    /// Frame header and counts of a reply, rounded up.
    private static let replyHeadByteCount = 32

    // MARK: Delivery

    private func deliverFromMemory(to wait: Wait) {
        var surplus = deliveries.count
        answer(wait.connection) { replies in
            var writer = LeaseReplyWriter(wait, into: &replies.gathering)
            for (index, delivery) in deliveries.enumerated() {
                guard let body = bodyInMemory(of: delivery.lsn),
                    let job = deliveredJob(delivery, body: body)
                else {
                    engine.pages.condemn("job \(delivery.lsn) is leased and was never born")
                    checkPages()
                    continue
                }
                let length = writer.length(in: replies.gathering) + job.byteCount
                guard index == 0 || length <= limits.frameByteCountMax else {
                    surplus = index
                    break
                }
                writer.append(job, into: &replies.gathering)
                replies.deliveriesGathering.append(
                    .init(lsn: delivery.lsn, version: delivery.version))
            }
            writer.finish(in: &replies.gathering)
        }
        for delivery in deliveries[surplus...] { takeBack(delivery) }
    }

    /// What the reading thread made of a lease.
    private struct ReadDelivery: Sendable {
        var reply: ByteBuffer
        var sent: [Delivery] = []
        var surplus: [Delivery] = []
        var corrupt: [Delivery] = []
    }

    private func deliverFromLog(to wait: Wait) {
        let deliveries = deliveries
        // Those in memory are copied now: they may be gone by the time the others are read.
        let bodies = deliveries.map { bodyInMemory(of: $0.lsn).map { Array($0) } }
        let checkpoints = deliveries.map { engine.checkpoint(of: $0.lsn) }
        let missing = zip(deliveries, bodies).filter { $0.1 == nil }.map(\.0.lsn)
        let header = LeaseReplyHeader(correlation: wait.correlation, answers: wait.answers)
        let key = key
        let lengthMax = limits.frameByteCountMax
        let connection = wait.connection
        for delivery in deliveries {
            engine.holdLeaseClock(lsn: delivery.lsn, version: delivery.version)
        }
        reads.read(on: eventLoop) { log in
            var bodies = bodies
            let read = RecordBodies(of: missing, in: log)
            for (index, delivery) in deliveries.enumerated() where bodies[index] == nil {
                bodies[index] = read.whole[delivery.lsn]
            }
            var result = ReadDelivery(reply: ByteBuffer())
            var writer = LeaseReplyWriter(header, into: &result.reply)
            for (index, delivery) in deliveries.enumerated() {
                if read.unknown.contains(delivery.lsn) {
                    // The job may be sound, and somebody else's turn.
                    result.surplus.append(delivery)
                    continue
                }
                let isWhole = (bodies[index] ?? []).withUnsafeBytes { body -> Bool in
                    (checkpoints[index] ?? []).withUnsafeBytes { checkpoint in
                        guard
                            let job = DeliveredJob(
                                delivery, body: body, checkpoint: checkpoint, key: key)
                        else { return false }
                        let length = writer.length(in: result.reply) + job.byteCount
                        if result.sent.isEmpty || length <= lengthMax {
                            writer.append(job, into: &result.reply)
                            result.sent.append(delivery)
                        } else {
                            result.surplus.append(delivery)
                        }
                        return true
                    }
                }
                if !isWhole { result.corrupt.append(delivery) }
            }
            writer.finish(in: &result.reply)
            return result
        } then: { result in
            self.beginPass()
            self.answer(connection) { replies in
                var reply = result.reply
                replies.gathering.writeBuffer(&reply)
                for delivery in result.sent {
                    self.engine.startHeldLeaseClock(
                        lsn: delivery.lsn, version: delivery.version,
                        bootMilliseconds: self.clock.bootMilliseconds)
                    replies.deliveriesGathering.append(
                        .init(lsn: delivery.lsn, version: delivery.version))
                }
            }
            for delivery in result.surplus { self.takeBack(delivery) }
            for delivery in result.corrupt { self.bury(delivery) }
        }
    }

    private func deliveredJob(_ delivery: Delivery, body: UnsafeRawBufferPointer) -> DeliveredJob? {
        guard delivery.hasCheckpoint, let checkpoint = engine.checkpoint(of: delivery.lsn) else {
            return DeliveredJob(
                delivery, body: body, checkpoint: UnsafeRawBufferPointer(start: nil, count: 0),
                key: key)
        }
        return checkpoint.withUnsafeBytes {
            DeliveredJob(delivery, body: body, checkpoint: $0, key: key)
        }
    }

    // MARK: Taking back

    private func takeBack(_ delivery: Delivery) {
        takeBack(.init(lsn: delivery.lsn, version: delivery.version))
    }

    /// The delivery never reached its worker: it costs the job no attempt.
    func takeBack(_ delivery: HeldReplies.HeldDelivery) {
        beginPass()
        counters.undelivered += 1
        engine.returnUndelivered(
            lsn: delivery.lsn, version: delivery.version, into: openBatch())
    }

    /// The job's record cannot be read back: nobody will ever be able to run it.
    private func bury(_ delivery: Delivery) {
        counters.corruptPayloads += 1
        logger.critical(
            "a job's payload is damaged; the job goes to the dead letters",
            metadata: ["job": "\(key.jobID(delivery.lsn))", "lsn": "\(delivery.lsn)"])
        engine.buryCorrupt(lsn: delivery.lsn, version: delivery.version, into: openBatch())
    }
}

/// How a reply to LEASE or ACK_LEASE begins.
struct LeaseReplyHeader: Sendable {
    let correlation: UInt32
    let answers: [ItemAnswer]?
}

extension LeaseReplyWriter {
    init(_ header: LeaseReplyHeader, into buffer: inout ByteBuffer) {
        if let answers = header.answers {
            self.init(correlation: header.correlation, answers: answers, into: &buffer)
        } else {
            self.init(correlation: header.correlation, into: &buffer)
        }
    }

    init(_ wait: CommitLoop.Wait, into buffer: inout ByteBuffer) {
        self.init(
            LeaseReplyHeader(correlation: wait.correlation, answers: wait.answers), into: &buffer)
    }
}

extension DeliveredJob {
    /// - Returns: nil where `body` is not a birth.
    init?(
        _ delivery: Delivery, body: UnsafeRawBufferPointer, checkpoint: UnsafeRawBufferPointer,
        key: StoreKey
    ) {
        guard let birth = try? BirthRecord(body) else { return nil }
        self.init(
            token: key.leaseToken(delivery.lsn, version: delivery.version),
            idCheck: key.jobID(delivery.lsn).check,
            priority: delivery.priority,
            attempt: delivery.attempt,
            interruptions: delivery.interruptions,
            timeouts: delivery.timeouts,
            releases: delivery.releases,
            enqueuedMilliseconds: birth.enqueuedMilliseconds,
            durationMilliseconds: delivery.durationMilliseconds,
            checkpoint: checkpoint,
            content: birth.content)
    }
}
