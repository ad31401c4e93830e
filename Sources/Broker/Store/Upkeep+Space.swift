internal import HoldfastEngine
internal import HoldfastPages
package import HoldfastRecords
internal import HoldfastSnapshots
internal import HoldfastWAL
internal import Synchronization

// The reserve of space: made while the volume has room, so that a full one stops nothing but
// enqueues.
extension Upkeep {
    /// The reserve as the background thread last left it. Under the lock of both sides.
    struct Space {
        /// Places for pages that there should be, and that there are.
        var wantedPageCount = 0
        var reservedPageCount = 0
        /// What the root of a snapshot should find room for in every slot, and what it does find there.
        var wantedRootByteCount = 0
        var reservedRootByteCount = 0
        var pageNumberMax = 0
        /// Whether the volume had no room for a file of the snapshots'.
        var isRefused = false
        /// Whether refusals are to be tried again, and the volume to be asked.
        var isLookDue = true
        var freeByteCount: Int?
    }

    // MARK: For the engine's owner

    package var storageState: StorageState {
        StorageState(rawValue: storage.load(ordering: .relaxed)) ?? .normal
    }

    /// What the volume had free when it was last asked, in bytes; nil where it does not say.
    package var freeByteCount: Int? { state.withLock { $0.space.freeByteCount } }

    /// Places for pages that are ready.
    package var reservedPageCount: Int { state.withLock { $0.space.reservedPageCount } }

    /// Says what has to lie ready.
    package func note(_ needs: SpaceNeeds) {
        // A part ahead, so that it is ready before it is needed.
        let wanted = needs.sparePageCount + snapshots.pages.extentPageCount
        let wantedRoot =
            needs.rootByteCountMax + RootSizes.requestByteCountMax + snapshots.slotGrowthByteCount
        state.withLock { state in
            state.space.wantedPageCount = wanted
            state.space.wantedRootByteCount = wantedRoot
            // New ones are the lowest that are free.
            state.space.pageNumberMax = Int(needs.pageNumberMax) + wanted
        }
    }

    /// What was refused is tried again, and the volume asked how much it has free: once a second.
    package func lookAtSpace() { state.withLock { $0.space.isLookDue = true } }

    /// Places for pages beyond what was last said to be needed; negative where some are yet to be made for
    /// what was taken. nil where the volume has refused one: nothing more is taken then.
    package var pageCountAhead: Int? {
        let ahead = snapshots.pages.extentPageCount
        return state.withLock { state in
            if state.space.isRefused { return nil }
            return state.space.reservedPageCount - (state.space.wantedPageCount - ahead)
        }
    }

    /// With fewer places ahead the next are made before all else, so that serving need not wait for them.
    package var pageCountAheadMin: Int { snapshots.pages.extentPageCount / 2 }

    /// The longest root that every slot has room for, in bytes. nil where the volume has refused one more:
    /// nothing that makes it longer is taken then.
    package var reservedRootByteCount: Int? {
        state.withLock { $0.space.isRefused ? nil : $0.space.reservedRootByteCount }
    }

    /// Where less than half of what there should be ahead of the root is there, the slots are made longer
    /// before all else.
    package var isRootAhead: Bool {
        let half = snapshots.slotGrowthByteCount / 2
        return state.withLock {
            $0.space.reservedRootByteCount >= $0.space.wantedRootByteCount - half
        }
    }

    /// Whether another snapshot would help to give space back.
    package func wouldGain(through lastLSN: LSN) -> Bool {
        snapshots.previousLastLSN < lastLSN || wantsSnapshot(through: lastLSN)
    }

    /// Whether snapshots have given back all that they can.
    package func isAbsorbed(through lastLSN: LSN) -> Bool {
        !wouldGain(through: lastLSN) && state.withLock { !$0.isBusy && $0.isSettled }
    }

    // MARK: For the background thread

    /// What does not wait until a snapshot is written, for commits go on meanwhile: names and files of the log,
    /// and places for pages, where few are left. One file of each at most.
    ///
    /// - Returns: whether serving waits for more places.
    func restoreReserve(_ work: inout Work) throws(StoreFault) -> Bool {
        let reserve = log.reserve
        if reserve.isRefused || reserve.fileCount <= Self.urgentFileCountMax
            || reserve.nameCount < reserve.nameCountTarget
        {
            do throws(LogError) {
                _ = try log.restoreReserve()
            } catch {
                throw .log(error)
            }
        }
        guard let pageCountAhead, pageCountAhead < pageCountAheadMin || !isRootAhead else {
            return false
        }
        let space = state.withLock { $0.space }
        let isMore = try secure(space.wantedPageCount, space, &work)
        countReserve()
        return isMore && (self.pageCountAhead.map { $0 < 0 || !isRootAhead } ?? false)
    }

    /// With so few files of the reserve the next one does not wait for a snapshot that is written: a new
    /// file costs the disk some milliseconds, which commits would notice.
    private static let urgentFileCountMax = 3

    /// Looks after which the log counts as quiet.
    private static let quietLookCountMin = 5

    /// Asks the volume, where that is due.
    func look(_ work: inout Work) {
        let isDue = state.withLock { state in
            defer { state.space.isLookDue = false }
            return state.space.isLookDue
        }
        guard isDue else { return }
        work.isSpaceRefused = false
        log.retryRefused()
        let free = log.volumeFreeByteCount
        state.withLock { $0.space.freeByteCount = free }
        let lastLSN = log.durableLSN
        work.quietLookCount = lastLSN == work.lookedLSN ? work.quietLookCount + 1 : 0
        work.lookedLSN = lastLSN
        if work.quietLookCount >= Self.quietLookCountMin, work.sparePageCount > 0 {
            work.sparePageCount = 0
            work.isTrimming = true
        }
    }

    /// Makes one file of the reserve, or gives one back that is not needed.
    ///
    /// - Returns: whether there is more to do.
    func secureSpace(_ work: inout Work) throws(StoreFault) -> Bool {
        let space = state.withLock { $0.space }
        if work.isSpaceRefused || work.quietLookCount >= Self.quietLookCountMin,
            log.reserve.hasSurplus
        {
            do throws(LogError) {
                try log.giveSpareSegmentBack()
            } catch {
                throw .log(error)
            }
            // There is room now.
            work.isSpaceRefused = false
            return true
        }
        let wanted = max(space.wantedPageCount, work.sparePageCount)
        if try secure(wanted, space, &work) { return true }
        do throws(LogError) {
            if try log.prepareSpareSegments(isRoomy: space.freeByteCount ?? 0 >= roomyByteCount) {
                return true
            }
        } catch {
            throw .log(error)
        }
        return false
    }

    /// Makes one file of pages, or a slot longer, where that is needed.
    ///
    /// - Returns: whether it did.
    private func secure(
        _ sparePageCount: Int, _ space: Space, _ work: inout Work
    ) throws(StoreFault) -> Bool {
        guard sparePageCount > 0, !work.isSpaceRefused else { return false }
        // Those that there are, and all that can come before anybody looks again.
        let listsByteCount = SnapshotFormat.byteCountBesideRoot(
            segmentCount: log.status.segmentCount + log.reserve.fileCount
                + Self.segmentCountAhead, pageNumberMax: space.pageNumberMax)
        let slotByteCount = space.wantedRootByteCount + listsByteCount
        defer {
            let byteCount = work.securedSlotByteCount - listsByteCount
            if byteCount > 0 { state.withLock { $0.space.reservedRootByteCount = byteCount } }
        }
        // Looked at often, and changed by snapshots only.
        let isSecured =
            work.securedSlotByteCount >= slotByteCount
            && snapshots.sparePageCount >= sparePageCount
        if isSecured { return false }
        do throws(SnapshotError) {
            if try snapshots.reserve(sparePageCount: sparePageCount, slotByteCount: slotByteCount) {
                return true
            }
            work.securedSlotByteCount = slotByteCount
            state.withLock { $0.space.isRefused = false }
        } catch {
            guard case .full = error else { throw .snapshots(error) }
            work.isSpaceRefused = true
            work.securedSlotByteCount = 0
            state.withLock { $0.space.isRefused = true }
        }
        return false
    }

    private static let segmentCountAhead = 64

    /// After each piece of work: what snapshots have taken of the places, and what was made.
    func countReserve() {
        let count = snapshots.sparePageCount
        state.withLock { $0.space.reservedPageCount = count }
    }

    /// Finds out anew how the store stands. Any thread may call.
    package func publishStorageState() {
        let reserve = log.reserve
        let next: StorageState = state.withLock { state in
            if state.space.isRefused || reserve.isRefused && !reserve.isWhole { return .full }
            return state.space.freeByteCount ?? .max < roomyByteCount ? .pressure : .normal
        }
        storage.store(next.rawValue, ordering: .relaxed)
    }
}
