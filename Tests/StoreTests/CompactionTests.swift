import HoldfastEngine
import HoldfastRecords
import HoldfastSimulation
import HoldfastStore
import HoldfastWAL
import Testing

@Suite struct CompactionTests {
    @Test("a store at rest comes to rest: what cannot be given back yet asks for no more snapshots")
    func rest() throws {
        let rig = try StoreRig()
        for _ in 0..<20 {
            try rig.enqueue("kept", payloadByteCount: 300)
            try rig.enqueue("a", count: 30, payloadByteCount: 400)
            try rig.ack(try rig.lease("a", count: 64))
        }
        try rig.kill()
        for _ in 0..<3 { try rig.snapshot() }
        var count = 0
        while rig.upkeep.wantsSnapshot(through: rig.engine.lastLSN), count < 20 {
            try rig.snapshot()
            count += 1
        }
        #expect(count < 20)
        #expect(rig.log.sealedSegments.contains { $0.isCompacted })
    }

    @Test("a segment with more jobs than a round moves is a round of its own")
    func largeSegments() throws {
        var configuration = StoreRig.tiny
        configuration.compactedJobCountMax = 4
        let rig = try StoreRig(SimulatedFileSystem(), configuration)
        for _ in 0..<10 {
            try rig.enqueue("kept", count: 40, payloadByteCount: 300)
            try rig.enqueue("a", count: 60, payloadByteCount: 400)
            try rig.ack(try rig.lease("a", count: 64))
        }
        for _ in 0..<12 { try rig.snapshot() }
        #expect(rig.log.sealedSegments.contains { $0.isCompacted })
        #expect(rig.engine.jobCount == 400)
    }

    @Test("many jobs that stay, one in each segment, take little more than themselves")
    func immortals() throws {
        let rig = try StoreRig()
        var immortals: [LSN] = []
        var peak = 0
        for round in 0..<120 {
            immortals += try rig.enqueue("kept", payloadByteCount: 300)
            for _ in 0..<3 {
                try rig.enqueue("a", count: 30, payloadByteCount: 400)
                try rig.ack(try rig.lease("a", count: 64))
            }
            if round % 4 == 3 { try rig.snapshot() }
            peak = max(peak, rig.log.sealedSegments.filter { !$0.isCompacted }.count)
        }
        #expect(peak < 40, "\(peak) segments lay there at one time")
        for _ in 0..<12 { try rig.snapshot() }
        let sealed = rig.log.sealedSegments
        #expect(!sealed.contains { !$0.isCompacted })
        #expect(sealed.reduce(0) { $0 + $1.byteCount } < 200_000)
        #expect(sealed.count <= 20)
        let before = rig.dump()
        try rig.losePower()
        #expect(rig.dump() == before)
        var read: [LSN] = []
        try rig.log.read(immortals) { lsn, body in if body != nil { read.append(lsn) } }
        #expect(read.sorted() == immortals)
    }
}
