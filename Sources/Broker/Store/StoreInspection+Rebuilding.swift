internal import HoldfastDisk
package import HoldfastEngine
internal import HoldfastModel
internal import HoldfastPages
package import HoldfastRecords
internal import HoldfastSnapshots
package import HoldfastWAL

/// What a rebuilding found, or would write.
package struct RebuildReport: Sendable {
    /// Why a start is refused as things are.
    package let cause: String
    /// Whether all of the log is there, so that the state is exactly what it was.
    package let isExact: Bool
    package let lastLSN: LSN
    package let segmentCount: Int
    package let recordCount: Int
    /// Records that are gone, as far as that is known.
    package let missing: [ClosedRange<LSN>]
    package let missingCount: UInt64
    /// Damage that was met in the log.
    package let damages: [LogDamage]
    package let jobCount: Int
    package let queueCount: Int
    /// Where the state is not exact.
    package let counts: RebuildCounts
    /// Why a broker would refuse the store even with the state rebuilt: then nothing is written.
    package let obstacle: String?
    /// Files that were put aside; nil where nothing was written.
    package internal(set) var quarantined: [String]?
}

/// Why a store was not rebuilt. Nothing was changed, but where it says so.
package enum RebuildFault: Error, Sendable, CustomStringConvertible {
    /// A start would not be refused.
    case notNeeded
    /// The snapshot is usable; the log is what is wrong.
    case logAlone(String)
    /// The log is such that no state could be written that a start would accept.
    case obstacle(String)
    case store(StoreFault)

    package var description: String {
        switch self {
        case .notNeeded:
            "snapshots and pages are whole as far as a start needs them; there is nothing to rebuild"
        case .logAlone(let reason):
            "snapshot and pages can be used, it is the log that cannot, and a rebuilding mends no "
                + "log: \(reason)"
        case .obstacle(let reason):
            "a broker would refuse the store all the same: \(reason)"
        case .store(let fault): "\(fault)"
        }
    }
}

/// A state that was made from the log alone.
struct RebuiltState: ~Copyable {
    var engine: JobEngine
    var report: RebuildReport
    /// Segments that hold records, and were written to their end.
    let sealed: [SegmentSummary]
    let lastNumber: UInt64?
}

extension StoreInspection {
    /// Makes the state anew from the log, in memory, and says what comes out. Changes nothing.
    package func rebuild() throws(RebuildFault) -> RebuildReport {
        try rebuiltState().report
    }

    func rebuiltState() throws(RebuildFault) -> RebuiltState {
        let cause = try self.cause()
        do throws(LogError) {
            if let state = try fromWholeLog(cause) { return state }
            return try fromRemains(cause)
        } catch {
            throw .store(.log(error))
        }
    }

    /// Why a start is refused, or a broker would end as soon as it needs a certain page.
    private func cause() throws(RebuildFault) -> String {
        do throws(StoreFault) {
            try readEveryPage()
        } catch {
            switch error {
            case .directory: throw .store(error)
            case .page, .root: return "\(error)"
            case .unreadableSnapshots(_, let fault):
                // A disk that does not answer has lost nothing.
                if case .read = fault { throw .store(error) }
                return "\(error)"
            case .snapshots(let fault):
                switch fault {
                // Another version's, another store's, or a disk that does not answer: not lost.
                case .otherVersion, .foreign, .read: throw .store(error)
                case .full, .failed: return "\(error)"
                }
            case .log(let fault):
                // With a usable snapshot it is the log alone that has to be mended.
                if case .read = fault { throw .store(error) }
                guard snapshots.newest == nil else { throw .logAlone("\(fault)") }
                return "\(error)"
            }
        }
        throw .notNeeded
    }

    // MARK: The whole log

    /// - Returns: nil where the log is not whole from its first record on.
    private func fromWholeLog(_ cause: String) throws(LogError) -> RebuiltState? {
        var engine = emptyEngine()
        let replay: LogReplay
        do throws(LogError) {
            replay = try LogReplay(
                fileSystem, from: nil, begin: { engine.pages.beginStamps(epoch: Self.epoch($0)) },
                replay: { lsn, frameTime, body in
                    try engine.replay(lsn: lsn, frameTime: frameTime, body: body)
                })
        } catch {
            switch error {
            case .damaged, .unreadable, .snapshotMissing, .olderThanSnapshot: return nil
            case .read, .failed, .full, .closed: throw error
            }
        }
        let segments = try log.segments()
        let report = RebuildReport(
            cause: cause, isExact: true, lastLSN: replay.lastLSN, segmentCount: segments.count,
            recordCount: replay.recordCount, missing: [], missingCount: 0, damages: [],
            jobCount: engine.jobCount, queueCount: engine.queueCount, counts: RebuildCounts(),
            obstacle: nil)
        return RebuiltState(
            engine: engine, report: report, sealed: try LogParts(self).listing,
            lastNumber: segments.last { $0.state == .last }?.number)
    }

    /// The number of the last opening: the files with its pages are put aside, so that its stamps may
    /// be given out again, and the next opening has others.
    static func epoch(_ next: UInt32) -> UInt32 { max(1, next - 1) }

    func emptyEngine() -> JobEngine {
        let pages = PageSpace(
            limits: configuration.pages, storeUUID: (identity.uuid.high, identity.uuid.low),
            snapshotNumber: UInt32(truncatingIfNeeded: nextSnapshotNumber),
            source: { _, _, _ in false })
        return JobEngine(
            configuration: Store.engineConfiguration(identity, configuration), pages: pages)
    }

    /// Above that of every snapshot that says its number, whole or not.
    private var nextSnapshotNumber: UInt64 {
        let known = snapshots.slots.map { slot -> UInt64 in
            switch slot {
            case .whole(let summary): summary.number
            case .passedOver(_, let number): number ?? 0
            case .empty, .otherVersion, .foreign, .unreadable: 0
            }
        }
        return (known.max() ?? 0) + 1
    }
}
