import HoldfastDisk
import HoldfastPages
import HoldfastRecords
import HoldfastSimulation
import HoldfastSnapshots
import HoldfastWAL

/// One store's snapshots on a simulated disk, with a state that says of every page what has to be in
/// it, so that whatever comes back can be judged by its root alone.
///
/// All sizes are tiny: three pages an extent, two a write, three a sync.
final class TestSnapshots {
    static let identity = StoreIdentity(
        uuid: UniqueID(high: 0x0123_4567_89AB_CDEF, low: 0xFEDC_BA98_7654_3210),
        segmentByteCount: 32 * 1024, keyLow: 1, keyHigh: 2)

    static var limits: SnapshotLimits {
        var limits = SnapshotLimits()
        limits.extentPageCount = 3
        limits.writeByteCountMax = 2 * 4096
        limits.pieceByteCountMax = 3 * 4096
        limits.slotGrowthByteCount = 4096
        limits.openExtentCountMax = 2
        return limits
    }

    /// A page and the seed of its content, as the root says them in 20 bytes.
    struct Entry: Equatable {
        var reference: PageReference
        var seed: UInt64
    }

    let fileSystem: SimulatedFileSystem
    let store: SnapshotStore
    let space: PageSpace
    var entries: [Entry] = []
    var lastLSN: LSN = 0
    var random: SeededRandom
    /// What the opening found to be other than it was written.
    var faults: [String] = []

    /// - Parameter epoch: higher than that of any opening before.
    init(
        _ fileSystem: SimulatedFileSystem = SimulatedFileSystem(), seed: UInt64 = 1,
        epoch: UInt32 = 1, limits: SnapshotLimits = TestSnapshots.limits
    ) throws {
        self.fileSystem = fileSystem
        random = SeededRandom(seed: seed &* 31 &+ UInt64(epoch))
        let store = try SnapshotStore.open(fileSystem, identity: Self.identity, limits: limits)
        self.store = store
        var pageLimits = PageLimits()
        pageLimits.cachedPageCountMax = 2
        pageLimits.readAheadPageCount = 5
        space = PageSpace(
            limits: pageLimits,
            storeUUID: (Self.identity.uuid.high, Self.identity.uuid.low),
            used: store.newest?.used ?? PageSet(), retained: store.newest?.retained ?? PageSet(),
            snapshotNumber: UInt32(store.nextNumber)
        ) { store.pages.read(first: $0, count: $1, into: $2) }
        space.beginStamps(epoch: epoch)
        if let newest = store.newest {
            lastLSN = newest.lastLSN
            entries = Self.entries(newest.root)
            if newest.frameTime != Int64(newest.lastLSN) * 1_000 { faults.append("frame time") }
            if newest.segments != Self.segments(newest.lastLSN) { faults.append("segments") }
            check()
        }
    }

    /// Reads every page that the state refers to.
    func check() {
        for entry in entries {
            let page = space.read(entry.reference, .array, owner: entry.seed)
            let content = UnsafeRawBufferPointer(start: page, count: PageFormat.byteCount)
            if !content[PageFormat.headerByteCount...].elementsEqual(Self.content(entry.seed)) {
                faults.append("page \(entry.reference.number) has another content")
            }
            space.trim()
        }
        if let failure = space.failure { faults.append("\(failure)") }
    }

    /// Makes, changes and frees a few pages.
    func change() {
        for _ in 1...4 {
            let index = entries.isEmpty ? 0 : Int(random.next() % UInt64(entries.count))
            let draw = random.next() % 4
            if draw == 0, entries.count > 3 {
                space.free(entries.remove(at: index).reference)
            } else if draw < 3, entries.count > 4 {
                // The owner says which content it is, so a changed page is another one.
                space.free(entries[index].reference)
                entries[index] = make()
            } else {
                entries.append(make())
            }
        }
        space.trim()
    }

    private func make() -> Entry {
        let seed = random.next()
        let (reference, page) = space.create(.array, owner: seed)
        (page + PageFormat.headerByteCount).copyMemory(
            from: Self.content(seed), byteCount: PageFormat.contentByteCount)
        return Entry(reference: reference, seed: seed)
    }

    /// Begins a snapshot of the state as it is.
    func begin() throws -> (writing: SnapshotWriting, frozen: FrozenPages) {
        lastLSN += 10
        let frozen = space.freeze()
        let writing = try store.begin(
            number: UInt64(frozen.snapshotNumber), lastLSN: lastLSN,
            frameTime: Int64(lastLSN) * 1_000, root: Self.root(entries),
            segments: Self.segments(lastLSN), frozen: frozen)
        return (writing, frozen)
    }

    /// Changes the state and writes a snapshot; notes how far the log has to be by then, and the
    /// snapshot once it is committed.
    func snapshot() throws {
        change()
        let (writing, frozen) = try begin()
        do {
            while true {
                switch try writing.step(durableLSN: CrashNote(fileSystem.note).durableLSN) {
                case .more: continue
                case .waitingForLog:
                    fileSystem.note =
                        CrashNote(
                            committed: CrashNote(fileSystem.note).committed, durableLSN: lastLSN
                        ).value
                case .committed:
                    space.committed(frozen)
                    fileSystem.note =
                        CrashNote(committed: writing.number, durableLSN: lastLSN).value
                    return
                }
            }
        } catch {
            space.abandoned(frozen)
            throw error
        }
    }

    // MARK: What follows from seeds

    /// Eight bytes in every 512, so that no sector is like that of another page.
    static func content(_ seed: UInt64) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: PageFormat.contentByteCount)
        bytes.withUnsafeMutableBytes { bytes in
            for offset in stride(from: 0, to: bytes.count - 7, by: 512) {
                let word = seed &+ UInt64(offset)
                bytes.storeBytes(of: word.littleEndian, toByteOffset: offset, as: UInt64.self)
            }
        }
        return bytes
    }

    static func root(_ entries: [Entry]) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: entries.count * 20)
        bytes.withUnsafeMutableBytes { bytes in
            for (index, entry) in entries.enumerated() {
                entry.reference.store(to: bytes.baseAddress! + index * 20)
                bytes.storeBytes(
                    of: entry.seed.littleEndian, toByteOffset: index * 20 + 12, as: UInt64.self)
            }
        }
        return bytes
    }

    static func entries(_ root: [UInt8]) -> [Entry] {
        root.withUnsafeBytes { bytes in
            stride(from: 0, to: bytes.count, by: 20).map { offset in
                Entry(
                    reference: PageReference(loadingFrom: bytes.baseAddress! + offset),
                    seed: UInt64(
                        littleEndian: bytes.loadUnaligned(
                            fromByteOffset: offset + 12, as: UInt64.self)))
            }
        }
    }

    static func segments(_ lastLSN: LSN) -> [SnapshotSegment] {
        (1...lastLSN / 10 % 3 + 1).map { number in
            SnapshotSegment(
                number: number, salt: lastLSN &* 0x9E37_79B9_7F4A_7C15, firstLSN: number * 10,
                nextLSN: number * 10 + 10, end: 8192 * Int(number), byteCount: 32_768,
                liveCount: lastLSN % 7, kind: number == 2 ? .compacted : .plain)
        }
    }
}

/// What a test keeps with every moment: the newest snapshot that was committed, and how far the log
/// was on the disk.
struct CrashNote {
    var committed: UInt64
    var durableLSN: LSN

    init(committed: UInt64, durableLSN: LSN) {
        self.committed = committed
        self.durableLSN = durableLSN
    }

    init(_ value: UInt64) {
        committed = value >> 32
        durableLSN = value & 0xFFFF_FFFF
    }

    var value: UInt64 { committed << 32 | durableLSN }
}

/// The twin's error numbers.
enum Code {
    static let inputOutput: Int32 = 5
    static let tooManyFiles: Int32 = 24
    static let noSpace: Int32 = 28
}
