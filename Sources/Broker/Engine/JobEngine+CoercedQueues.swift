internal import HoldfastModel
internal import HoldfastPages
internal import HoldfastRecords

/// Births, queues and producers, made to fit past a gap.
extension JobEngine {
    mutating func coerceBirth(_ birth: BirthRecord, _ lsn: LSN) -> CoercedRecord {
        guard birth.queue.rawValue < QueueTable.numberEnd else { return .leftOut }
        if !queues.isLive(birth.queue) {
            let name = recoveredName(of: birth.queue)
            name.withUnsafeBytes { queues.insert(birth.queue, name: $0, policy: .standard) }
            gap?.counts.namelessQueueCount += 1
        }
        if birth.dueMilliseconds == nil, birth.attemptCountMax ?? 0 == 0 {
            gap?.lanes?.insert(lsn, LaneNumber(queue: birth.queue, priority: birth.priority))
        }
        guard let mark = birth.producer else { return .whole }
        if mark.hasPossibleCount, isOwned(mark.slot, at: birth.enqueuedMilliseconds) {
            gap?.ownedSlots[mark.slot.rawValue] = true
            return .whole
        }
        gap?.counts.unmarkedBirthCount += 1
        return fitting(1, of: 2, lsn) { batch in
            _ = BirthRecord.append(
                queue: birth.queue, priority: birth.priority,
                enqueuedMilliseconds: birth.enqueuedMilliseconds,
                dueMilliseconds: birth.dueMilliseconds,
                attemptCountMax: birth.attemptCountMax ?? 0, producer: nil,
                content: birth.content, to: batch)
        }
    }

    /// Whether a slot is certainly of the producer that the state knows there. Were it another's, that
    /// one's requests would be taken for repeats later on, and be lost.
    private func isOwned(_ slot: ProducerSlot, at milliseconds: Int64) -> Bool {
        guard slot.rawValue < UInt32(producers.count) else { return false }
        if let isOwned = gap?.ownedSlots[slot.rawValue] { return isOwned }
        // A producer used so lately cannot have been forgotten in the gap.
        let used = producers[Int(slot.rawValue)].pointee.usedMilliseconds
        let age = milliseconds.subtractingReportingOverflow(used)
        return !age.overflow && age.partialValue <= Self.producerKeptMilliseconds
    }

    mutating func coerceProducer(_ record: ProducerRecord) -> CoercedRecord {
        let slot = record.slot.rawValue
        let known = producers.slot(of: record.id)
        if known == record.slot {
            // It came back in the gap: what it is remembered for is still its own.
            gap?.ownedSlots[slot] = true
            return .partlyDone
        }
        guard known == nil, slot <= UInt32(producers.count), slot < ProducerTable.slotEnd else {
            gap?.ownedSlots[slot] = false
            return .leftOut
        }
        gap?.ownedSlots[slot] = true
        return .whole
    }

    mutating func coerceQueue(_ record: QueueRecord) -> CoercedRecord {
        let queue = record.queue
        guard queue.rawValue < QueueTable.numberEnd else { return .leftOut }
        let isLive = queues.isLive(queue)
        let named = queues.find(record.name)
        switch record.change {
        case .delete:
            guard isLive, queues[Int(queue.rawValue)].pointee.isEmpty else {
                return .leftOut
            }
            if named == queue { return .whole }
            removeQueue(queue)
            return .partlyDone
        case .create:
            if !isLive, named == nil, queue.rawValue <= UInt32(queues.count) { return .whole }
        case .alter:
            if isLive, named == queue { return .whole }
        }
        if let named, named != queue { takeName(from: named) }
        if isLive {
            if named != queue { queues.rename(queue, to: record.name) }
            queues[Int(queue.rawValue)].pointee.policy = record.policy
        } else {
            queues.insert(queue, name: record.name, policy: record.policy)
        }
        return .partlyDone
    }

    /// The name is another queue's by now: this one was deleted in the gap, or altered.
    private mutating func takeName(from queue: QueueID) {
        guard !queues[Int(queue.rawValue)].pointee.isEmpty else { return removeQueue(queue) }
        let name = recoveredName(of: queue)
        name.withUnsafeBytes { queues.rename(queue, to: $0) }
        queueGeneration &+= 1
        gap?.counts.namelessQueueCount += 1
    }
}
