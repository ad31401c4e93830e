internal import HoldfastEngine
internal import HoldfastModel
internal import HoldfastProtocol
internal import HoldfastStore

// What a worker says of the leases it has: done, failed, given back, rejected, still at work.
extension CommitLoop {
    /// What a job keeps of what its worker said. On a full volume nothing: only its end is paid for.
    private func kept(_ text: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        upkeep.storageState == .full ? UnsafeRawBufferPointer(start: nil, count: 0) : text
    }

    func settle(_ request: Request) throws(WireFault) {
        results.removeAll(keepingCapacity: true)
        switch request.kind {
        case .ack:
            try TokenRequest(body: request.body, limits: limits).tokens.copy(into: &tokens)
            acknowledge()
        case .release:
            try TokenRequest(body: request.body, limits: limits).tokens.copy(into: &tokens)
            tokens.withUnsafeBufferPointer {
                engine.release($0, into: openBatch(), results: &results)
            }
        case .nack:
            let nack = try NackRequest(body: request.body, limits: limits)
            nack.tokens.copy(into: &tokens)
            countDelaysFromNow()
            tokens.withUnsafeBufferPointer {
                engine.nack(
                    $0, delayMilliseconds: nack.delayMilliseconds, error: kept(nack.error),
                    into: openBatch(), results: &results)
            }
        case .reject:
            let reject = try RejectRequest(body: request.body, limits: limits)
            reject.tokens.copy(into: &tokens)
            tokens.withUnsafeBufferPointer {
                engine.reject(
                    $0, reason: kept(reject.reason), into: openBatch(), results: &results)
            }
        // From when it is read: the pass may have begun long before, where the process was stopped.
        case .extend:
            let extend = try ExtendRequest(body: request.body, limits: limits)
            extend.tokens.copy(into: &tokens)
            tokens.withUnsafeBufferPointer {
                engine.extend(
                    $0, durationMilliseconds: extend.durationMilliseconds,
                    bootMilliseconds: clock.bootMilliseconds,
                    owner: request.connection.number,
                    into: openBatch(), results: &results)
            }
        default:
            let heartbeat = try HeartbeatRequest(body: request.body, limits: limits)
            var items: [HeartbeatItem] = []
            items.reserveCapacity(heartbeat.count)
            var iterator = heartbeat.makeIterator()
            let keepsCheckpoints = upkeep.storageState != .full
            while let item = iterator.next() {
                items.append(
                    HeartbeatItem(
                        token: item.token, checkpoint: keepsCheckpoints ? item.checkpoint : nil))
            }
            engine.heartbeat(
                items, durationMilliseconds: heartbeat.durationMilliseconds,
                bootMilliseconds: clock.bootMilliseconds, owner: request.connection.number,
                into: openBatch(), results: &results)
        }
        answerItems(request)
    }

    /// Acknowledges `tokens` and appends to `results`.
    func acknowledge() {
        tokens.withUnsafeBufferPointer { engine.ack($0, into: openBatch(), results: &results) }
        counters.acks += UInt64(tokens.count)
    }

    /// Answers a request of many items by `results`.
    func answerItems(_ request: Request) {
        answer(request.connection) {
            ItemsReply.write(
                to: request.kind, correlation: request.correlation,
                answers: results.lazy.map(ItemAnswer.init), into: &$0.gathering)
        }
    }
}
