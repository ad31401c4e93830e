internal import HoldfastEngine
internal import HoldfastModel
internal import HoldfastPages
internal import HoldfastStore
internal import HoldfastWAL
internal import Logging

// What a full volume changes: no enqueue, and snapshots so often that the reserve lasts for ever.
extension CommitLoop {
    static let storageFull = Refusal(
        code: .storageFull,
        message: "the volume of the data directory is full: jobs that are there can be leased and "
            + "acknowledged, which gives space back; enqueue, or create the queue, again then",
        retryAfterMilliseconds: 1_000)

    /// Bytes of log after which a snapshot is taken where space is scarce, so that a segment is given
    /// back when the second one after it is filled; nil where there is plenty.
    var scarceLogByteCountMax: Int? {
        upkeep.storageState == .normal ? nil : log.identity.segmentByteCount / 2
    }

    /// Without a commit for so long the broker counts as idle: where enqueues wait for it, less.
    var idleMilliseconds: Int64 {
        let usual = configuration.snapshots.idleMilliseconds
        return upkeep.storageState == .normal ? usual : min(usual, Self.scarceIdleMilliseconds)
    }

    private static let scarceIdleMilliseconds: Int64 = 500

    /// Called after each commit.
    func watchSpace() {
        let needs = SpaceNeeds(
            liveJobCount: engine.jobCount, usedPageCount: engine.pages.usedPageCount,
            pageNumberMax: engine.pages.usedPages.last ?? 0,
            rootByteCountMax: engine.rootByteCountMax, dirtyPageCountMax: dirtyPageCountMax)
        upkeep.note(needs)
        // The commit may have begun a segment, for which there was no new file.
        upkeep.publishStorageState()
        if upkeep.storageState != storageState { background?.wake() }
        weighReserve()
    }

    /// Nothing more is read where the log could not take what snapshots need a while for; unless they
    /// have given back all that they can.
    ///
    /// Nor where the places for what was taken last are yet to be made, for its pages or in the slots of
    /// snapshots: a volume that is full a moment later would have none for them.
    private func weighReserve() {
        isWaitingForSegments =
            upkeep.storageState == .full
            && log.reservedByteCount < 2 * log.identity.segmentByteCount
            && !upkeep.isAbsorbed(through: engine.lastLSN)
        guard let background, let pageCountAhead = upkeep.pageCountAhead,
            let reservedRootByteCount = upkeep.reservedRootByteCount
        else {
            paidJobCountMax = .max
            paidRootByteCountMax = .max
            return
        }
        // What comes before the next commit is looked at then only.
        paidJobCountMax =
            pageCountAhead < 0
            ? -1 : engine.jobCount + SpaceNeeds.jobCount(paidBy: pageCountAhead)
        // One request more is taken where there is still room for nothing else.
        paidRootByteCountMax = reservedRootByteCount - RootSizes.requestByteCountMax
        if pageCountAhead < upkeep.pageCountAheadMin || !upkeep.isRootAhead { background.hasten() }
    }

    /// Changed pages above which nothing more is read. With little space no more than the reserve is
    /// reckoned for.
    var unwrittenPageCountMax: Int {
        let cached = configuration.memory.cachedPageCountMax
        return upkeep.storageState == .normal
            ? cached : min(cached, SpaceNeeds.changedPageCountMax(dirtyPageCountMax))
    }

    /// Once a second.
    func lookAtSpace() {
        upkeep.lookAtSpace()
        background?.wake()
    }

    /// Called after each piece of upkeep.
    func tellStorageState() {
        let wasWaiting = isWaitingForSegments
        weighReserve()
        resumeReading()
        if !wasWaiting, isWaitingForSegments { beginPass() }
        let state = upkeep.storageState
        guard state != storageState else { return }
        storageState = state
        let reserve = log.reserve
        let metadata: Logger.Metadata = [
            "reserve_segments": "\(reserve.fileCount)",
            "reserve_segments_wanted": "\(reserve.fileCountTarget)",
            "reserve_names": "\(reserve.nameCount)",
            "reserve_names_wanted": "\(reserve.nameCountTarget)",
            "volume_free_bytes": "\(upkeep.freeByteCount ?? 0)",
        ]
        switch state {
        case .normal: logger.notice("the volume has room again", metadata: metadata)
        case .pressure: logger.warning("the volume is almost full", metadata: metadata)
        case .full:
            logger.error(
                "the volume is full: enqueues are refused until there is room", metadata: metadata)
        }
    }
}
