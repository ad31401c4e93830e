import Foundation
import HoldfastEngine
import HoldfastSimulation
import HoldfastStore
import HoldfastWAL
import Testing

/// A data directory of this format, byte for byte, that every later version has to open.
@Suite struct GoldenStoreTests {
    /// Of each way in which this format was ever used; the last one is today's.
    private static let fixtures = ["store", "store-with-reserve"].map {
        URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "Fixtures/v1/\($0).hex")
    }

    /// A store with a little of everything: a snapshot, log behind it, a compacted segment, leases,
    /// and jobs that are ready, delayed, returned and done.
    private static func make() throws -> StoreRig {
        let rig = try StoreRig(seed: 20_261_122)
        for _ in 0..<12 {
            try rig.enqueue("kept", payloadByteCount: 300)
            try rig.enqueue("a", count: 30, payloadByteCount: 400)
            try rig.ack(try rig.lease("a", count: 64))
        }
        for _ in 0..<5 { try rig.snapshot() }
        _ = try rig.lease("kept", count: 3)
        try rig.enqueue("late", count: 4)
        return rig
    }

    @Test(
        "a data directory of format 1 opens, and everything in it is as it was", arguments: fixtures
    )
    func opens(fixture: URL) throws {
        if ProcessInfo.processInfo.environment["UPDATE_GOLDEN"] != nil,
            fixture == Self.fixtures.last
        {
            let disk = try Self.make().disk.disk.afterKill()
            try disk.text.write(to: fixture, atomically: true, encoding: .utf8)
        }
        let text = try String(contentsOf: fixture, encoding: .utf8)
        let rig = try StoreRig(SimulatedFileSystem(try #require(SimulatedDisk(text: text))))
        #expect(rig.snapshotLSN != nil)
        #expect(rig.log.recovery.recordCount > 0)
        #expect(rig.log.sealedSegments.contains { $0.isCompacted })
        _ = rig.dump()
        let queues = rig.engine.queues(after: nil, limit: 10)
        #expect(queues.map(\.name) == ["a", "kept", "late"])
        #expect(queues.map(\.ready) == [0, 9, 4])
        #expect(queues.map(\.leased) == [0, 3, 0])
        let jobs = rig.engine.liveJobs(in: 1...rig.engine.lastLSN)
        #expect(jobs.count == 16)
        var read = 0
        try rig.log.read(jobs) { _, body in if body != nil { read += 1 } }
        #expect(read == 16)
        #expect(try rig.lease("kept", count: 64).count == 9)
    }

    @Test("what is written today is what the fixture holds")
    func same() throws {
        let text = try Self.make().disk.disk.afterKill().text
        let today = try #require(Self.fixtures.last)
        let golden = try String(contentsOf: today, encoding: .utf8)
        #expect(text == golden, "a format has changed: see \"Changing the format\" in docs")
    }
}
