internal import Foundation
internal import HoldfastDisk
internal import HoldfastEngine
internal import HoldfastPages
internal import HoldfastRecords
internal import HoldfastSimulation
internal import HoldfastSnapshots
internal import HoldfastStore
internal import HoldfastWAL

/// The data directory of format 1 that every version opens, in memory: what is changed.
struct GoldenStore: Sendable {
    let disk: SimulatedDisk
    let sealed: String
    let compacted: String
    let sidecar: String
    let snapshot: String
    /// The engine's root in the newest snapshot.
    let root: [UInt8]
    /// The numbers of the pages that it is on.
    let usedPages: PageSet

    static let shared: GoldenStore = {
        do {
            return try GoldenStore()
        } catch {
            preconditionFailure("the golden store cannot be opened: \(error)")
        }
    }()

    struct Missing: Error { let what: String }

    static var configuration: StoreConfiguration {
        var configuration = StoreConfiguration()
        configuration.recentAckCount = 64
        configuration.leaseCountMax = 64
        configuration.snapshotFiles.extentPageCount = 8
        configuration.pages.nodeEntryCountMax = 4
        configuration.pages.chainEntryCountMax = 4
        configuration.pages.bitmapBitCount = 64
        configuration.pages.arrayElementCountMax = 8
        configuration.pages.cachedPageCountMax = 16
        return configuration
    }

    static let start = LogStart(
        bootID: UniqueID(high: 1, low: 2), wallMilliseconds: 2_000_000, bootMilliseconds: 100_000,
        softwareVersion: "fuzz")

    private init() throws {
        let fixture = URL(filePath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "StoreTests/Fixtures/v1/store.hex")
        let text = try String(contentsOf: fixture, encoding: .utf8)
        guard let golden = SimulatedDisk(text: text) else { throw Missing(what: "store.hex") }
        // Opened once and read, so that the sealed segment has an index beside it.
        let fileSystem = SimulatedFileSystem(golden)
        fileSystem.keepsCalls = false
        do {
            let store = try Store(
                fileSystem, Self.configuration, start: Self.start, entropy: { 7 })
            let log = store.log
            let engine = store.takeEngine(bootMilliseconds: 100_000)
            try log.read(engine.liveJobs(in: 1...engine.lastLSN)) { _, _ in }
        }
        var disk = fileSystem.disk.afterKill()
        for path in disk.files {
            let isEmpty = disk.contents(path)?.isEmpty ?? true
            if isEmpty || path.hasPrefix("pool/") || path == "LOCK" { disk.delete(path) }
        }
        // What is behind a snapshot in its file is of no account, and takes time.
        for path in disk.files where path.hasPrefix("snap/") {
            let bytes = disk.contents(path) ?? []
            let end = (bytes.lastIndex { $0 != 0 } ?? 0) + 4_096
            disk.truncate(path, to: min(bytes.count, end / 4_096 * 4_096))
        }
        let inspection = try StoreInspection(SimulatedFileSystem(disk), Self.configuration)
        let segments = try inspection.log.segments()
        guard let sealed = segments.first(where: { $0.state == .sealed }),
            let compacted = segments.first(where: { $0.state == .compacted }),
            let sidecar = disk.files.first(where: { $0.hasSuffix(".idx") }),
            let slot = inspection.snapshots.newestSlot
        else { throw Missing(what: "a kind of file in \(disk.files)") }
        self.sealed = sealed.path
        self.compacted = compacted.path
        self.sidecar = sidecar
        snapshot = "snap/\(slot)"
        let file = disk.contents(snapshot) ?? []
        let count = Int(ChecksumRepair.integer(UInt64.self, file, 56))
        root = Array(file[4_096..<4_096 + count])
        // See docs/snapshots.md: behind the root and 56 bytes for each segment.
        let setStart =
            4_096 + count + Int(ChecksumRepair.integer(UInt32.self, file, 64)) * 56
        let setByteCount = Int(ChecksumRepair.integer(UInt64.self, file, 72))
        let set = Array(file[setStart..<setStart + setByteCount])
        guard let usedPages = PageSet(decoding: set) else {
            throw Missing(what: "the newest snapshot's set of pages")
        }
        self.usedPages = usedPages
        self.disk = disk
    }
}
