import HoldfastDisk
import HoldfastRecords
import HoldfastSimulation
import HoldfastWAL
import Testing

@Suite struct LogFollowingTests {
    /// What one look showed.
    private struct Shown: Equatable {
        var lsns: [LSN] = []
        var startCount = 0
        var endCount = 0
        var damages: [LogDamage] = []

        mutating func take(_ item: SegmentItem) {
            switch item {
            case .record(let lsn, _, _, let body):
                if !TestStore.isBody(lsn, body) { Issue.record("record \(lsn) is altered") }
                lsns.append(lsn)
            case .frame(let frame):
                switch frame.content {
                case .start: startCount += 1
                case .end: endCount += 1
                case .records: break
                }
            case .damage(let damage): damages.append(damage)
            }
        }
    }

    private func look(_ following: inout LogFollowing) throws -> Shown {
        var shown = Shown()
        _ = try following.next { shown.take($0) }
        return shown
    }

    @Test("every record is shown once, in order, over rolls, kills, restarts and the end")
    func everything() throws {
        let fileSystem = SimulatedFileSystem()
        var following = LogFollowing(fileSystem)
        var all: [LSN] = []
        for opening in 0..<5 {
            var store = try TestStore(fileSystem, seed: UInt64(opening))
            #expect(try look(&following).startCount == 1)
            for round in 0..<8 {
                for _ in 0...round % 3 { try store.append(records: 9, byteCount: 400) }
                let shown = try look(&following)
                all += shown.lsns
                #expect(all == Array(1..<store.nextLSN))
                #expect(shown.damages == [])
                #expect(try look(&following) == Shown(), "nothing new")
            }
            // The others are killed: the next opening copies the last frame, and maybe replaces.
            guard opening == 4 else { continue }
            try store.log.close()
            #expect(try look(&following).endCount == 1)
        }
    }

    @Test("a frame that is not whole yet is shown when it is")
    func unfinishedFrame() throws {
        var store = try TestStore()
        try store.append(records: 3)
        var following = LogFollowing(store.fileSystem)
        #expect(try look(&following).lsns == [1, 2, 3])
        let before = store.fileSystem.disk.afterKill()
        try store.append(records: 5)
        let path = "log/0000000000000001.seg"
        let after = try #require(store.fileSystem.disk.contents(path))
        // All of the frame but one byte of its records.
        var torn = after
        let change = try #require(
            zip(after, before.contents(path) ?? []).enumerated().filter {
                $0.element.0 != $0.element.1
            }
            .map(\.offset).last)
        torn[change] ^= 1
        var disk = store.fileSystem.disk
        disk.place(path, torn)
        store.fileSystem.disk = disk
        #expect(try look(&following).lsns == [])
        disk.place(path, after)
        store.fileSystem.disk = disk
        #expect(try look(&following).lsns == [4, 5, 6, 7, 8])
    }

    @Test("segments that are given back meanwhile are passed over")
    func released() throws {
        var store = try TestStore()
        try store.append(records: 4, byteCount: 300)
        var following = LogFollowing(store.fileSystem)
        #expect(try look(&following).lsns == [1, 2, 3, 4])
        while store.log.status.segmentCount < 4 { try store.append(records: 9, byteCount: 400) }
        let sealed = store.log.sealedSegments
        try store.log.release(sealed.map(\.number))
        let shown = try look(&following)
        #expect(shown.lsns == Array(sealed[sealed.count - 1].nextLSN..<store.nextLSN))
        #expect(shown.damages == [])
    }

    @Test("what was whole once and is not any more is named when the next segment has come")
    func damage() throws {
        var store = try TestStore()
        try store.append(records: 4, byteCount: 300)
        try store.append(records: 4, byteCount: 300)
        var disk = store.fileSystem.disk
        // The second frame's records.
        disk.flipBit("log/0000000000000001.seg", at: 3 * 4_096 + 100, bit: 2)
        store.fileSystem.disk = disk
        var following = LogFollowing(store.fileSystem)
        #expect(try look(&following).lsns == [1, 2, 3, 4])
        while store.log.status.segmentCount < 2 { try store.append(records: 9, byteCount: 400) }
        let shown = try look(&following)
        #expect(shown.damages.map(\.lsns) == [5...8])
        #expect(shown.lsns == Array(9..<store.nextLSN))
    }
}
