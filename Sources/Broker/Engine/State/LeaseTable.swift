internal import HoldfastPages

/// One lease as its records made it: 40 bytes of a page, laid out as the fields stand here,
/// little-endian. All zero where the slot is free.
struct Lease: BitwiseCopyable {
    static let stateFlag: UInt32 = 1

    var lsn: UInt64 = 0
    /// The LEASE record: the clock starts when it is durable.
    var grantLSN: UInt64 = 0
    var version: UInt32 = 0
    var lane = LaneNumber(rawValue: 0)
    var enqueuedSecond: UInt32 = 0
    var contentByteCount: UInt32 = 0
    /// The largest there was: after a restart the lease has all of it again.
    var durationMilliseconds: UInt32 = 0
    /// 1: the job has a state. All others 0.
    var flags: UInt32 = 0

    @inline(__always) var hasState: Bool { flags & Self.stateFlag != 0 }
}

/// All leases by slot and by job, and which of them ends next. The leases lie in pages; their clocks,
/// owners and marks are volatile and lie beside them under the same slots. Slots are counted from 1,
/// so that 0 says "none"; they reach no record.
struct LeaseTable: ~Copyable {
    /// Whose pages the leases are.
    static let arrayIdentifier: UInt32 = 1

    private var leases: PagedArray<Lease>
    private var slots = SlotTable()
    var wheel = LeaseWheel()
    /// Every slot up to this one was given out before.
    private var slotCount: UInt32 = 0
    /// The slot given back last; its `next` is the one given back before.
    private var free: UInt32 = 0

    init(_ pages: PageSpace) {
        leases = PagedArray(pages, identifier: Self.arrayIdentifier)
    }

    /// Takes the leases from their pages. Their clocks have not started, and nobody owns them.
    ///
    /// - Returns: nil where a job would be leased twice.
    init?(_ pages: PageSpace, restoring references: [PageReference]) {
        self.init(pages)
        leases = PagedArray(
            pages, identifier: Self.arrayIdentifier, references: references)
        let end = references.count * PagedArray<Lease>.elementsPerPage(pages.limits)
        var grants: [(grantLSN: UInt64, slot: UInt32)] = []
        for position in 0..<end {
            let lease = leases.element(position)
            guard lease.lsn != 0 else { continue }
            guard slots[lease.lsn] == nil else { return nil }
            let slot = UInt32(position + 1)
            slots.insert(lease.lsn, slot: slot)
            grants.append((lease.grantLSN, slot))
        }
        slotCount = grants.last?.slot ?? 0
        wheel.makeRoom(for: slotCount)
        // In the order of the grants, since the clocks start in that order.
        grants.sort { $0 < $1 }
        for grant in grants { wheel.add(grant.slot) }
        for slot in stride(from: slotCount, to: 0, by: -1) where self[slot].lsn == 0 {
            wheel[slot].pointee.next = free
            free = slot
        }
    }

    var count: Int { slots.count }
    /// Where the leases lie: what `init(_:restoring:)` needs.
    var references: [PageReference] { leases.references }

    /// The slot of a job's lease; nil where it is not leased.
    @inline(__always)
    func slot(of lsn: UInt64) -> UInt32? { slots[lsn] }

    @inline(__always)
    subscript(_ slot: UInt32) -> Lease { leases.element(Int(slot) - 1) }

    /// Changes a lease, but neither its job nor whether there is one.
    @inline(__always)
    mutating func change(_ slot: UInt32, _ body: (inout Lease) -> Void) {
        body(&leases.mutablePointer(Int(slot) - 1).pointee)
    }

    /// Adds a lease whose clock has not started, of a job that has none.
    @inline(__always)
    mutating func insert(_ lease: Lease) {
        let slot: UInt32
        if free != 0 {
            slot = free
            free = wheel[slot].pointee.next
        } else {
            slotCount += 1
            slot = slotCount
            wheel.makeRoom(for: slot)
        }
        leases.mutablePointer(Int(slot) - 1).pointee = lease
        slots.insert(lease.lsn, slot: slot)
        wheel.add(slot)
    }

    @inline(__always)
    mutating func remove(_ slot: UInt32) {
        let pointer = leases.mutablePointer(Int(slot) - 1)
        slots.remove(pointer.pointee.lsn)
        pointer.pointee = Lease()
        wheel.remove(slot)
        wheel[slot].pointee.next = free
        free = slot
    }

    /// Starts the clocks of all leases that records up to `lsn` granted.
    mutating func startClocks(through lsn: UInt64, at bootMilliseconds: Int64) {
        while let slot = wheel.firstUnstarted {
            let lease = self[slot]
            guard lease.grantLSN <= lsn else { return }
            wheel.setDeadline(of: slot, bootMilliseconds + Int64(lease.durationMilliseconds))
        }
    }

    /// All leases, in no particular order.
    func forEach(_ body: (_ slot: UInt32, Lease) -> Void) {
        for slot in stride(from: UInt32(1), through: slotCount, by: 1) {
            let lease = self[slot]
            if lease.lsn != 0 { body(slot, lease) }
        }
    }
}
