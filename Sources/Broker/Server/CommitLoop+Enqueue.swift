internal import HoldfastEngine
internal import HoldfastModel
internal import HoldfastMutants
internal import HoldfastProtocol
internal import HoldfastRecords
internal import HoldfastStore

extension CommitLoop {
    func enqueue(_ request: Request) throws(WireFault) {
        let enqueue = try EnqueueRequest(body: request.body, limits: limits)
        let connection = request.connection
        var mark: (slot: ProducerSlot, sequence: UInt64, count: UInt32)?
        let isFull = upkeep.storageState == .full && !Mutant.enqueueUsesReserve.isOn
        if enqueue.sequence != 0 {
            // Nothing of it may be written: not that there is such a producer, either.
            if isFull, isNew(connection) {
                refuseForSpace(request)
                return
            }
            let producer: ProducerSlot
            do throws(Refusal) {
                producer = try self.producer(of: connection)
            } catch {
                refuse(error, request)
                return
            }
            switch engine.result(of: enqueue.sequence, from: producer) {
            case .fresh:
                mark = (producer, enqueue.sequence, UInt32(enqueue.count))
            case .known(let firstLSN, let count):
                answer(connection) {
                    EnqueueReply.write(
                        correlation: request.correlation, firstLSN: firstLSN, count: Int(count),
                        key: key, isDuplicate: true, into: &$0.gathering)
                }
                return
            case .expired:
                throw WireFault(
                    .sequenceExpired,
                    "enqueue \(enqueue.sequence) is older than the last "
                        + "\(Limits.producerResultCount) of its producer: look for its jobs before "
                        + "you enqueue them anew")
            }
        }
        if isFull {
            refuseForSpace(request)
            return
        }
        let batch = openBatch()
        let queue: QueueID
        if let known = self.queue(named: enqueue.queue, for: connection) {
            queue = known
        } else {
            do throws(Refusal) {
                queue = try engine.ensureQueue(named: enqueue.queue, into: batch)
            } catch {
                refuse(error, request)
                return
            }
        }
        let firstLSN = batch.nextLSN
        var jobs = enqueue.makeIterator()
        while let job = jobs.next() {
            if job.delayMilliseconds > 0 { countDelaysFromNow() }
            _ = engine.enqueue(
                to: queue,
                options: EnqueueOptions(
                    priority: job.priority, delayMilliseconds: job.delayMilliseconds,
                    attemptCountMax: job.attemptCountMax),
                content: job.content, producer: mark, into: batch)
            // The first birth speaks for all of the request's.
            mark = nil
        }
        counters.enqueues += UInt64(enqueue.count)
        answer(connection) {
            EnqueueReply.write(
                correlation: request.correlation, firstLSN: firstLSN, count: enqueue.count,
                key: key, isDuplicate: false, into: &$0.gathering)
        }
    }

    func refuseForSpace(_ request: Request) {
        counters.storageRefusals += 1
        refuse(Self.storageFull, request)
    }

    /// Whether its producer is one that nobody knows yet.
    private func isNew(_ connection: ConnectionHandler) -> Bool {
        guard connection.producer == nil, let id = connection.producerID else { return false }
        return !engine.knowsProducer((id.low, id.high))
    }

    /// The producer that the connection's enqueues are numbered by. It is taken note of with the
    /// first of them, so that workers, and those who only look, take up no memory of producers.
    private func producer(of connection: ConnectionHandler) throws(Refusal) -> ProducerSlot {
        if let producer = connection.producer { return producer }
        guard let id = connection.producerID else {
            throw Refusal(
                code: .badArgument,
                message: "an enqueue has a sequence only where its connection greeted "
                    + "with a producer id")
        }
        let producer = try engine.registerProducer((id.low, id.high), into: openBatch())
        connection.producer = producer
        return producer
    }
}
