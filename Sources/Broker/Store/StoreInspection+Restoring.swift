package import HoldfastEngine
internal import HoldfastPages
internal import HoldfastSnapshots
internal import HoldfastWAL

/// The state that the next start would begin with, in memory.
package struct RestoredStore: ~Copyable {
    package let engine: JobEngine
    /// nil where the log alone says it.
    package let snapshotNumber: UInt64?
    /// Records that were replayed.
    package let recordCount: Int
    /// Whether the log was closed in order.
    package let wasClosed: Bool
}

extension StoreInspection {
    /// Does what a start does, without the lock and without a change on disk: the newest whole
    /// snapshot, and the log after it.
    ///
    /// - Parameter atSnapshot: is shown the state that the snapshot says, before the log is replayed.
    /// - Throws: what the start would be refused for.
    package func restore(
        atSnapshot: (borrowing JobEngine) -> Void = { _ in }
    ) throws(StoreFault) -> RestoredStore {
        let store = try Store.openSnapshots(fileSystem, identity, configuration)
        let newest = store.newest
        var engine = try Store.engine(identity, store, newest, configuration)
        if newest != nil { atSnapshot(engine) }
        let replay: LogReplay
        do throws(LogError) {
            replay = try LogReplay(
                fileSystem, from: LogOrigin(store),
                begin: { engine.pages.beginStamps(epoch: $0) },
                replay: { lsn, frameTime, body in
                    try engine.replay(lsn: lsn, frameTime: frameTime, body: body)
                    // What was read of a page that fails is nothing: go no further with it.
                    if let failure = engine.pages.failure { throw StoreFault.page(failure) }
                })
        } catch {
            if let failure = engine.pages.failure { throw .page(failure) }
            throw StoreFault(error, store)
        }
        if let failure = engine.pages.failure { throw .page(failure) }
        return RestoredStore(
            engine: engine, snapshotNumber: newest?.number, recordCount: replay.recordCount,
            wasClosed: replay.wasClosed)
    }
}

extension StoreInspection {
    /// The number that a queue has in the state at the end of the log, or else in that of the newest
    /// snapshot; nil where there is none, or where no state can be restored.
    package func number(ofQueue name: String) -> UInt32? {
        var known: UInt32?
        func number(in engine: borrowing JobEngine) -> UInt32? {
            Array(name.utf8).withUnsafeBytes { engine.queue(named: $0)?.rawValue }
        }
        do throws(StoreFault) {
            let store = try restore { known = number(in: $0) }
            return number(in: store.engine) ?? known
        } catch {
            return known
        }
    }
}
