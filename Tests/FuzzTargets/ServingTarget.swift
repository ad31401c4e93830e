internal import HoldfastExplorer
internal import HoldfastSimulation
internal import HoldfastStore

/// A store whose pages and records have good checksums and contradict each other: a start goes on with
/// it past all damage, serves, and closes. A page that cannot be used, or a decision that does not fit
/// what another page says, may end that, as it ends a broker.
enum ServingTarget {
    private static let stepCount = 32
    private static let stepsPerCommit = 4

    /// - Parameter bytes: the seed of the verbs, then changes as `StoreTarget` takes them.
    static func run(_ bytes: UnsafeRawBufferPointer) {
        guard let seed = bytes.first else { return }
        let changes = UnsafeRawBufferPointer(rebasing: bytes.dropFirst())
        guard
            let store = try? open(
                StoreTarget.fileSystem(changedBy: changes), onDamage: .quarantine,
                mayContradictItself: true)
        else { return }
        try? serve(from: store, seed: UInt64(seed))
        try? store.close()
    }

    static func open(
        _ fileSystem: SimulatedFileSystem, onDamage: DamageResponse, mayContradictItself: Bool
    ) throws -> StoreUnderTest {
        var layout = StoreLayout(seed: 1)
        layout.configuration = GoldenStore.configuration
        layout.configuration.onDamage = onDamage
        layout.snapshotCommitCount = 3
        return try StoreUnderTest(
            fileSystem, layout: layout, clock: SimulatedClock(), entropy: 9,
            mayContradictItself: mayContradictItself)
    }

    /// Verbs, commits, and the work beside them.
    static func serve(from store: StoreUnderTest, seed: UInt64) throws {
        var workload = Workload(seed: seed, queueNames: ["a", "kept", "late"])
        var timeline = Timeline(emptyStateHash: 0)
        for step in 1...stepCount {
            workload.step(on: store)
            guard step % stepsPerCommit == 0 else { continue }
            try store.commit(&timeline, notesState: false)
            store.clock.pass(workload.pause())
            _ = try store.maintenanceStep()
        }
        store.advanceScrubbing()
        try store.idle()
    }
}
