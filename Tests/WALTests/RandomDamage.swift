import HoldfastDisk
import HoldfastRecords
import HoldfastSimulation
import HoldfastWAL
import Testing

/// A small log made by a seed, with damage in it, of which it is known which records that touches.
struct RandomDamage {
    let seed: UInt64
    private var random: SeededRandom
    private var disk = SimulatedDisk()
    private var origin: LogOrigin?
    private var lastLSN: LSN = 0
    private var untouched: Set<LSN> = []

    init(seed: UInt64) throws {
        self.seed = seed
        random = SeededRandom(seed: seed)
        try write()
        try harm()
    }

    /// Openings, commits of all lengths, a snapshot somewhere.
    private mutating func write() throws {
        var origins: [LogOrigin?] = [nil]
        for _ in 0...random.below(3) {
            var store = try TestStore(SimulatedFileSystem(disk), seed: seed)
            for _ in 0..<random.below(12) {
                try store.append(
                    records: 1 + random.below(6),
                    byteCount: random.oneIn(4) ? 200 + random.below(3_000) : nil)
                if random.oneIn(3) { origins.append(store.origin()) }
            }
            if random.oneIn(2) { try store.log.close() }
            disk = store.fileSystem.disk.afterKill()
            lastLSN = store.nextLSN - 1
        }
        origin = random.oneIn(2) ? nil : random.pick(origins)
    }

    private mutating func harm() throws {
        let inspection = LogInspection(SimulatedFileSystem(disk), from: origin)
        var frames: [FrameSummary] = []
        let numbers = try inspection.segments().map(\.number)
        for number in numbers {
            try inspection.examine(segment: number) { item in
                if case .frame(let frame) = item { frames.append(frame) }
            }
        }
        var touched: [(number: UInt64, range: Range<Int>)] = []
        for _ in 0...random.below(6) {
            let number = random.pick(numbers)
            let path = DirectoryLayout.segment(number)
            let byteCount = disk.contents(path)!.count
            // Headers of frames and segments are hit as often as all the rest.
            var offset = random.below(byteCount)
            if random.oneIn(2) { offset = offset / 4096 * 4096 + random.below(64) }
            let count = min(random.oneIn(3) ? 1 + random.below(6_000) : 1, byteCount - offset)
            for place in offset..<offset + count {
                disk.flipBit(path, at: place, bit: random.below(8))
            }
            touched.append((number, offset..<offset + count))
        }
        for frame in frames where frame.recordCount > 0 {
            let range = frame.offset..<frame.offset + frame.byteCount
            let byteCount = disk.contents(DirectoryLayout.segment(frame.segmentNumber))!.count
            let own = touched.filter { $0.number == frame.segmentNumber }.map(\.range)
            let hasHeader =
                !own.contains { $0.overlaps(0..<4096) }
                || !own.contains { $0.overlaps(byteCount - 4096..<byteCount) }
            guard hasHeader, !own.contains(where: { $0.overlaps(range) }) else { continue }
            untouched.formUnion(
                frame.firstLSN...frame.firstLSN + LSN(frame.recordCount) - 1)
        }
    }

    func check() throws {
        let known = origin?.lastLSN ?? 0
        let expected = untouched.filter { $0 > known }.sorted()
        // Where nothing speaks for the last commit it is torn, whatever happened to it.
        let certified = max(expected.last ?? 0, known)
        let trial = try PassedLog(disk, from: origin)
        try PassedLog.check(
            disk, from: origin, last: trial.heard.told.isEmpty ? certified : lastLSN,
            expected: expected, isExact: false,
            repeating: "RandomDamage(seed: \(seed)).check()")
    }
}
