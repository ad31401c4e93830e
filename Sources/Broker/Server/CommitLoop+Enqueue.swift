internal import HoldfastEngine
internal import HoldfastModel
internal import HoldfastProtocol
internal import HoldfastRecords

extension CommitLoop {
    func enqueue(_ request: Request) throws(WireFault) {
        let enqueue = try EnqueueRequest(body: request.body, limits: limits)
        let connection = request.connection
        var mark: ProducerMark?
        if enqueue.sequence != 0 {
            guard let producer = connection.producer else {
                throw WireFault(
                    .badArgument,
                    "an enqueue has a sequence only where its connection greeted "
                        + "with a producer id")
            }
            switch engine.result(of: enqueue.sequence, from: producer) {
            case .fresh:
                mark = ProducerMark(
                    slot: producer, sequence: enqueue.sequence, count: UInt32(enqueue.count))
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
}
