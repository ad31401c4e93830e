internal import HoldfastHarness

/// One kind of trouble, done to a real broker again and again.
protocol Fault: Sendable {
    /// As it is named on the command line.
    var name: String { get }
    /// What its count counts, in the plural.
    var unit: String { get }
    /// So many in a run: faults that are furthest from theirs come next.
    var countWanted: Int { get }
    /// Whether it is done where it is named only.
    var isOnDemand: Bool { get }
    /// A round that takes longer hangs.
    var roundSecondsMax: Int { get }

    /// Tries whether this machine has what the fault needs: what it does not allow, and nothing else, keeps
    /// a fault from being done.
    func probe() async throws(NotAvailable)

    /// Tries broker and instruments where nothing is made to fail. After a probe that succeeded.
    ///
    /// - Throws: what is broken in this build, which counts as a violation: no machine is to blame for it.
    func rehearse() async throws

    /// Does it a few times and judges what clients saw.
    ///
    /// - Parameter isSmall: a sample, which takes a second or a few.
    /// - Throws: what kept the round from being finished, which counts as a violation.
    func round(seed: UInt64, isSmall: Bool) async throws -> RoundResult
}

extension Fault {
    var isOnDemand: Bool { false }

    func rehearse() async throws {}
}

/// This machine does not have what a fault needs: mounts, a file system, FUSE, loop devices, memory groups,
/// LD_PRELOAD. Never a broker, a shim or a device of ours that does not do what it should.
struct NotAvailable: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}

struct RoundResult {
    var count = 0
    /// One entry for each promise that was not kept.
    var violations: [String] = []
    /// Violations planted to see whether the judge finds them, and how many it found.
    var planted = (count: 0, found: 0)
    /// Something measured whose greatest value is of interest, in milliseconds.
    var slowest: (what: String, milliseconds: Int)?

    mutating func noteSlowest(_ what: String, _ milliseconds: Int) {
        if milliseconds >= slowest?.milliseconds ?? 0 { slowest = (what, milliseconds) }
    }

    mutating func add(_ other: RoundResult) {
        count += other.count
        violations += other.violations
        planted.count += other.planted.count
        planted.found += other.planted.found
        if let slowest = other.slowest { noteSlowest(slowest.what, slowest.milliseconds) }
    }
}

/// All that there are, in the order in which they are reported.
let allFaults: [any Fault] =
    [KillFault(), StopFault(), StarvationFault(), MemoryFault()]
    + FileSystemKind.allCases.flatMap { kind in
        [FullVolumeFault(kind: kind, filler: .jobs), FullVolumeFault(kind: kind, filler: .other)]
            as [any Fault]
    }
    // The others make inodes as they are needed.
    + [FullVolumeFault(kind: .ext4, filler: .inodes), InPlaceFault()]
    + FileSystemKind.allCases.flatMap { kind in
        [
            PowerLossFault(kind: kind), DeviceErrorFault(kind: kind, trouble: .flushes),
            DeviceErrorFault(kind: kind, trouble: .writes),
            DeviceErrorFault(kind: kind, trouble: .death), SlowFlushFault(kind: kind),
        ] as [any Fault]
    }
    + [LostSyncFault(), CallErrorFault()]
    + FileSystemKind.allCases.map { FullSoakFault(kind: $0) }
