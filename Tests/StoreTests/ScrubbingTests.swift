import HoldfastDisk
import HoldfastEngine
import HoldfastRecords
import HoldfastSimulation
import HoldfastStore
import HoldfastWAL
import Testing

@Suite struct ScrubbingTests {
    /// A life with releases and compactions, and what it did to the disk beside reading.
    private func life(
        scrubByteCountPerSecond: Int
    ) throws -> (changes: [SimulatedCall], dump: [UInt8], report: Upkeep.ScrubReport) {
        var configuration = StoreRig.tiny
        configuration.scrubByteCountPerSecond = scrubByteCountPerSecond
        let rig = try StoreRig(SimulatedFileSystem(), configuration)
        for round in 0..<60 {
            try rig.enqueue("kept", payloadByteCount: 300)
            for _ in 0..<3 {
                try rig.enqueue("a", count: 30, payloadByteCount: 400)
                try rig.ack(try rig.lease("a", count: 64))
            }
            _ = rig.upkeep.advanceScrubbing(toBootMilliseconds: Int64(round) * 1_000)
            if round % 4 == 3 { try rig.snapshot() } else { _ = try rig.upkeep.step() }
        }
        #expect(rig.log.sealedSegments.contains { $0.isCompacted })
        #expect(rig.upkeep.takeDamages() == [])
        let changes = rig.disk.calls.filter { ![.read, .open, .byteCount].contains($0.call) }
        return (changes, rig.dump(), rig.upkeep.scrubReport)
    }

    @Test("scrubbing changes nothing of what is released, compacted and written")
    func disturbsNothing() throws {
        let without = try life(scrubByteCountPerSecond: 0)
        let with = try life(scrubByteCountPerSecond: 5 << 20)
        #expect(without.report.progress == ScrubProgress())
        #expect(with.report.progress.roundCount > 0)
        #expect(with.report.progress.byteCount > 1 << 20)
        #expect(with.report.damageCount == 0)
        #expect(without.changes == with.changes)
        #expect(without.dump == with.dump)
    }

    @Test("nothing is read while there is anything else to do")
    func last() throws {
        let rig = try StoreRig()
        for _ in 0..<8 { try rig.enqueue("a", count: 30, payloadByteCount: 400) }
        try rig.finishUpkeep()
        _ = rig.upkeep.advanceScrubbing(toBootMilliseconds: 0)
        #expect(rig.upkeep.advanceScrubbing(toBootMilliseconds: 1_000))
        rig.freeze()
        while rig.upkeep.isBusy {
            #expect(try rig.upkeep.step() == .more(isUrgent: true))
            #expect(rig.upkeep.scrubReport.progress.byteCount == 0)
            rig.takeOutcome()
        }
        try rig.finishUpkeep()
        #expect(rig.upkeep.scrubReport.progress.byteCount > 0)
    }

    @Test("what is rotten is told once, and no more than can be remembered")
    func damages() throws {
        let rig = try StoreRig()
        for _ in 0..<8 { try rig.enqueue("a", count: 30, payloadByteCount: 400) }
        var disk = rig.disk.disk
        disk.flipBit(DirectoryLayout.segment(1), at: 20_000, bit: 1)
        disk.flipBit(DirectoryLayout.segment(1), at: 40_000, bit: 1)
        rig.disk.disk = disk
        var told: [LogDamage] = []
        for second in 0..<30 {
            _ = rig.upkeep.advanceScrubbing(toBootMilliseconds: Int64(second) * 1_000)
            try rig.finishUpkeep()
            told += rig.upkeep.takeDamages()
        }
        #expect(rig.upkeep.scrubReport.progress.roundCount > 3)
        #expect(told.count == 2)
        #expect(rig.upkeep.scrubReport.damageCount == 2)
    }
}
