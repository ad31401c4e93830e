/// What nobody records of a lease: it is gone with the process.
struct LeaseClock {
    /// The list it is in, and its neighbours there; the next free slot where it is free.
    var list: UInt32 = 0
    var previous: UInt32 = 0
    var next: UInt32 = 0
    var owner: UInt32 = 0
    /// Boot clock; 0 while the clock has not started.
    var deadlineMilliseconds: Int64 = 0
    /// The lease is in the record that is being decided: a second time it must not get there.
    var isMarked = false
}

/// Which lease ends next: a hashed timing wheel (Varghese and Lauck 1987, scheme 6) of 8,192 ticks of
/// 16 ms with a bitmap of those in use. A lease ends at the first tick after its deadline, never before it
/// nor at it: a reading of the clock is rounded down, so that its lease began up to 1 ms later.
struct LeaseWheel: ~Copyable {
    private struct List {
        var head: UInt32 = 0
        var tail: UInt32 = 0
    }

    private static let tickMilliseconds: Int64 = 16
    private static let wheelCount: Int64 = 8_192
    /// The list of leases whose clock has not started, after those of the wheel.
    private static let unstarted = UInt32(wheelCount)
    /// Those whose job is still being read: their clock starts when somebody is told of them.
    private static let held = UInt32(wheelCount) + 1

    private var clocks: UnsafeMutablePointer<LeaseClock>
    private var capacity = 64
    private let lists: UnsafeMutablePointer<List>
    private let bitmap: UnsafeMutablePointer<UInt64>
    /// Every tick up to this one has been worked off.
    private var doneTick: Int64 = -1

    init() {
        clocks = .allocate(capacity: capacity)
        clocks.initialize(repeating: LeaseClock(), count: capacity)
        lists = .allocate(capacity: Int(Self.wheelCount) + 2)
        lists.initialize(repeating: List(), count: Int(Self.wheelCount) + 2)
        bitmap = .allocate(capacity: Int(Self.wheelCount) / 64)
        bitmap.initialize(repeating: 0, count: Int(Self.wheelCount) / 64)
    }

    deinit {
        clocks.deallocate()
        lists.deallocate()
        bitmap.deallocate()
    }

    /// The clock of a slot. Valid until room is made.
    @inline(__always)
    subscript(_ slot: UInt32) -> UnsafeMutablePointer<LeaseClock> { clocks + Int(slot) }

    /// To be called before a slot is used that is greater than all before.
    @inline(__always)
    mutating func makeRoom(for slot: UInt32) {
        if Int(slot) >= capacity { grow(toHold: Int(slot)) }
    }

    /// Gives a lease a clock that has not started.
    @inline(__always)
    mutating func add(_ slot: UInt32) {
        self[slot].pointee = LeaseClock()
        link(slot, to: Self.unstarted)
    }

    /// Takes the clock away: the lease has ended.
    @inline(__always)
    mutating func remove(_ slot: UInt32) { unlink(slot) }

    func isStarted(_ slot: UInt32) -> Bool { self[slot].pointee.list < Self.unstarted }

    /// The lease granted first of those whose clock waits for durability.
    @inline(__always)
    var firstUnstarted: UInt32? {
        let slot = lists[Int(Self.unstarted)].head
        return slot == 0 ? nil : slot
    }

    /// Keeps a clock from being started with durability.
    mutating func hold(_ slot: UInt32) {
        unlink(slot)
        link(slot, to: Self.held)
    }

    func isHeld(_ slot: UInt32) -> Bool { self[slot].pointee.list == Self.held }

    /// Sets when a lease ends and starts its clock if it was not yet running.
    mutating func setDeadline(of slot: UInt32, _ milliseconds: Int64) {
        unlink(slot)
        self[slot].pointee.deadlineMilliseconds = milliseconds
        let tick = max(Self.tick(of: milliseconds), doneTick + 1)
        let list = UInt32(truncatingIfNeeded: tick & (Self.wheelCount - 1))
        link(slot, to: list)
        bitmap[Int(list >> 6)] |= 1 << UInt64(list & 63)
    }

    /// When `takeExpired` should be called next, boot clock: never later than the next lease ends by
    /// more than a tick; earlier only where hundreds of leases are longer than two minutes.
    var nextDeadlineMilliseconds: Int64? {
        var scanned = 0
        var tick = doneTick + 1
        let end = tick + Self.wheelCount
        while let candidate = nextOccupied(from: tick, before: end) {
            var slot = lists[Int(candidate & (Self.wheelCount - 1))].head
            while slot != 0, scanned < 256 {
                if Self.tick(of: self[slot].pointee.deadlineMilliseconds) <= candidate {
                    return candidate * Self.tickMilliseconds
                }
                scanned += 1
                slot = self[slot].pointee.next
            }
            if scanned >= 256 { return candidate * Self.tickMilliseconds }
            tick = candidate + 1
        }
        // Nothing in the next two minutes: the least of all, or a turn of the wheel from now.
        var least: Int64?
        tick = doneTick + 1
        while let candidate = nextOccupied(from: tick, before: end) {
            var slot = lists[Int(candidate & (Self.wheelCount - 1))].head
            while slot != 0 {
                least = min(least ?? .max, Self.tick(of: self[slot].pointee.deadlineMilliseconds))
                slot = self[slot].pointee.next
            }
            tick = candidate + 1
        }
        return least.map { $0 * Self.tickMilliseconds }
    }

    /// Hands over up to `limit` leases that have ended, in the order of their ticks. They stay in the
    /// table: the caller removes each before it asks again.
    mutating func takeExpired(at bootMilliseconds: Int64, limit: Int, into slots: inout [UInt32]) {
        guard limit > 0, bootMilliseconds >= 0 else { return }
        let now = bootMilliseconds / Self.tickMilliseconds
        guard now > doneTick else { return }
        let end = min(now + 1, doneTick + 1 + Self.wheelCount)
        var tick = doneTick + 1
        while let candidate = nextOccupied(from: tick, before: end) {
            var slot = lists[Int(candidate & (Self.wheelCount - 1))].head
            while slot != 0 {
                if Self.tick(of: self[slot].pointee.deadlineMilliseconds) <= now {
                    guard slots.count < limit else {
                        doneTick = candidate - 1
                        return
                    }
                    slots.append(slot)
                }
                slot = self[slot].pointee.next
            }
            tick = candidate + 1
        }
        // A tick that still has leases which the caller is about to remove may be left behind.
        doneTick = now
    }

    /// The first one after the millisecond.
    private static func tick(of milliseconds: Int64) -> Int64 {
        milliseconds / tickMilliseconds + 1
    }

    /// The first tick in the range whose list is not empty.
    private func nextOccupied(from start: Int64, before end: Int64) -> Int64? {
        var tick = start
        while tick < end {
            let list = tick & (Self.wheelCount - 1)
            let word = bitmap[Int(list >> 6)] >> UInt64(list & 63)
            if word != 0 {
                tick += Int64(word.trailingZeroBitCount)
                return tick < end ? tick : nil
            }
            tick += 64 - (list & 63)
        }
        return nil
    }

    @inline(__always)
    private mutating func link(_ slot: UInt32, to list: UInt32) {
        let tail = lists[Int(list)].tail
        self[slot].pointee.list = list
        self[slot].pointee.previous = tail
        self[slot].pointee.next = 0
        if tail == 0 {
            lists[Int(list)].head = slot
        } else {
            self[tail].pointee.next = slot
        }
        lists[Int(list)].tail = slot
    }

    @inline(__always)
    private mutating func unlink(_ slot: UInt32) {
        let lease = self[slot]
        let (list, previous, next) = (
            lease.pointee.list, lease.pointee.previous, lease.pointee.next
        )
        if previous == 0 {
            lists[Int(list)].head = next
        } else {
            self[previous].pointee.next = next
        }
        if next == 0 {
            lists[Int(list)].tail = previous
        } else {
            self[next].pointee.previous = previous
        }
        if previous == 0, next == 0, list < Self.unstarted {
            bitmap[Int(list >> 6)] &= ~(1 << UInt64(list & 63))
        }
    }

    @inline(never)
    private mutating func grow(toHold slot: Int) {
        let grownCapacity = max(capacity * 2, slot + 1)
        let grown = UnsafeMutablePointer<LeaseClock>.allocate(capacity: grownCapacity)
        grown.moveInitialize(from: clocks, count: capacity)
        (grown + capacity).initialize(
            repeating: LeaseClock(), count: grownCapacity - capacity)
        clocks.deallocate()
        clocks = grown
        capacity = grownCapacity
    }
}
