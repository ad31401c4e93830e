package import HoldfastModel
package import HoldfastRecords

extension JobEngine {
    /// The queue of that name. Its number holds until `queueGeneration` changes.
    package func queue(named name: UnsafeRawBufferPointer) -> QueueID? { queues.find(name) }

    package func isLive(_ queue: QueueID) -> Bool { queues.isLive(queue) }

    /// The queue of that name, created with the standard policy where there is none.
    package mutating func ensureQueue(
        named name: UnsafeRawBufferPointer, into batch: RecordBatch
    ) throws(Refusal) -> QueueID {
        if let queue = queues.find(name) { return queue }
        return try createQueue(named: name, policy: .standard, into: batch).0
    }

    /// Creates a queue. One of that name with the same policy is as good as a new one.
    package mutating func createQueue(
        named name: UnsafeRawBufferPointer, policy: QueuePolicy, into batch: RecordBatch
    ) throws(Refusal) -> (QueueID, isDuplicate: Bool) {
        guard Name.isValid(name) else {
            throw Refusal(
                code: .badName,
                message: "the name of a queue is 1 to 255 bytes of UTF-8 without control characters"
            )
        }
        if let fault = policy.fault { throw Refusal(code: .badArgument, message: fault) }
        if let queue = queues.find(name) {
            guard queues[Int(queue.rawValue)].pointee.policy == policy else {
                throw Refusal(
                    code: .queueExists,
                    message: "the queue exists with another policy; change it with queue set")
            }
            return (queue, isDuplicate: true)
        }
        guard queues.liveCount < configuration.queueCountMax else {
            throw Refusal(
                code: .tooManyQueues,
                message: "there are \(queues.liveCount) queues already; delete one first")
        }
        let queue = queues.nextFree
        applyAppended(
            QueueRecord.append(.create, queue: queue, policy: policy, name: name, to: batch),
            of: batch)
        return (queue, isDuplicate: false)
    }

    /// Changes a queue's policy. Leases keep their durations; attempts are judged by the policy that
    /// holds when they end.
    package mutating func setPolicy(
        of queue: QueueID, _ policy: QueuePolicy, into batch: RecordBatch
    ) throws(Refusal) {
        try mustBeLive(queue)
        if let fault = policy.fault { throw Refusal(code: .badArgument, message: fault) }
        appendQueue(.alter, queue, policy, to: batch)
    }

    /// Deletes a queue without jobs, be they ready, delayed, leased or dead.
    package mutating func deleteQueue(
        _ queue: QueueID, into batch: RecordBatch
    ) throws(Refusal) {
        try mustBeLive(queue)
        let state = queues[Int(queue.rawValue)].pointee
        guard state.isEmpty else {
            throw Refusal(
                code: .queueNotEmpty,
                message: "the queue has \(state.jobCount) jobs; finish or cancel them first")
        }
        appendQueue(.delete, queue, state.policy, to: batch)
    }

    private mutating func appendQueue(
        _ change: QueueRecord.Change, _ queue: QueueID, _ policy: QueuePolicy, to batch: RecordBatch
    ) {
        let name = queues.name(Int(queue.rawValue))
        let lsn = name.withUnsafeBytes {
            QueueRecord.append(change, queue: queue, policy: policy, name: $0, to: batch)
        }
        applyAppended(lsn, of: batch)
    }

    func mustBeLive(_ queue: QueueID) throws(Refusal) {
        guard queues.isLive(queue) else {
            throw Refusal(code: .unknownQueue, message: "there is no such queue")
        }
    }

    /// - Parameter queue: a live one.
    package func queueSummary(_ queue: QueueID) -> QueueSummary {
        precondition(queues.isLive(queue), "a summary is of a queue that exists")
        let state = queues[Int(queue.rawValue)].pointee
        return QueueSummary(
            id: queue,
            name: String(decoding: queues.name(Int(queue.rawValue)), as: UTF8.self),
            policy: state.policy, ready: state.readyCount, delayed: state.delayedCount,
            leased: state.leasedCount, dead: state.deadCount, totals: state.totals,
            oldestReadyMilliseconds: oldestReadySecond(of: queue).map { Int64($0) * 1_000 })
    }

    /// Up to `limit` queues in the order of their names' bytes.
    ///
    /// - Parameter name: those behind this name, be there one of it or not; nil = from the start.
    package func queues(after name: String?, limit: Int) -> [QueueSummary] {
        var position = 0
        if var name {
            name.withUTF8 { bytes in
                let bytes = UnsafeRawBufferPointer(bytes)
                position = queues.position(of: bytes) + (queues.find(bytes) == nil ? 0 : 1)
            }
        }
        let end = min(queues.sorted.count, position + max(0, min(limit, queues.sorted.count)))
        guard position < end else { return [] }
        return (position..<end).map { queueSummary(QueueID(rawValue: queues.sorted[$0])) }
    }

    package func readyCount(of queue: QueueID) -> Int {
        queues.isLive(queue) ? queues[Int(queue.rawValue)].pointee.readyCount : 0
    }

    /// Appends the queues whose ready count rose from zero since the last call, in the order in which
    /// it did. Some may be empty again.
    package mutating func takeReadiedQueues(into list: inout [QueueID]) {
        guard !readied.isEmpty else { return }
        for queue in readied where queues.isLive(queue) {
            let state = queues[Int(queue.rawValue)]
            // A queue that was deleted and created again may stand here twice.
            guard state.pointee.isReadied else { continue }
            state.pointee.isReadied = false
            list.append(queue)
        }
        readied.removeAll(keepingCapacity: true)
    }

    private func oldestReadySecond(of queue: QueueID) -> UInt32? {
        var oldest: UInt32?
        for priority in 0...Limits.priorityMax {
            let lane = LaneNumber(queue: queue, priority: priority)
            if let entry = LaneCursor(lane, self).head {
                oldest = min(oldest ?? .max, entry.enqueuedSecond)
            }
        }
        return oldest
    }
}
