internal import HoldfastModel

struct ProducerID: Hashable {
    var low: UInt64
    var high: UInt64
}

/// The producers and their last requests. A slot changes hands by a PRODUCER record only.
struct ProducerTable: ~Copyable {
    struct Result {
        var sequence: UInt64 = 0
        var firstLSN: UInt64 = 0
        /// 0 = no result.
        var count: UInt32 = 0
    }

    struct Producer {
        var id: ProducerID
        /// Broker time of the last request or of the registration.
        var usedMilliseconds: Int64
        var greatestSequence: UInt64 = 0
        /// Sequence s lies at s modulo `Limits.producerResultCount`; nil before the first.
        var results: UnsafeMutablePointer<Result>?
        /// Open connections of this run of the broker; not part of the state.
        var connectionCount = 0
    }

    private(set) var producers: [Producer] = []
    private var slots: [ProducerID: UInt32] = [:]

    deinit {
        for producer in producers { producer.results?.deallocate() }
    }

    var count: Int { producers.count }

    func slot(of id: ProducerID) -> ProducerSlot? { slots[id].map { ProducerSlot(rawValue: $0) } }

    /// Gives the slot, at most the lowest that was never in use, to a producer.
    mutating func assign(_ slot: ProducerSlot, to id: ProducerID, at milliseconds: Int64) {
        let position = Int(slot.rawValue)
        let producer = Producer(id: id, usedMilliseconds: milliseconds)
        if position == producers.count {
            producers.append(producer)
        } else {
            slots[producers[position].id] = nil
            producers[position].results?.deallocate()
            producers[position] = producer
        }
        slots[id] = slot.rawValue
    }

    mutating func connect(_ slot: ProducerSlot) {
        producers[Int(slot.rawValue)].connectionCount += 1
    }

    mutating func disconnect(_ slot: ProducerSlot) {
        let position = Int(slot.rawValue)
        if producers[position].connectionCount > 0 { producers[position].connectionCount -= 1 }
    }

    /// The slot that was used least lately among those without a connection.
    var leastRecentlyUsed: ProducerSlot? {
        var oldest: Int?
        for position in producers.indices where producers[position].connectionCount == 0 {
            if let found = oldest,
                producers[found].usedMilliseconds <= producers[position].usedMilliseconds
            {
                continue
            }
            oldest = position
        }
        return oldest.map { ProducerSlot(rawValue: UInt32($0)) }
    }

    func result(of sequence: UInt64, from slot: ProducerSlot) -> ProducerResult {
        let producer = producers[Int(slot.rawValue)]
        let window = UInt64(Limits.producerResultCount)
        if let results = producer.results {
            let result = results[Int(sequence % window)]
            if result.count > 0, result.sequence == sequence {
                return .known(firstLSN: result.firstLSN, count: result.count)
            }
        }
        if producer.greatestSequence >= window,
            sequence <= producer.greatestSequence - window
        {
            return .expired
        }
        return .fresh
    }

    mutating func remember(_ mark: ProducerMark, firstLSN: UInt64, at milliseconds: Int64) {
        let position = Int(mark.slot.rawValue)
        let results: UnsafeMutablePointer<Result>
        if let known = producers[position].results {
            results = known
        } else {
            results = .allocate(capacity: Limits.producerResultCount)
            results.initialize(repeating: Result(), count: Limits.producerResultCount)
            producers[position].results = results
        }
        results[Int(mark.sequence % UInt64(Limits.producerResultCount))] = Result(
            sequence: mark.sequence, firstLSN: firstLSN, count: mark.count)
        producers[position].usedMilliseconds = milliseconds
        producers[position].greatestSequence = max(
            producers[position].greatestSequence, mark.sequence)
    }
}
