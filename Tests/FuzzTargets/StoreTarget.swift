internal import HoldfastDisk
internal import HoldfastEngine
internal import HoldfastModel
internal import HoldfastPages
internal import HoldfastRecords
internal import HoldfastSimulation
internal import HoldfastSnapshots
internal import HoldfastStore
internal import HoldfastWAL

/// The golden store with changes, and everything that reads its files.
enum StoreTarget {
    private static func disk(
        _ bytes: UnsafeRawBufferPointer, _ path: String, _ repair: (inout [UInt8]) -> Void
    ) -> SimulatedDisk {
        let golden = GoldenStore.shared
        let patches = Patches(bytes)
        var file = golden.disk.contents(path) ?? []
        patches.apply(to: &file)
        if patches.repairsChecksums { repair(&file) }
        var disk = golden.disk
        disk.place(path, file)
        return disk
    }

    static func fileSystem(_ disk: SimulatedDisk) -> SimulatedFileSystem {
        let fileSystem = SimulatedFileSystem(disk)
        fileSystem.keepsCalls = false
        return fileSystem
    }

    static func identity(_ bytes: UnsafeRawBufferPointer) {
        let disk = disk(bytes, "STORE", ChecksumRepair.identity)
        _ = try? DataDirectory.identity(in: fileSystem(disk))
    }

    static func segment(_ bytes: UnsafeRawBufferPointer) {
        examine(
            disk(bytes, GoldenStore.shared.sealed, ChecksumRepair.segment),
            GoldenStore.shared.sealed)
    }

    static func sidecar(_ bytes: UnsafeRawBufferPointer) {
        let golden = GoldenStore.shared
        examine(disk(bytes, golden.sidecar, ChecksumRepair.sidecar), golden.sealed)
    }

    static func compacted(_ bytes: UnsafeRawBufferPointer) {
        let path = GoldenStore.shared.compacted
        examine(disk(bytes, path, ChecksumRepair.compacted), path)
    }

    private static func examine(_ disk: SimulatedDisk, _ path: String) {
        let fileSystem = fileSystem(disk)
        let log = LogInspection(fileSystem)
        guard let segments = try? log.segments() else { return }
        for segment in segments where segment.path == path {
            try? log.examine(segment: segment.number) { item in
                if case .record(let lsn, _, _, let body) = item {
                    _ = try? EngineRecord(lsn: lsn, body: body)
                }
            }
            let records = try? IndexedRecords(of: segment, in: fileSystem)
            _ = try? records?.byteCount { $0 % 2 == 0 }
            if let records { read(records) }
        }
    }

    /// Those whose place an index says.
    static func read(_ records: IndexedRecords) {
        try? records.forEach { lsn, _, body in
            if let body { _ = try? EngineRecord(lsn: lsn, body: body) }
        }
    }

    static func snapshot(_ bytes: UnsafeRawBufferPointer) {
        let fileSystem = fileSystem(
            disk(bytes, GoldenStore.shared.snapshot, ChecksumRepair.snapshot))
        guard let identity = try? DataDirectory.identity(in: fileSystem) else { return }
        let inspection = SnapshotInspection(fileSystem, identity: identity)
        _ = try? inspection.verifyPages { _ in }
    }

    /// The engine's root, behind the snapshot's checksum, on the pages that there are.
    static func root(_ bytes: UnsafeRawBufferPointer) {
        let golden = GoldenStore.shared
        var root = golden.root
        Patches(bytes).apply(to: &root)
        let fileSystem = fileSystem(golden.disk)
        guard let identity = try? DataDirectory.identity(in: fileSystem),
            let files = try? PageFiles.open(fileSystem, extentPageCount: 8)
        else { return }
        let pages = PageSpace(
            limits: GoldenStore.configuration.pages,
            storeUUID: (identity.uuid.high, identity.uuid.low), used: golden.usedPages,
            snapshotNumber: 100,
            source: { files.read(first: $0, count: $1, into: $2) })
        pages.beginStamps(epoch: 1_000)
        let configuration = EngineConfiguration(
            key: StoreKey(low: identity.keyLow, high: identity.keyHigh), leaseCountMax: 64,
            recentAckCount: 64)
        guard
            let engine = try? JobEngine(
                configuration: configuration, pages: pages, restoring: root)
        else { return }
        _ = engine.invariantFaults()
        _ = engine.canonicalDump()
        _ = engine.queues(after: nil, limit: 100)
    }

    /// As it is, and with the last line that it should have; what is read is written and read the same.
    static func knownDamage(_ bytes: UnsafeRawBufferPointer) {
        _ = KnownDamage(decoding: Array(bytes))
        let known = KnownDamage(decoding: KnownDamage.sealed(Array(bytes)))
        precondition(KnownDamage(decoding: known.encoded()) == known, "what is known stays known")
    }

    /// A golden store with changes of several files: before each row of changes stands the number of
    /// the file, and the length of the row in 16 bits.
    static func fileSystem(changedBy bytes: UnsafeRawBufferPointer) -> SimulatedFileSystem {
        let golden = GoldenStore.shared
        var disk = golden.disk
        let paths = golden.disk.files
        var rest = bytes[...]
        while rest.count >= 3 {
            let head = UnsafeRawBufferPointer(rebasing: rest)
            let path = paths[Int(head[0]) % paths.count]
            let count = min(Int(head[1]) | Int(head[2]) << 8, rest.count - 3)
            let patches = Patches(UnsafeRawBufferPointer(rebasing: rest.dropFirst(3).prefix(count)))
            rest = rest.dropFirst(3 + count)
            var file = disk.contents(path) ?? []
            patches.apply(to: &file)
            if patches.repairsChecksums { repair(path, &file) }
            disk.place(path, file)
        }
        return fileSystem(disk)
    }

    /// What tools make of it, and a start.
    static func store(_ bytes: UnsafeRawBufferPointer) {
        let fileSystem = fileSystem(changedBy: bytes)
        if let inspection = try? StoreInspection(fileSystem, GoldenStore.configuration) {
            _ = try? inspection.verify()
            _ = try? inspection.statistics()
        }
        var configuration = GoldenStore.configuration
        configuration.onDamage = .quarantine
        guard
            let store = try? Store(
                fileSystem, configuration, start: GoldenStore.start, entropy: { 9 })
        else { return }
        let log = store.log
        let engine = store.takeEngine(bootMilliseconds: 100_000)
        guard engine.lastLSN > 0 else { return }
        var births: [LSN: BirthFacts] = [:]
        try? log.read(engine.liveJobs(in: 1...engine.lastLSN)) { lsn, body in
            guard let body else { return }
            _ = try? EngineRecord(lsn: lsn, body: body)
            births[lsn] = BirthFacts(lsn: lsn, body: body)
        }
        for (lsn, birth) in births {
            _ = engine.summary(of: lsn, birth: birth)
            _ = engine.checkpoint(of: lsn)
        }
        // A round of scrubbing, however the pieces are cut.
        for _ in 0..<64 {
            guard let isMore = try? log.scrubStep({ _ in }), isMore else { break }
        }
    }

    private static func repair(_ path: String, _ file: inout [UInt8]) {
        ChecksumRepair.repair(path, &file)
        if path.hasSuffix(".pg") { PageTarget.seal(&file, uuid: GoldenStore.uuid) }
    }
}

extension GoldenStore {
    static let uuid: (UInt64, UInt64) = {
        let fileSystem = SimulatedFileSystem(shared.disk)
        guard let identity = try? DataDirectory.identity(in: fileSystem) else { return (0, 0) }
        return (identity.uuid.high, identity.uuid.low)
    }()
}
