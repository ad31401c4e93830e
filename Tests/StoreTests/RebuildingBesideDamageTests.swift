import HoldfastEngine
import HoldfastRecords
import HoldfastSimulation
import HoldfastStore
import HoldfastWAL
import Testing

/// S13: pages that cannot be used, and a segment whose START cannot: the state is made anew from the
/// log, and what no snapshot can list is named.
@Suite struct RebuildingBesideDamageTests {
    @Test("S13: no job is gone without a word")
    func startAndPages() throws {
        let rig = try StoreRig()
        try rig.enqueue("a", count: 12, payloadByteCount: 900)
        for _ in 0..<8 { try rig.enqueue("a", count: 8, payloadByteCount: 900) }
        for _ in 0..<2 { try rig.snapshot() }
        for _ in 0..<3 { try rig.enqueue("b", count: 8, payloadByteCount: 900) }
        try rig.snapshot()
        let whole = rig.disk.disk.afterKill()
        let live = Set(rig.engine.liveJobs(in: 1...rig.engine.lastLSN))
        var configuration = StoreRig.tiny
        configuration.onDamage = .quarantine
        let segments = whole.files.filter { $0.hasPrefix("log/") && $0.hasSuffix(".seg") }
        var rebuiltCount = 0
        var lostCount = 0
        for path in segments {
            var disk = whole
            for slot in disk.files where slot.hasPrefix("snap/") {
                disk.flipBit(slot, at: 9, bit: 1)
            }
            disk.flipBit(path, at: 4_096 + 50, bit: 2)
            let after: StoreRig
            do {
                after = try StoreRig(SimulatedFileSystem(disk), configuration)
            } catch {
                // Said, and nothing is done.
                continue
            }
            let report = after.damageReport
            if report?.rebuilt != nil { rebuiltCount += 1 }
            let missing = (report?.missing ?? []) + (report?.rebuilt?.missing ?? [])
            let lost = live.subtracting(after.engine.liveJobs(in: 1...after.engine.lastLSN))
            lostCount += lost.count
            #expect(
                lost.allSatisfy { lsn in missing.contains { $0.contains(lsn) } },
                "\(path): lost \(lost.sorted()), said \(missing)")
        }
        #expect(rebuiltCount > 0)
        #expect(lostCount > 0)
    }
}
