package import HoldfastDisk
package import HoldfastPages
package import HoldfastRecords
package import HoldfastWAL
internal import Synchronization

/// The snapshots of one store: what the newest says, and where the next one is written.
///
/// A snapshot is a set of pages and one file that names them, in one of three slots. The two newest
/// whole ones are kept; the next one is written to pages that neither of them has and to the third
/// slot, so that whatever happens meanwhile, both stay as they are. `docs/snapshots.md` is the
/// format and the rules.
///
/// Any thread may ask. One thread at a time does what reaches the disk: `quarantinePassedOver`,
/// `reserve`, `trim` and the steps of a writing; one snapshot is written at a time.
package final class SnapshotStore: Sendable {
    /// A snapshot as the engine and the log need it.
    package struct Loaded: Sendable, Equatable {
        package let slot: Int
        package let number: UInt64
        /// C: all records up to this one are in it.
        package let lastLSN: LSN
        /// The frame time of C, in ms.
        package let frameTime: Int64
        /// The engine's bytes. Empty in a snapshot that this process wrote: who wrote it knows them.
        package let root: [UInt8]
        package let segments: [SnapshotSegment]
        package let used: PageSet
        /// Pages of the snapshot before that this one does not have. Empty after a commit: the page
        /// space knows them itself.
        package let retained: PageSet
    }

    /// A slot whose file is no whole snapshot.
    package struct PassedOver: Sendable, Equatable {
        package let slot: Int
        package let reason: String
        /// nil where the file does not say it reliably.
        package let number: UInt64?
    }

    /// One of the two snapshots that are kept.
    struct Kept: Equatable {
        var slot: Int
        var number: UInt64
        var lastLSN: LSN
        var segments: [SnapshotSegment]
    }

    struct State {
        var newest: Loaded?
        var kept: [Kept]
        /// Pages of either kept snapshot in each extent.
        var keptPageCounts: [Int] = []
        /// Slots to be put aside before anything is written.
        var unsettledSlots: [Int]
        /// Whether the directories and what this process found are surely on the disk.
        var isPrepared = false
        var isWriting = false
        var failure: SnapshotError?
    }

    package let pages: PageFiles
    /// What was found at the opening and is no whole snapshot.
    package let passedOver: [PassedOver]
    let fileSystem: any FileSystem
    let uuid: UniqueID
    let limits: SnapshotLimits
    let state: Mutex<State>

    private init(
        _ fileSystem: any FileSystem, uuid: UniqueID, limits: SnapshotLimits, pages: PageFiles,
        passedOver: [PassedOver], state: State
    ) {
        self.fileSystem = fileSystem
        self.uuid = uuid
        self.limits = limits
        self.pages = pages
        self.passedOver = passedOver
        self.state = Mutex(state)
    }

    /// Reads the three slots. Changes nothing on the disk, and makes no directory: that is done
    /// when the first snapshot is written.
    package static func open(
        _ fileSystem: any FileSystem, identity: StoreIdentity,
        limits: SnapshotLimits = SnapshotLimits()
    ) throws(SnapshotError) -> SnapshotStore {
        var whole: [(slot: Int, content: SnapshotContent)] = []
        var passedOver: [PassedOver] = []
        for slot in 0..<SnapshotLayout.slotCount {
            let found = try SnapshotError.reading { () throws(DiskError) in
                try SnapshotSlot.read(slot, in: fileSystem, of: identity.uuid)
            }
            switch found {
            case .empty: break
            case .whole(let content): whole.append((slot, content))
            case .notWhole(let reason, let number):
                passedOver.append(PassedOver(slot: slot, reason: reason, number: number))
            case .otherVersion(let version):
                throw .otherVersion(slot: slot, found: version, known: SnapshotFormat.version)
            case .foreign(let uuid):
                throw .foreign(slot: slot, uuid: uuid, own: identity.uuid)
            }
        }
        let (newest, previous) = SnapshotSlot.twoNewest(of: whole)
        let pages = try PageFiles.open(
            fileSystem,
            extentPageCount: newest?.content.extentPageCount ?? limits.extentPageCount,
            openExtentCountMax: limits.openExtentCountMax)
        var state = State(kept: [], unsettledSlots: passedOver.map(\.slot))
        if let newest {
            let used = newest.content.used
            state.newest = Loaded(
                slot: newest.slot, number: newest.content.number, lastLSN: newest.content.lastLSN,
                frameTime: newest.content.frameTime, root: newest.content.root,
                segments: newest.content.segments, used: used,
                retained: previous?.content.used.subtracting(used) ?? PageSet())
            state.kept = [newest, previous].compactMap { found in
                found.map {
                    Kept(
                        slot: $0.slot, number: $0.content.number, lastLSN: $0.content.lastLSN,
                        segments: $0.content.segments)
                }
            }
            state.keptPageCounts = pages.pageCounts(
                of: previous.map { used.union($0.content.used) } ?? used)
        }
        return SnapshotStore(
            fileSystem, uuid: identity.uuid, limits: limits, pages: pages, passedOver: passedOver,
            state: state)
    }

    // MARK: What there is

    /// The newest whole snapshot; nil where there is none.
    package var newest: Loaded? { state.withLock { $0.newest } }

    /// The last LSN of the snapshot before the newest one; 0 where there is none, as then only the
    /// whole log could take the newest one's place.
    package var previousLastLSN: LSN {
        state.withLock { $0.kept.count > 1 ? $0.kept[1].lastLSN : 0 }
    }

    /// What the kept snapshots need of the log, the newest one first; two at most.
    package var needs: [(lastLSN: LSN, segments: [SnapshotSegment])] {
        state.withLock { $0.kept.map { ($0.lastLSN, $0.segments) } }
    }

    /// A number that no snapshot of which the store knows has had.
    package var nextNumber: UInt64 {
        let known = passedOver.compactMap(\.number) + [newest?.number ?? 0]
        return known.max()! + 1
    }

    /// Whether a snapshot is being written.
    package var isWriting: Bool { state.withLock { $0.isWriting } }

    /// The fatal error that ended it, if one did.
    package var failure: SnapshotError? { state.withLock { $0.failure } }

    /// Lets go of the root of the newest snapshot, once the engine has it.
    package func dropRoot() {
        state.withLock { state in
            guard let newest = state.newest else { return }
            state.newest = newest.withoutRoot()
        }
    }

    // MARK: Writing

    /// Begins a snapshot. Touches no file: the steps of what it returns do.
    ///
    /// - Parameters:
    ///   - number: the pages' own snapshot number; higher than that of every snapshot before.
    ///   - lastLSN: C, the last record whose effects are in `root` and the pages.
    ///   - frameTime: of C, in ms.
    ///   - root: the engine's bytes.
    ///   - segments: the sealed segments that it needs.
    ///   - frozen: the pages to write and all those in use.
    /// - Throws: the fatal error that an earlier writing ended with.
    package func begin(
        number: UInt64, lastLSN: LSN, frameTime: Int64, root: [UInt8],
        segments: [SnapshotSegment], frozen: FrozenPages
    ) throws(SnapshotError) -> SnapshotWriting {
        precondition(
            UInt32(truncatingIfNeeded: number) == frozen.snapshotNumber,
            "the pages are those of this snapshot")
        try state.withLock { state throws(SnapshotError) in
            if let failure = state.failure { throw failure }
            precondition(!state.isWriting, "one snapshot is written at a time")
            if let newest = state.newest {
                precondition(number > newest.number, "numbers of snapshots rise")
                precondition(lastLSN >= newest.lastLSN, "a snapshot does not go back")
            }
            state.isWriting = true
        }
        return SnapshotWriting(
            self,
            content: SnapshotContent(
                uuid: uuid, number: number, lastLSN: lastLSN, frameTime: frameTime,
                extentPageCount: pages.extentPageCount, root: root, segments: segments,
                used: frozen.used),
            frozen: frozen)
    }

    /// The slot that holds neither of the two kept snapshots.
    var freeSlot: Int {
        state.withLock { state in
            (0..<SnapshotLayout.slotCount).first { slot in
                !state.kept.contains { $0.slot == slot }
            }!
        }
    }

    /// The file of `content` is on the disk, and so are its pages and the log up to its last LSN.
    func committed(_ content: SnapshotContent, slot: Int) {
        let both = newest.map { $0.used.union(content.used) } ?? content.used
        let counts = pages.pageCounts(of: both)
        state.withLock { state in
            state.keptPageCounts = counts
            state.kept =
                [
                    Kept(
                        slot: slot, number: content.number, lastLSN: content.lastLSN,
                        segments: content.segments)
                ] + state.kept.prefix(1)
            state.newest = Loaded(
                slot: slot, number: content.number, lastLSN: content.lastLSN,
                frameTime: content.frameTime, root: [], segments: content.segments,
                used: content.used, retained: PageSet())
            state.isWriting = false
        }
    }

    /// A writing is over without a snapshot.
    func givenUp(because error: SnapshotError?) {
        state.withLock { state in
            state.isWriting = false
            if let error, error.isFatal, state.failure == nil { state.failure = error }
        }
    }
}

extension SnapshotStore.Loaded {
    fileprivate func withoutRoot() -> SnapshotStore.Loaded {
        SnapshotStore.Loaded(
            slot: slot, number: number, lastLSN: lastLSN, frameTime: frameTime, root: [],
            segments: segments, used: used, retained: retained)
    }
}
