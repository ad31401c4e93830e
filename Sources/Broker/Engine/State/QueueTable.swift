internal import HoldfastModel

/// A queue as the hot path sees it.
struct QueueState {
    static let laneCount = Int(Limits.priorityMax) + 1

    var isLive = false
    /// Whether it stands in the list of queues that rose from zero.
    var isReadied = false
    /// Bit p: lane p has a ready job.
    var laneMask: UInt16 = 0
    var grantCount: UInt32 = 0
    var policy = QueuePolicy.standard
    var readyCount = 0
    var delayedCount = 0
    var leasedCount = 0
    var deadCount = 0
    var totals = QueueTotals()
    /// The dead list in the order of death, by job state.
    var deadHead: UInt32 = 0
    var deadTail: UInt32 = 0
    /// By priority.
    let lanes: UnsafeMutablePointer<Lane>

    init() {
        lanes = .allocate(capacity: Self.laneCount)
        lanes.initialize(repeating: Lane(), count: Self.laneCount)
    }

    var jobCount: Int { readyCount + delayedCount + leasedCount + deadCount }
}

/// The queues by number and by name. A number is used again when its queue is deleted.
struct QueueTable: ~Copyable {
    private var states: UnsafeMutablePointer<QueueState>
    private var capacity = 16
    /// Numbers that were ever in use.
    private(set) var count = 0
    private var names: [[UInt8]] = []
    /// Numbers in the order of the names' bytes.
    private(set) var sorted: [UInt32] = []

    init() {
        states = .allocate(capacity: capacity)
    }

    deinit {
        for number in 0..<count {
            for priority in 0..<QueueState.laneCount {
                states[number].lanes[priority].retry.deallocate()
                states[number].lanes[priority].fresh.deallocate()
            }
            states[number].lanes.deallocate()
        }
        states.deallocate()
    }

    /// The state of a number that was ever in use. Valid until a queue is added.
    @inline(__always)
    subscript(_ number: Int) -> UnsafeMutablePointer<QueueState> { states + number }

    @inline(__always)
    func isLive(_ id: QueueID) -> Bool {
        id.rawValue < UInt32(count) && states[Int(id.rawValue)].isLive
    }

    var liveCount: Int { sorted.count }

    func name(_ number: Int) -> [UInt8] { names[number] }

    /// The lowest number that is free.
    var nextFree: QueueID {
        for number in 0..<count where !states[number].isLive {
            return QueueID(rawValue: UInt32(number))
        }
        return QueueID(rawValue: UInt32(count))
    }

    func find(_ name: UnsafeRawBufferPointer) -> QueueID? {
        let position = position(of: name)
        guard position < sorted.count, compare(names[Int(sorted[position])], name) == 0 else {
            return nil
        }
        return QueueID(rawValue: sorted[position])
    }

    /// Where the name is in the order, or would be.
    func position(of name: UnsafeRawBufferPointer) -> Int {
        var low = 0
        var high = sorted.count
        while low < high {
            let middle = (low + high) / 2
            if compare(names[Int(sorted[middle])], name) < 0 {
                low = middle + 1
            } else {
                high = middle
            }
        }
        return low
    }

    /// Adds a queue under a free number, at most the lowest that was never in use.
    mutating func insert(_ id: QueueID, name: UnsafeRawBufferPointer, policy: QueuePolicy) {
        let number = Int(id.rawValue)
        if number == count {
            if count == capacity { grow() }
            (states + count).initialize(to: QueueState())
            names.append([])
            count += 1
        }
        sorted.insert(id.rawValue, at: position(of: name))
        names[number] = Array(name)
        states[number].isLive = true
        states[number].policy = policy
    }

    /// Takes an empty queue out; its lanes' chunks have been given back.
    mutating func remove(_ id: QueueID) {
        let number = Int(id.rawValue)
        let index = names[number].withUnsafeBytes { self.position(of: $0) }
        sorted.remove(at: index)
        names[number] = []
        states[number].lanes.deallocate()
        states[number] = QueueState()
    }

    private mutating func grow() {
        let grown = UnsafeMutablePointer<QueueState>.allocate(capacity: capacity * 2)
        grown.moveInitialize(from: states, count: count)
        states.deallocate()
        states = grown
        capacity *= 2
    }

    private func compare(_ left: [UInt8], _ right: UnsafeRawBufferPointer) -> Int {
        for position in 0..<min(left.count, right.count) where left[position] != right[position] {
            return left[position] < right[position] ? -1 : 1
        }
        return left.count - right.count
    }
}
