internal import HoldfastPages

/// The dead jobs of each queue in the order of death, in the map. Death numbers are counted over the
/// whole engine, from 1.
struct DeadJobs {
    /// Numbers that were given out.
    var count: UInt64 = 0

    /// Adds a job behind all others of its queue and returns its number.
    mutating func append(_ lsn: UInt64, queue: QueueID, _ map: inout OrderedMap) -> UInt64 {
        count += 1
        withUnsafeBytes(of: lsn.littleEndian) { map.insert(Self.key(queue, count), $0) }
        return count
    }

    func remove(_ number: UInt64, queue: QueueID, _ map: inout OrderedMap) {
        map.remove(Self.key(queue, number))
    }

    /// The first job of a queue that died after the one of that number; 0 = the first of all.
    func next(
        after number: UInt64, queue: QueueID, _ map: OrderedMap
    ) -> (
        number: UInt64, lsn: UInt64
    )? {
        guard number < .max, let found = map.first(from: Self.key(queue, number + 1)),
            found.key.high == Self.key(queue, 0).high
        else { return nil }
        return (found.key.low, Self.lsn(found.value))
    }

    static func key(_ queue: QueueID, _ number: UInt64) -> MapKey {
        StateKey.dead.key(UInt64(queue.rawValue), low: number)
    }

    /// The job that a value names; 0 where it is none.
    static func lsn(_ value: UnsafeRawBufferPointer) -> UInt64 {
        guard value.count == 8 else { return 0 }
        return value.start.integer(at: 0, as: UInt64.self)
    }
}
