import HoldfastDisk
import HoldfastSimulation
import HoldfastWAL
import Testing

/// F15, I10: the broker's time goes on over restarts and reboots, and never back.
@Suite struct BrokerTimeTests {
    static let otherBoot = UniqueID(high: 1, low: 2)

    /// The time base of a second opening, of a store whose last frame was 7 ms after its first.
    static func base(_ start: LogStart) throws -> Int64 {
        var store = try TestStore(start: TestStore.start(wall: 1_000_000, boot: 5_000))
        try store.append(records: 1)
        let again = try TestStore(
            SimulatedFileSystem(store.fileSystem.disk.afterKill()), start: start)
        #expect(again.log.recovery.lastFrameTime == 1_000_007)
        #expect(again.log.recovery.previous?.wallMilliseconds == 1_000_000)
        return again.log.recovery.timeBaseMilliseconds
    }

    @Test("a new store begins with the wall clock")
    func new() throws {
        #expect(try TestStore().log.recovery.timeBaseMilliseconds == 1_000_000)
        #expect(try TestStore().log.recovery.previous == nil)
        let before1970 = try TestStore(start: TestStore.start(wall: -5))
        #expect(before1970.log.recovery.timeBaseMilliseconds == 0)
    }

    @Test(
        "within one boot the boot clock counts, whatever the wall clock says",
        arguments: [0, 1_000_000, 99_000_000_000_000, -1] as [Int64])
    func sameBoot(wall: Int64) throws {
        #expect(try Self.base(TestStore.start(wall: wall, boot: 65_000)) == 1_060_000)
        #expect(try Self.base(TestStore.start(wall: wall, boot: 0)) == 1_000_007)
    }

    @Test("over a reboot the wall clock counts, and only forwards")
    func reboot() throws {
        func base(_ wall: Int64) throws -> Int64 {
            try Self.base(TestStore.start(wall: wall, boot: 3, bootID: Self.otherBoot))
        }
        #expect(try base(1_000_107) == 1_000_107)
        #expect(try base(1_000_007) == 1_000_007)
        #expect(try base(0) == 1_000_007)
        #expect(try base(.min) == 1_000_007)
        #expect(try base(.max) > 1 << 59)
    }

    @Test("time goes on over many openings, with copies and without")
    func manyOpenings() throws {
        var store = try TestStore()
        try store.append(records: 2)
        var disk = store.fileSystem.disk.afterKill()
        var last: Int64 = 0
        for round in 1...10 as ClosedRange<Int64> {
            var again = try TestStore(
                SimulatedFileSystem(disk), start: TestStore.start(boot: 5_000 + round * 1_000))
            #expect(again.log.recovery.timeBaseMilliseconds == 1_000_000 + round * 1_000)
            #expect(again.replayed.faults == [])
            last = max(last, again.log.recovery.lastFrameTime)
            #expect(again.log.recovery.lastFrameTime == last)
            if round % 4 == 0 { try again.append(records: 1) }
            disk = again.fileSystem.disk.afterKill()
        }
    }
}
