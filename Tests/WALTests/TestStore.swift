import HoldfastDisk
import HoldfastRecords
import HoldfastSimulation
import HoldfastWAL
import Synchronization

/// One store on a simulated disk, with records whose bytes follow from their LSN, so that whatever
/// comes back can be judged by its number alone.
struct TestStore {
    static let segmentByteCount = 32 * 1024
    static let bootID = UniqueID(high: 0x0123_4567_89AB_CDEF, low: 0xFEDC_BA98_7654_3210)

    let fileSystem: SimulatedFileSystem
    var log: WriteAheadLog
    var batch = RecordBatch()
    var nextLSN: LSN
    var frameTime: Int64
    /// What the last opening replayed.
    let replayed: Replay

    struct Replay: Equatable {
        var lastLSN: LSN = 0
        var lastFrameTime: Int64 = .min
        /// What was not as it had been written.
        var faults: [String] = []
    }

    init(
        _ fileSystem: SimulatedFileSystem = SimulatedFileSystem(),
        segmentByteCount: Int = TestStore.segmentByteCount, seed: UInt64 = 1,
        start: LogStart = TestStore.start(), from origin: LogOrigin? = nil
    ) throws {
        let directory = try DataDirectory.open(
            fileSystem, segmentByteCount: segmentByteCount, processID: 4711, bootID: Self.bootID,
            entropy: Self.entropy(seed: seed &+ UInt64(fileSystem.calls.count)))
        var replay = Replay(lastLSN: origin?.lastLSN ?? 0)
        log = try WriteAheadLog.open(directory, start: start, from: origin) {
            lsn, frameTime, body in
            Self.check(lsn, frameTime, body, &replay)
        }
        self.fileSystem = fileSystem
        replayed = replay
        nextLSN = log.firstNextLSN
        frameTime = max(log.recovery.timeBaseMilliseconds, log.recovery.lastFrameTime)
    }

    static func start(
        wall: Int64 = 1_000_000, boot: Int64 = 5_000, bootID: UniqueID = TestStore.bootID
    ) -> LogStart {
        LogStart(
            bootID: bootID, wallMilliseconds: wall, bootMilliseconds: boot,
            softwareVersion: "test 1")
    }

    static func entropy(seed: UInt64) -> @Sendable () -> UInt64 {
        let random = RandomBox(seed: seed)
        return { random.next() }
    }

    /// Whoever wants a new file, or space for one, is refused from now on.
    static func refuseFiles(_ fileSystem: SimulatedFileSystem, code: Int32 = DiskError.noSpace) {
        fileSystem.fail(SimulatedFault([.create, .allocate], code: code, isPersistent: true))
    }

    /// The bytes of record `lsn`.
    static func body(_ lsn: LSN, byteCount: Int? = nil) -> [UInt8] {
        var random = SeededRandom(seed: lsn)
        let count = byteCount ?? Int(random.next() % 200)
        return (0..<count).map { UInt8(truncatingIfNeeded: random.next() >> 8 &+ UInt64($0)) }
    }

    static func isIndexed(_ lsn: LSN) -> Bool { lsn % 3 != 0 }

    static func check(
        _ lsn: LSN, _ frameTime: Int64, _ body: UnsafeRawBufferPointer, _ replay: inout Replay
    ) {
        if lsn != replay.lastLSN + 1 { replay.faults.append("\(lsn) after \(replay.lastLSN)") }
        if frameTime < replay.lastFrameTime { replay.faults.append("time goes back at \(lsn)") }
        if !Self.isBody(lsn, body) { replay.faults.append("record \(lsn) is altered") }
        replay.lastLSN = lsn
        replay.lastFrameTime = frameTime
    }

    static func isBody(_ lsn: LSN, _ body: UnsafeRawBufferPointer) -> Bool {
        // Larger records are made with a length of their own, which their LSN does not say.
        body.elementsEqual(Self.body(lsn))
            || body.count >= 200 && body.elementsEqual(Self.body(lsn, byteCount: body.count))
    }

    /// Lays out the next batch.
    mutating func fill(records count: Int, byteCount: Int? = nil) {
        frameTime += 7
        batch.open(firstLSN: nextLSN, frameTime: frameTime)
        for _ in 0..<count {
            let lsn = batch.nextLSN
            let bytes = Self.body(lsn, byteCount: byteCount)
            _ = batch.append(bodyByteCount: bytes.count, isIndexed: Self.isIndexed(lsn)) {
                $0.copyBytes(from: bytes)
            }
        }
    }

    /// Appends a batch; the note of the disk's moments is the highest LSN that was acknowledged.
    mutating func append(records count: Int, byteCount: Int? = nil) throws {
        fill(records: count, byteCount: byteCount)
        try log.append(batch)
        nextLSN = batch.nextLSN
        fileSystem.note = nextLSN - 1
    }

    /// What a snapshot would say now, that needs all segments.
    func origin() -> LogOrigin {
        LogOrigin(
            lastLSN: nextLSN - 1, frameTime: frameTime, segments: log.sealedSegments)
    }

    /// Every record that has an index entry reads as it was written; every other one is absent, and
    /// so are those before `first`.
    func readFaults(from first: LSN = 1) throws -> [String] {
        var faults: [String] = []
        var seen: Set<LSN> = []
        try log.read(Array(1..<nextLSN + 2)) { lsn, body in
            if !seen.insert(lsn).inserted { faults.append("\(lsn) twice") }
            let isThere = lsn >= first && lsn < nextLSN && Self.isIndexed(lsn)
            switch body {
            case nil: if isThere { faults.append("\(lsn) is absent") }
            case let body?:
                if !isThere || !Self.isBody(lsn, body) { faults.append("\(lsn) is wrong") }
            }
        }
        if seen.count != Int(nextLSN) + 1 { faults.append("\(seen.count) answers") }
        return faults
    }

    /// What `LogInspection` finds on a disk.
    static func damages(
        _ disk: SimulatedDisk, from origin: LogOrigin? = nil
    ) throws -> [LogDamage] {
        var found: [LogDamage] = []
        let summary = try LogInspection(SimulatedFileSystem(disk), from: origin).verify {
            found.append($0)
        }
        precondition(summary.damageCount == found.count)
        return found
    }
}

private final class RandomBox: Sendable {
    private let random: Mutex<SeededRandom>

    init(seed: UInt64) {
        random = Mutex(SeededRandom(seed: seed))
    }

    func next() -> UInt64 { random.withLock { $0.next() } }
}
