internal import HoldfastModel
internal import HoldfastPages

struct ProducerID: Hashable {
    var low: UInt64
    var high: UInt64
}

/// The producers and their last requests. A slot changes hands by a PRODUCER record only.
struct ProducerTable: ~Copyable {
    /// 24 bytes of a page, little-endian.
    struct Result: BitwiseCopyable {
        var sequence: UInt64 = 0
        var firstLSN: UInt64 = 0
        /// 0 = no result.
        var count: UInt32 = 0
        var zero: UInt32 = 0
    }

    struct Producer: ~Copyable {
        var id: ProducerID
        /// Broker time of the last request or of the registration.
        var usedMilliseconds: Int64
        var greatestSequence: UInt64 = 0
        /// Sequence s lies at s modulo `Limits.producerResultCount`.
        var results: PagedArray<Result>
        /// Open connections of this run of the broker; not part of the state.
        var connectionCount = 0

        /// - Parameter references: of the results; their pages are those of the slot.
        init(
            _ id: ProducerID, slot: Int, at milliseconds: Int64, greatestSequence: UInt64 = 0,
            _ pages: PageSpace, _ references: [PageReference] = []
        ) {
            self.id = id
            usedMilliseconds = milliseconds
            self.greatestSequence = greatestSequence
            results = PagedArray(
                pages, identifier: ProducerTable.firstArrayIdentifier + UInt32(slot),
                references: references)
        }
    }

    /// Slots lie below this, so that a damaged number never asks for much memory.
    static let slotEnd: UInt32 = 1 << 20
    /// Whose pages the results of slot 0 are.
    static let firstArrayIdentifier: UInt32 = 256

    private let pages: PageSpace
    private var producers: UnsafeMutablePointer<Producer>
    private var capacity = 16
    private(set) var count = 0
    private var slots: [ProducerID: UInt32] = [:]

    init(_ pages: PageSpace) {
        self.pages = pages
        producers = .allocate(capacity: capacity)
    }

    deinit {
        producers.deinitialize(count: count)
        producers.deallocate()
    }

    /// The producer in a slot that was ever in use. Valid until one is added.
    @inline(__always)
    subscript(_ slot: Int) -> UnsafeMutablePointer<Producer> { producers + slot }

    func slot(of id: ProducerID) -> ProducerSlot? { slots[id].map { ProducerSlot(rawValue: $0) } }

    /// Gives the slot, at most the lowest that was never in use, to a producer.
    mutating func assign(_ slot: ProducerSlot, to id: ProducerID, at milliseconds: Int64) {
        let position = Int(slot.rawValue)
        slots[id] = slot.rawValue
        guard position < count else {
            return append(Producer(id, slot: count, at: milliseconds, pages))
        }
        slots[producers[position].id] = nil
        producers[position].results.removeAll()
        producers[position] = Producer(id, slot: position, at: milliseconds, pages)
    }

    /// Adds a producer of an image in the next slot.
    ///
    /// - Returns: false where it has a slot already.
    mutating func restore(
        _ id: ProducerID, usedMilliseconds: Int64, greatestSequence: UInt64,
        references: [PageReference]
    ) -> Bool {
        guard slots.updateValue(UInt32(count), forKey: id) == nil else { return false }
        append(
            Producer(
                id, slot: count, at: usedMilliseconds, greatestSequence: greatestSequence, pages,
                references))
        return true
    }

    private mutating func append(_ producer: consuming Producer) {
        if count == capacity {
            let grown = UnsafeMutablePointer<Producer>.allocate(capacity: capacity * 2)
            grown.moveInitialize(from: producers, count: count)
            producers.deallocate()
            producers = grown
            capacity *= 2
        }
        (producers + count).initialize(to: producer)
        count += 1
    }

    mutating func connect(_ slot: ProducerSlot) {
        // Not so where its record did not fit the state.
        guard Int(slot.rawValue) < count else { return }
        producers[Int(slot.rawValue)].connectionCount += 1
    }

    mutating func disconnect(_ slot: ProducerSlot) {
        let position = Int(slot.rawValue)
        guard position < count else { return }
        if producers[position].connectionCount > 0 { producers[position].connectionCount -= 1 }
    }

    /// The slot that was used least lately among those without a connection.
    var leastRecentlyUsed: ProducerSlot? {
        var oldest: Int?
        for position in 0..<count where producers[position].connectionCount == 0 {
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
        guard Int(slot.rawValue) < count else { return .expired }
        let producer = self[Int(slot.rawValue)]
        let window = UInt64(Limits.producerResultCount)
        let result = producer.pointee.results.element(Int(sequence % window))
        if result.count > 0, result.sequence == sequence {
            // A page may say anything; of an answer that cannot be given nothing is known.
            let isPossible =
                result.count <= UInt32(Limits.itemCountMax)
                && result.firstLSN <= StateKey.valueMax
            return isPossible ? .known(firstLSN: result.firstLSN, count: result.count) : .expired
        }
        let greatest = producer.pointee.greatestSequence
        if greatest >= window, sequence <= greatest - window { return .expired }
        return .fresh
    }

    mutating func remember(_ mark: ProducerMark, firstLSN: UInt64, at milliseconds: Int64) {
        let producer = self[Int(mark.slot.rawValue)]
        let position = Int(mark.sequence % UInt64(Limits.producerResultCount))
        producer.pointee.results.mutablePointer(position).pointee = Result(
            sequence: mark.sequence, firstLSN: firstLSN, count: mark.count)
        producer.pointee.usedMilliseconds = milliseconds
        producer.pointee.greatestSequence = max(
            producer.pointee.greatestSequence, mark.sequence)
    }
}
