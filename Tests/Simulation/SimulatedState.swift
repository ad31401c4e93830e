internal import Glibc
internal import HoldfastDisk

/// All that changes of a simulated file system: the disk, what is wrong with it, and what was asked
/// of it.
struct SimulatedState {
    var disk: SimulatedDisk
    var faults: [(fault: SimulatedFault, seen: Int)] = []
    var calls: [SimulatedCall] = []
    var callCount = 0
    var keepsCalls = true
    var moments: [SimulatedMoment] = []
    var keepsMoments = false
    var note: UInt64 = 0
    var activity = ""
    var capacityByteCount: Int?
    var nameByteCountMax: [String: Int] = [:]
    var isLying = false
    /// Faults are held back, and nothing is counted.
    var isSparing = false
    var notesZeros = true
    /// Of the call that is being made.
    var lie: SimulatedLie?
    /// What a sync of the file ends with next.
    var lateErrors: [SimulatedDisk.FileID: SimulatedFault] = [:]
    var hits: [SimulatedHit] = []
    var locks: [SimulatedDisk.FileID: Int] = [:]
    var nextOpening = 1

    init(disk: SimulatedDisk) {
        self.disk = disk
    }

    // MARK: Calls

    mutating func keepMoment(
        before next: SimulatedCall, inFlight: SimulatedDisk.InFlight? = nil
    ) {
        var disk = disk
        disk.inFlight = inFlight
        moments.append(
            SimulatedMoment(
                callCount: callCount, next: next, disk: disk, note: note, activity: activity))
    }

    /// - Parameter isHit: whether it was a fault that it met with, and not what it asked for.
    mutating func made(_ call: SimulatedCall, isHit: Bool) {
        callCount += 1
        if keepsCalls { calls.append(call) }
        // The volume was filled by a fault.
        if !isHit, call.code == ENOSPC, faults.contains(where: \.fault.fillsVolume) {
            hits.append(SimulatedHit(call: call, lie: nil, activity: activity))
        }
    }

    // MARK: Faults

    /// What is wrong with this call, if anything.
    mutating func takeFault(
        _ call: SimulatedCall, _ file: SimulatedDisk.FileID?
    ) -> SimulatedFault? {
        var hit: SimulatedFault?
        for index in faults.indices where faults[index].fault.concerns(call) {
            faults[index].seen += 1
            let (fault, seen) = faults[index]
            let isHit = fault.isPersistent ? seen >= fault.position : seen == fault.position
            guard isHit, hit == nil else { continue }
            if fault.fillsVolume {
                capacityByteCount = disk.allocatedByteCount
                nameByteCountMax = disk.nameByteCounts
            } else if seen > fault.position, let report = fault.lie?.report {
                hit = report
            } else {
                hit = fault
            }
        }
        if let file, call.call == .sync || call.call == .writeDurably,
            let report = lateErrors.removeValue(forKey: file)
        {
            hit = report
        }
        if let hit {
            var call = call
            call.code = hit.lie == nil ? hit.code : nil
            hits.append(SimulatedHit(call: call, lie: hit.lie, activity: activity))
        }
        return hit
    }

    /// A write that is not made as it was asked.
    mutating func tell(
        _ lie: SimulatedLie, _ file: SimulatedDisk.FileID, _ bytes: [UInt8], at offset: Int,
        durably: Bool
    ) {
        let write = SimulatedDisk.Landing(file: file, offset: offset, bytes: bytes)
        guard let landing = disk.landing(lie, of: write) else {
            disk.extend(file, to: offset + bytes.count)
            return
        }
        let touched = disk.write(landing.file, landing.bytes, at: landing.offset)
        switch lie {
        case .lostSync: disk.failSync(landing.file, .keptClean, blocks: touched)
        case .lateError(_, let pages):
            disk.failSync(landing.file, pages, blocks: touched)
            lateErrors[file] = lie.report
        default:
            if durably { disk.sync(landing.file, blocks: touched) }
        }
        // Where it went instead is touched as well.
        if landing.file != file || landing.offset != offset, let hit = hits.last {
            var call = hit.call
            call.path = disk.path(of: landing.file)
            call.offset = landing.offset
            hits.append(SimulatedHit(call: call, lie: lie, activity: activity))
        }
    }

    // MARK: Space

    /// - Throws: where a directory has no room for another name.
    func requireRoom(
        forNameOf path: String, _ call: DiskError.Call
    ) throws(DiskError) {
        let (directory, name) = SimulatedDisk.split(path)
        guard let byteCountMax = nameByteCountMax[directory],
            let byteCount = disk.nameByteCounts[directory]
        else { return }
        if byteCount + name.utf8.count > byteCountMax { throw DiskError(call, path, code: ENOSPC) }
    }

    func obtainsSpace(_ call: SimulatedCall, _ file: SimulatedDisk.FileID?) -> Bool {
        switch call.call {
        case .create, .makeDirectory, .allocate: return true
        case .write, .writeDurably:
            guard let file, call.byteCount > 0 else { return false }
            let allocated = disk.inodes[file]?.allocated ?? BlockSet()
            let last = (call.offset + call.byteCount - 1) / disk.blockByteCount
            return (call.offset / disk.blockByteCount...last).contains { !allocated.contains($0) }
        default: return false
        }
    }

    /// nil where the volume has no end.
    var freeByteCount: Int? {
        capacityByteCount.map { max(0, $0 - disk.allocatedByteCount) }
    }

    /// How many of these bytes the volume has room for.
    func room(for byteCount: Int, at offset: Int, in file: SimulatedDisk.FileID) -> Int {
        guard let freeByteCount, byteCount > 0 else { return byteCount }
        let blockByteCount = disk.blockByteCount
        var free = freeByteCount / blockByteCount
        let allocated = disk.inodes[file]?.allocated ?? BlockSet()
        for block in offset / blockByteCount...(offset + byteCount - 1) / blockByteCount
        where !allocated.contains(block) {
            if free == 0 { return max(0, block * blockByteCount - offset) }
            free -= 1
        }
        return byteCount
    }
}
