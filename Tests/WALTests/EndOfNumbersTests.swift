import HoldfastDisk
import HoldfastRecords
import HoldfastSimulation
import HoldfastWAL
import Testing

/// A log that comes to the end of the numbers that its format has, as only a forged one can, is refused
/// before anything is written behind it that the next start could not read.
@Suite struct EndOfNumbersTests {
    private static let path = DirectoryLayout.segment(1)
    /// See docs/log-format.md: where START and the frames of the two commits begin, and fields of theirs.
    private static let frames = [4_096, 8_192, 12_288]
    private static let epoch = 20
    private static let frameTime = 32
    private static let startPreviousNumber = 48 + 48

    /// A segment with two commits of three records, 1 or forged to be that of another number.
    private static func disk(number: UInt64 = 1) throws -> SimulatedDisk {
        var store = try TestStore()
        for _ in 1...2 { try store.append(records: 3) }
        var disk = store.fileSystem.disk.afterKill()
        guard number != 1 else { return disk }
        let path = DirectoryLayout.segment(number)
        disk.place(path, try #require(disk.contents(Self.path)))
        disk.delete(Self.path)
        disk.forge(path) {
            ChecksumRepair.put(number, &$0, 32)
            ChecksumRepair.put(number, &$0, $0.count - 4_096 + 32)
        }
        return disk
    }

    private static func expectRefused(
        _ disk: SimulatedDisk, from origin: LogOrigin? = nil, isPassing: Bool = false,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let fileSystem = SimulatedFileSystem(disk)
        func segments(_ disk: SimulatedDisk) -> [String: [UInt8]?] {
            Dictionary(
                uniqueKeysWithValues: disk.files.filter { $0.hasSuffix(".seg") }
                    .map { ($0, disk.contents($0)) })
        }
        do throws(LogError) {
            do {
                _ = try PassedLog(fileSystem, from: origin, isPassing: isPassing)
            } catch let error as LogError {
                throw error
            } catch {
                Issue.record(error, sourceLocation: sourceLocation)
            }
            Issue.record("it is opened", sourceLocation: sourceLocation)
        } catch {
            guard case .damaged(let damage) = error else {
                Issue.record(error, sourceLocation: sourceLocation)
                return
            }
            #expect(damage.kind == .sequence, sourceLocation: sourceLocation)
        }
        let isUnchanged = segments(fileSystem.disk) == segments(disk)
        #expect(isUnchanged, sourceLocation: sourceLocation)
    }

    /// Both ways of opening: the log as it is, and with damage that is passed.
    private static func expectRefusedEitherWay(
        _ disk: SimulatedDisk, number: UInt64 = 1,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        try expectRefused(disk, sourceLocation: sourceLocation)
        var damaged = disk
        damaged.flipBit(DirectoryLayout.segment(number), at: frames[1] + 60, bit: 3)
        try expectRefused(damaged, isPassing: true, sourceLocation: sourceLocation)
    }

    @Test("the last epoch is opened by nobody, the one before once")
    func epoch() throws {
        let last: UInt32 = (1 << 24) - (1 << 16)
        func forged(_ epoch: UInt32) throws -> SimulatedDisk {
            var disk = try Self.disk()
            disk.forge(Self.path) {
                for frame in Self.frames { ChecksumRepair.put(epoch, &$0, frame + Self.epoch) }
            }
            return disk
        }
        try Self.expectRefusedEitherWay(try forged(last))
        let log = try PassedLog(try forged(last - 1), isPassing: false)
        #expect(log.heard.handed == Array(1...6))
        #expect(log.log.recovery.epoch == last)
        _ = try log.append(2)
        try Self.expectRefused(log.fileSystem.disk.afterKill())
    }

    @Test("a time behind which broker time could not go on for long is refused")
    func frameTime() throws {
        func forged(_ time: Int64) throws -> SimulatedDisk {
            var disk = try Self.disk()
            disk.forge(Self.path) {
                ChecksumRepair.put(time, &$0, Self.frames[2] + Self.frameTime)
            }
            return disk
        }
        try Self.expectRefusedEitherWay(try forged(.max / 4 + 1))
        let log = try PassedLog(try forged(.max / 4), isPassing: false)
        #expect(log.heard.handed == Array(1...6))
        #expect(log.heard.faults == [])
    }

    @Test("no segment follows the one with the highest number")
    func segmentNumber() throws {
        let last: UInt64 = 1 << 53
        try Self.expectRefusedEitherWay(try Self.disk(number: last), number: last)
        let log = try PassedLog(try Self.disk(number: last - 1), isPassing: false)
        #expect(log.heard.handed == Array(1...6))
        try Self.expectRefused(log.fileSystem.disk.afterKill())
    }

    @Test("records are not numbered up to the last number that there is")
    func lsn() throws {
        func forged(_ next: LSN) throws -> (SimulatedDisk, LogOrigin) {
            var disk = try Self.disk(number: 8)
            disk.forge(DirectoryLayout.segment(8)) {
                ChecksumRepair.put(next, &$0, Self.frames[0] + 8)
                ChecksumRepair.put(next - 1, &$0, Self.frames[0] + 24)
                ChecksumRepair.put(UInt64(7), &$0, Self.frames[0] + Self.startPreviousNumber)
                for frame in Self.frames.dropFirst() { ChecksumRepair.put(0, &$0, frame) }
            }
            return (disk, LogOrigin(lastLSN: next - 1, frameTime: 0, segments: []))
        }
        let last = RecordFormat.lsnMax - (1 << 40)
        let (beyond, origin) = try forged(last + 1)
        try Self.expectRefused(beyond, from: origin)
        let (disk, known) = try forged(last)
        #expect(try PassedLog(disk, from: known, isPassing: false).log.firstNextLSN == last)
    }
}
