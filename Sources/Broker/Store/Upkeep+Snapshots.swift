internal import HoldfastEngine
internal import HoldfastMutants
internal import HoldfastPages
internal import HoldfastSnapshots
internal import HoldfastWAL
internal import Synchronization

// The writing of a snapshot that was taken, on the background thread.
extension Upkeep {
    func isDurable(_ order: Order) -> Bool {
        log.durableLSN >= order.image.lastLSN || Mutant.snapshotOfUnsyncedRecords.isOn
    }

    func begin(_ order: Order, _ work: inout Work) throws(StoreFault) {
        var order = order
        // Not before the snapshot's last record is durable: with it a segment may have been sealed.
        order.segments = log.searchedSegments.compactMap { segment in
            guard segment.nextLSN <= order.image.lastLSN + 1, let lsns = segment.lsns else {
                return nil
            }
            let liveCount = zip(order.ranges, order.image.liveCounts).reduce(0) { sum, counted in
                lsns.overlaps(counted.0) ? sum + counted.1 : sum
            }
            return liveCount > 0 ? SnapshotSegment(segment, liveCount: UInt64(liveCount)) : nil
        }
        let lastLSN =
            Mutant.snapshotOverwritesLaterAck.isOn
            ? max(order.image.lastLSN, log.durableLSN) : order.image.lastLSN
        do throws(SnapshotError) {
            work.writing = (
                try snapshots.begin(
                    number: UInt64(order.image.pages.snapshotNumber), lastLSN: lastLSN,
                    frameTime: order.image.frameTime, root: order.image.root,
                    segments: order.segments, frozen: order.image.pages), order
            )
        } catch {
            try giveUp(order, error)
        }
    }

    func write(_ work: inout Work) throws(StoreFault) -> SnapshotWriting.Progress {
        guard let (writing, order) = work.writing else { return .more }
        // Its slot is in use then, and the next one may have to be longer.
        work.securedSlotByteCount = 0
        do throws(SnapshotError) {
            let progress = try writing.step(durableLSN: log.durableLSN)
            if progress == .committed {
                work.writing = nil
                committed(order, &work)
                // A small snapshot after a large one does not say that the next will be small.
                work.sparePageCount = max(
                    order.image.pages.count, work.sparePageCount - work.sparePageCount / 8)
                work.isTrimming = true
                pageByteCount.add(writing.writtenByteCount.pages, ordering: .relaxed)
                snapshotByteCount.add(writing.writtenByteCount.file, ordering: .relaxed)
                committedLSN.store(order.image.lastLSN, ordering: .releasing)
                state.withLock { state in
                    state.outcome = .committed(order.image.pages)
                    state.isSettled = false
                }
            }
            return progress
        } catch {
            work.writing = nil
            try giveUp(order, error)
            return .more
        }
    }

    /// Files of pages that are removed in one step.
    private static let trimmedCountMax = 4

    /// Removes files of pages that no kept snapshot needs, nor the next ones will.
    ///
    /// - Returns: whether there were any.
    func trim(_ work: inout Work) throws(StoreFault) -> Bool {
        guard work.isTrimming else { return false }
        do throws(SnapshotError) {
            let wanted = state.withLock { $0.space.wantedPageCount }
            let count = try snapshots.trim(
                sparePageCount: max(wanted, work.sparePageCount), countMax: Self.trimmedCountMax)
            work.isTrimming = count == Self.trimmedCountMax
            return count > 0
        } catch {
            throw .snapshots(error)
        }
    }

    /// No space for a snapshot is survivable: the log has everything. Anything else is not.
    private func giveUp(_ order: Order, _ error: SnapshotError) throws(StoreFault) {
        guard case .full = error else { throw .snapshots(error) }
        state.withLock { $0.outcome = .abandoned(order.image.pages, error) }
    }
}
