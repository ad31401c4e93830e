internal import HoldfastEngine
internal import HoldfastRecords
internal import HoldfastSimulation
internal import HoldfastStore
internal import HoldfastWAL

/// What an operator has for a store that is damaged, each on a changed one: it says what it finds, or why it
/// cannot. What calls itself whole, and what calls itself repaired, is a store that a broker starts with.
enum ToolsTarget {
    /// - Parameter bytes: changes as `StoreTarget` takes them.
    static func run(_ bytes: UnsafeRawBufferPointer) {
        let disk = StoreTarget.fileSystem(changedBy: bytes).disk
        look(StoreTarget.fileSystem(disk))
        follow(StoreTarget.fileSystem(disk))
        _ = try? StoreRebuilding.run(StoreTarget.fileSystem(disk), GoldenStore.configuration)
        repair(StoreTarget.fileSystem(disk))
    }

    private static func look(_ fileSystem: SimulatedFileSystem) {
        guard let inspection = try? StoreInspection(fileSystem, GoldenStore.configuration) else {
            return
        }
        _ = try? inspection.segmentUses()
        _ = inspection.number(ofQueue: "kept")
        _ = try? inspection.rebuild()
        for segment in (try? inspection.orderedSegments()) ?? [] {
            try? IndexedRecords(of: segment, in: fileSystem)?.forEach { lsn, _, body in
                if let body { _ = try? EngineRecord(lsn: lsn, body: body) }
            }
        }
    }

    private static func follow(_ fileSystem: SimulatedFileSystem) {
        var log = LogFollowing(fileSystem)
        // Of a log that stays as it is, the second look shows nothing.
        for look in 1...2 {
            let hasCome = try? log.next { item in
                if case .record(let lsn, _, _, let body) = item {
                    _ = try? EngineRecord(lsn: lsn, body: body)
                }
            }
            precondition(look == 1 || hasCome != true, "what was shown is not shown again")
        }
    }

    private static func repair(_ fileSystem: SimulatedFileSystem) {
        let repair = StoreRepair(
            fileSystem, GoldenStore.configuration, start: GoldenStore.start)
        guard let report = try? repair.run(), report.obstacle == nil else { return }
        do {
            let store = try Store(
                fileSystem, GoldenStore.configuration, start: GoldenStore.start, entropy: { 9 })
            let engine = store.takeEngine(bootMilliseconds: 100_000)
            let faults = engine.invariantFaults()
            if !faults.isEmpty { fatalError("what was whole adds up: \(faults.prefix(3))") }
        } catch {
            fatalError(
                "a store that \(report.isNeeded ? "was repaired" : "is whole") starts: \(error)")
        }
    }
}
