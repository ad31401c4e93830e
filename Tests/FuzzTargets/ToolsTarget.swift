internal import HoldfastEngine
internal import HoldfastExplorer
internal import HoldfastRecords
internal import HoldfastSimulation
internal import HoldfastStore
internal import HoldfastWAL

/// What an operator has for a store that is damaged, each on a changed one: it says what it finds, or why it
/// cannot. What calls itself whole, and what calls itself repaired, is served from, adds up, and is whole after.
enum ToolsTarget {
    /// - Parameter bytes: changes as `StoreTarget` takes them.
    static func run(_ bytes: UnsafeRawBufferPointer) {
        let disk = StoreTarget.fileSystem(changedBy: bytes).disk
        look(StoreTarget.fileSystem(disk))
        follow(StoreTarget.fileSystem(disk))
        _ = try? StoreRebuilding.run(StoreTarget.fileSystem(disk), GoldenStore.configuration)
        repair(StoreTarget.fileSystem(disk), seed: UInt64(bytes.count))
    }

    private static func look(_ fileSystem: SimulatedFileSystem) {
        guard let inspection = try? StoreInspection(fileSystem, GoldenStore.configuration) else {
            return
        }
        _ = try? inspection.segmentUses()
        _ = inspection.number(ofQueue: "kept")
        _ = try? inspection.rebuild()
        for segment in (try? inspection.orderedSegments()) ?? [] {
            if let records = try? IndexedRecords(of: segment, in: fileSystem) {
                StoreTarget.read(records)
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

    private static func repair(_ fileSystem: SimulatedFileSystem, seed: UInt64) {
        let repair = StoreRepair(
            fileSystem, GoldenStore.configuration, start: GoldenStore.start)
        guard let report = try? repair.run(), report.obstacle == nil else { return }
        let outcome = report.isNeeded ? "was repaired" : "is whole"
        do {
            let store = try ServingTarget.open(
                fileSystem, onDamage: .refuse, mayContradictItself: false)
            try ServingTarget.serve(from: store, seed: seed)
            let faults = store.invariantFaults
            if !faults.isEmpty { fatalError("what \(outcome) adds up: \(faults.prefix(3))") }
            try store.close()
        } catch {
            fatalError("what \(outcome) is served: \(error)")
        }
        // Where a header claims what was never written, what it claims changes with the log around it.
        guard report.remaining.isEmpty else { return }
        let found = try? StoreInspection(fileSystem, GoldenStore.configuration).verify()
        // A place that is reserved for a page may hold anything: what refers to none is no harm.
        let damages = found?.damages.filter { if case .page = $0 { false } else { true } }
        if damages?.isEmpty != true || found?.unknown != nil {
            fatalError("what \(outcome) stays so: \(damages ?? []), \(found?.unknown ?? "")")
        }
    }
}
