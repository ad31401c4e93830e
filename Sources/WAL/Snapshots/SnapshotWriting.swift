internal import Glibc
internal import HoldfastDisk
internal import HoldfastMutants
internal import HoldfastPages
package import HoldfastRecords
internal import Synchronization

/// A snapshot that is being written, in small steps.
///
/// ```
/// prepare ─► obtain space ─► pages, a piece and a sync a step ─► wait for the log ─► the file
/// ```
/// All space is obtained before the first page is written. The file comes last, its header in the
/// last step with the last bytes: before that step nothing on the disk says that there is a new
/// snapshot, and after it the snapshot is committed.
///
/// Steps are made by one thread at a time, which need not be the one that owns the page space.
package final class SnapshotWriting: Sendable {
    package enum Progress: Sendable, Equatable {
        case more
        /// The pages are on the disk, the log is not yet, up to `lastLSN`.
        case waitingForLog
        case committed
    }

    private enum Phase {
        case preparing
        /// Extents of the frozen pages from this index on, then the slot.
        case obtaining(Int)
        /// Frozen pages from this index on.
        case pages(Int)
        case log
        /// Bytes of the file from this offset on.
        case file(Int)
        case committed
        case givenUp
    }

    private struct State {
        var phase = Phase.preparing
        /// The file's content, from the moment at which its length is needed.
        var bytes: [UInt8] = []
        var slot = 0
        var file: (any File)?
    }

    private let store: SnapshotStore
    private let content: SnapshotContent
    private let frozen: FrozenPages
    private let state = Mutex(State())
    private let fileByteCount = Atomic<Int>(0)

    init(_ store: SnapshotStore, content: SnapshotContent, frozen: FrozenPages) {
        self.store = store
        self.content = content
        self.frozen = frozen
    }

    /// What its pages and, once it is committed, its file took, in bytes.
    package var writtenByteCount: (pages: Int, file: Int) {
        (frozen.count * PageFormat.byteCount, fileByteCount.load(ordering: .relaxed))
    }

    package var number: UInt64 { content.number }
    package var lastLSN: LSN { content.lastLSN }

    /// Does a piece of the work: at most one file is made, or a piece of `pieceByteCountMax` written and
    /// synced.
    ///
    /// - Parameter durableLSN: up to where the log is on the disk.
    /// - Throws: `.full` and `.read` give this snapshot up: its pages are to be told `abandoned`.
    ///   `.failed` is the end of the store.
    package func step(durableLSN: LSN) throws(SnapshotError) -> Progress {
        try state.withLock { state throws(SnapshotError) in
            if case .givenUp = state.phase {
                preconditionFailure("a snapshot that was given up has no more steps")
            }
            do throws(SnapshotError) {
                return try store.guarded { () throws(SnapshotError) in
                    try advance(&state, durableLSN: durableLSN)
                }
            } catch {
                giveUp(&state, because: error)
                throw error
            }
        }
    }

    /// Gives it up between two steps. The files stay as they are: what was written in them is used
    /// by nobody and will be written over.
    package func abandon() {
        state.withLock { state in
            switch state.phase {
            case .committed, .givenUp: break
            default: giveUp(&state, because: nil)
            }
        }
    }

    private func giveUp(_ state: inout State, because error: SnapshotError?) {
        state = State(phase: .givenUp)
        store.givenUp(because: error)
    }

    private func advance(
        _ state: inout State, durableLSN: LSN
    ) throws(SnapshotError) -> Progress {
        switch state.phase {
        case .preparing:
            try store.prepare()
            state.phase = .obtaining(0)
            return .more
        case .obtaining(let start):
            if let next = try obtainExtent(from: start) {
                state.phase = .obtaining(next)
                return .more
            }
            guard let bytes = content.encoded() else {
                // As when the disk has no room: the ones before stay, and the caller hears of it.
                throw .full(DiskError(.allocate, SnapshotLayout.snapshots, code: EFBIG))
            }
            state.slot = store.freeSlot
            state.file = try store.obtain(slot: state.slot, byteCount: bytes.count).file
            state.bytes = bytes
            state.phase = .pages(0)
            return .more
        case .pages(let start):
            guard start < frozen.count else {
                state.phase = .log
                return try advance(&state, durableLSN: durableLSN)
            }
            let next = try store.pages.write(
                frozen, from: start, pieceByteCount: store.limits.pieceByteCountMax,
                writeByteCount: store.limits.writeByteCountMax)
            state.phase = .pages(next)
            return .more
        case .log:
            guard durableLSN >= content.lastLSN || Mutant.snapshotOfUnsyncedRecords.isOn
            else { return .waitingForLog }
            // A snapshot must not be found before the log has what it says: an opening would take
            // the log for an old copy.
            state.phase = .file(SnapshotFormat.blockByteCount)
            return try advance(&state, durableLSN: durableLSN)
        case .file(let offset):
            return try writeFile(&state, from: offset)
        case .committed:
            return .committed
        case .givenUp:
            preconditionFailure("a snapshot that was given up has no more steps")
        }
    }

    /// Makes the next extent that the pages from `start` on need.
    ///
    /// - Returns: the index from which on to go on; nil where nothing is missing.
    private func obtainExtent(from start: Int) throws(SnapshotError) -> Int? {
        for index in start..<frozen.count {
            let extent = store.pages.extent(of: frozen.number(at: index))
            if store.pages.isReady(extent) { continue }
            try store.pages.makeReady(extent)
            return index
        }
        return nil
    }

    private func writeFile(
        _ state: inout State, from offset: Int
    ) throws(SnapshotError) -> Progress {
        let file = state.file!
        let bytes = state.bytes
        let end = min(bytes.count, offset + max(4_096, store.limits.pieceByteCountMax))
        let isLast = end == bytes.count
        try SnapshotError.writing { () throws(DiskError) in
            if isLast, offset == SnapshotFormat.blockByteCount {
                try file.write(bytes, at: 0)
            } else {
                try file.write(Array(bytes[offset..<end]), at: offset)
                if isLast {
                    try file.write(Array(bytes[..<SnapshotFormat.blockByteCount]), at: 0)
                }
            }
            if isLast, Mutant.snapshotCountsBeforeSync.isOn { return }
            try file.sync()
        }
        guard isLast else {
            state.phase = .file(end)
            return .more
        }
        let slot = state.slot
        fileByteCount.store(bytes.count, ordering: .relaxed)
        state = State(phase: .committed)
        store.committed(content, slot: slot)
        return .committed
    }
}
