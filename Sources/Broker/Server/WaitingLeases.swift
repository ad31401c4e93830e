internal import DequeModule
internal import HeapModule
package import HoldfastEngine
package import HoldfastProtocol

/// The lease requests that found too little and wait for jobs: first come, first served in each
/// queue. Volatile: a wait ends with its connection and leaves no record.
package struct WaitingLeases<Connection: AnyObject> {
    package struct Wait {
        package let connection: Connection
        package let correlation: UInt32
        package let queue: QueueID
        /// Leases asked for, at most.
        package let count: Int
        /// Of the leases; 0 for the queue's own.
        package let durationMilliseconds: UInt32
        /// When to answer with nothing, on the boot clock.
        package let deadlineMilliseconds: Int64
        /// What became of the acks that came in the same frame; nil where none did.
        package let answers: [ItemAnswer]?

        package init(
            connection: Connection, correlation: UInt32, queue: QueueID, count: Int,
            durationMilliseconds: UInt32, deadlineMilliseconds: Int64,
            answers: [ItemAnswer]? = nil
        ) {
            self.connection = connection
            self.correlation = correlation
            self.queue = queue
            self.count = count
            self.durationMilliseconds = durationMilliseconds
            self.deadlineMilliseconds = deadlineMilliseconds
            self.answers = answers
        }
    }

    private struct Deadline: Comparable {
        let milliseconds: Int64
        let number: UInt64

        static func < (one: Deadline, other: Deadline) -> Bool {
            (one.milliseconds, one.number) < (other.milliseconds, other.number)
        }
    }

    private var waits: [UInt64: Wait] = [:]
    /// Numbers of waits in the order they came; those that ended are skipped when met.
    private var lines: [QueueID: Deque<UInt64>] = [:]
    private var deadlines = Heap<Deadline>()
    private var numberNext: UInt64 = 0
    /// Waits that ended while something still names them. Once they outnumber the living, lines
    /// and heap are made anew: memory follows the waits there are, not those there were.
    private var endedCount = 0

    package init() {}

    package var count: Int { waits.count }

    package mutating func append(_ wait: Wait) {
        let number = numberNext
        numberNext += 1
        waits[number] = wait
        lines[wait.queue, default: []].append(number)
        deadlines.insert(Deadline(milliseconds: wait.deadlineMilliseconds, number: number))
    }

    /// The wait that stands first in the queue's line, without taking it out.
    package mutating func first(of queue: QueueID) -> Wait? {
        while let number = lines[queue]?.first {
            if let wait = waits[number] { return wait }
            lines[queue]?.removeFirst()
        }
        lines[queue] = nil
        return nil
    }

    package mutating func removeFirst(of queue: QueueID) {
        guard let number = lines[queue]?.popFirst() else { return }
        waits[number] = nil
        endedCount += 1
        if lines[queue]?.isEmpty == true { lines[queue] = nil }
        forgetEnded()
    }

    /// The earliest deadline among the waits, on the boot clock.
    package mutating func nextDeadlineMilliseconds() -> Int64? {
        while let deadline = deadlines.min {
            if waits[deadline.number] != nil { return deadline.milliseconds }
            deadlines.removeMin()
        }
        return nil
    }

    /// Takes out a wait whose deadline has come; nil where there is none.
    package mutating func removeExpired(atBoot milliseconds: Int64) -> Wait? {
        while let deadline = deadlines.min, deadline.milliseconds <= milliseconds {
            deadlines.removeMin()
            if let wait = waits.removeValue(forKey: deadline.number) {
                endedCount += 1
                forgetEnded()
                return wait
            }
        }
        return nil
    }

    /// Takes out the wait of one request; nil where it does not wait.
    package mutating func remove(of connection: Connection, correlation: UInt32) -> Wait? {
        let number = waits.filter {
            $0.value.connection === connection && $0.value.correlation == correlation
        }.keys.min()
        guard let number, let wait = waits.removeValue(forKey: number) else { return nil }
        endedCount += 1
        forgetEnded()
        return wait
    }

    /// Takes out all waits of a connection, or all there are.
    package mutating func removeAll(of connection: Connection? = nil) -> [Wait] {
        let numbers = waits.filter { connection == nil || $0.value.connection === connection }
            .keys.sorted()
        endedCount += numbers.count
        defer { forgetEnded() }
        return numbers.compactMap { waits.removeValue(forKey: $0) }
    }

    private mutating func forgetEnded() {
        guard endedCount > waits.count + 64 else { return }
        endedCount = 0
        deadlines = Heap(
            waits.map { Deadline(milliseconds: $0.value.deadlineMilliseconds, number: $0.key) })
        for queue in Array(lines.keys) {
            lines[queue]?.removeAll { waits[$0] == nil }
            if lines[queue]?.isEmpty == true { lines[queue] = nil }
        }
    }
}
