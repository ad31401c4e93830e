internal import HoldfastModel
internal import HoldfastPages

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
    fileprivate var laneStart: UnsafeMutablePointer<Lane>?

    /// By priority; only of a live queue.
    @inline(__always) var lanes: UnsafeMutablePointer<Lane> { laneStart.unsafelyUnwrapped }

    var jobCount: Int { readyCount + delayedCount + leasedCount + deadCount }
    /// Whether there is no job in any place.
    var isEmpty: Bool {
        readyCount == 0 && delayedCount == 0 && leasedCount == 0 && deadCount == 0
    }
}

/// The queues by number and by name. A number is used again when its queue is deleted.
struct QueueTable: ~Copyable {
    /// Numbers lie below this, so that a damaged one never asks for much memory.
    static let numberEnd: UInt32 = 1 << 16

    private var states: UnsafeMutablePointer<QueueState>
    private var capacity = 16
    /// Numbers that were ever in use, or lie below one that is.
    private(set) var count = 0
    private var names: [[UInt8]] = []
    /// Numbers in the order of the names' bytes.
    private(set) var sorted: [UInt32] = []

    init() {
        states = .allocate(capacity: capacity)
    }

    deinit {
        for number in 0..<count { Self.freeLanes(of: states + number) }
        states.deallocate()
    }

    /// The state of a number that was ever in use. Valid until a queue is added.
    @inline(__always)
    subscript(_ number: Int) -> UnsafeMutablePointer<QueueState> { states + number }

    @inline(__always)
    func isLive(_ id: QueueID) -> Bool {
        id.rawValue < UInt32(truncatingIfNeeded: count) && states[Int(id.rawValue)].isLive
    }

    var liveCount: Int { sorted.count }

    func name(_ number: Int) -> [UInt8] { names[number] }

    /// The lane of a live queue.
    @inline(__always)
    func lane(_ number: LaneNumber) -> UnsafeMutablePointer<Lane> {
        states[number.queue].lanes + Int(number.priority)
    }

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

    /// Adds a queue under a number below `numberEnd` that is free. Numbers that it skips are free too.
    mutating func insert(_ id: QueueID, name: UnsafeRawBufferPointer, policy: QueuePolicy) {
        let number = Int(id.rawValue)
        while number >= count {
            if count == capacity { grow() }
            (states + count).initialize(to: QueueState())
            names.append([])
            count += 1
        }
        sorted.insert(id.rawValue, at: position(of: name))
        names[number] = Array(name)
        states[number].isLive = true
        states[number].policy = policy
        let lanes = UnsafeMutablePointer<Lane>.allocate(capacity: QueueState.laneCount)
        for priority in 0...Limits.priorityMax {
            (lanes + Int(priority)).initialize(
                to: Lane(LaneNumber(queue: id, priority: priority)))
        }
        states[number].laneStart = lanes
    }

    /// Gives a queue another name, which no other has.
    mutating func rename(_ id: QueueID, to name: UnsafeRawBufferPointer) {
        let number = Int(id.rawValue)
        let index = names[number].withUnsafeBytes { self.position(of: $0) }
        sorted.remove(at: index)
        sorted.insert(id.rawValue, at: position(of: name))
        names[number] = Array(name)
    }

    /// Takes a queue out; its lanes are empty.
    mutating func remove(_ id: QueueID) {
        let number = Int(id.rawValue)
        let index = names[number].withUnsafeBytes { self.position(of: $0) }
        sorted.remove(at: index)
        names[number] = []
        Self.freeLanes(of: states + number)
        states[number] = QueueState()
    }

    private static func freeLanes(of state: UnsafeMutablePointer<QueueState>) {
        guard let lanes = state.pointee.laneStart else { return }
        lanes.deinitialize(count: QueueState.laneCount)
        lanes.deallocate()
        state.pointee.laneStart = nil
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
