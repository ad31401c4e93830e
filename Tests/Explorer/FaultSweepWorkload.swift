import HoldfastPages
import HoldfastSnapshots
import HoldfastStore

/// One thing that a swept store does, or that is done to it.
enum SweepStep: Sendable {
    case open
    case enqueue(
        Int, byteCount: Int = 60, delayMilliseconds: UInt64 = 0, queue: Int = 0,
        attemptCountMax: UInt32 = 5)
    case lease(Int, queue: Int = 0, milliseconds: UInt32 = 600_000)
    case ack(Int)
    case nack(Int)
    case expire
    /// All jobs of a queue, as a purge would.
    case cancelAll(queue: Int)
    case redrive(queue: Int)
    /// Makes the open batch durable; a moment passes.
    case commit
    case pass(Int64)
    /// So many pieces of background work at most.
    case upkeep(Int)
    case snapshot
    /// Background work until there is none.
    case settle
    /// Snapshots of one moment, and all that they make possible.
    case idle
    /// The births of all live jobs.
    case read
    case scrub
    case close
    /// The process ends; what it wrote is in the page cache.
    case kill
}

/// The twelve lives in which each call fails or lies in its turn: F9, F11, F12, and of F7 what a
/// disk does by itself.
package enum SweepWorkload: String, Sendable, CaseIterable {
    case append, roll, snapshot, spill, due, compact, release, cancel, recover, restore, quarantine
    case close

    /// Whether the calls of the first opening are swept too, and not only those behind it.
    var sweepsOpening: Bool {
        switch self {
        case .append, .recover, .restore, .quarantine: true
        case .roll, .snapshot, .spill, .due, .compact, .release, .cancel, .close: false
        }
    }

    /// Whether something in the log is damaged between the prologue and the act.
    var isDamaged: Bool { self == .quarantine }

    var layout: StoreLayout {
        var layout = StoreLayout(seed: 1)
        layout.configuration.segmentByteCount = 32 << 10
        layout.configuration.leaseCountMax = 64
        layout.configuration.dueCountMax = 3
        layout.configuration.recentAckCount = 8
        layout.configuration.pages.nodeEntryCountMax = self == .spill ? 4 : 8
        layout.configuration.pages.chainEntryCountMax = self == .spill ? 2 : 8
        layout.configuration.pages.bitmapBitCount = 128
        layout.configuration.pages.arrayElementCountMax = 8
        layout.configuration.pages.cachedPageCountMax = self == .spill ? 2 : 16
        layout.configuration.pages.readAheadPageCount = 1
        layout.configuration.snapshotFiles.extentPageCount = 4
        layout.configuration.snapshotFiles.writeByteCountMax = 8_192
        layout.configuration.snapshotFiles.pieceByteCountMax = 16_384
        layout.configuration.snapshotFiles.openExtentCountMax = 2
        layout.configuration.snapshotFiles.quarantinedCountMax = 2
        layout.configuration.onDamage = isDamaged ? .quarantine : .refuse
        // Snapshots are steps of their own.
        layout.snapshotCommitCount = .max
        return layout
    }

    /// What was there before; nothing fails in it.
    var prologue: [SweepStep] {
        let young: [SweepStep] = [
            .open, .enqueue(3), .commit, .lease(1), .commit, .enqueue(1, byteCount: 500), .commit,
        ]
        switch self {
        case .append: return []
        case .roll: return young
        case .snapshot, .close: return young + [.enqueue(8), .commit, .ack(1), .commit]
        case .spill:
            return young
                + Self.rounds(4) { _ in
                    [.enqueue(5), .enqueue(3, queue: 1), .commit, .lease(2), .commit]
                } + [.idle, .kill]
        case .due:
            return young + [
                .enqueue(5, delayMilliseconds: 1_000), .enqueue(4, delayMilliseconds: 3_000),
                .commit, .enqueue(2, delayMilliseconds: 60_000), .lease(2, milliseconds: 1_500),
                .commit, .idle, .kill,
            ]
        case .compact: return young + Self.sparse(5) + [.idle]
        case .release:
            return young
                + Self.rounds(6) { _ in
                    [.enqueue(4, byteCount: 600), .commit, .lease(8), .commit, .ack(8), .commit]
                } + [.idle]
        case .cancel:
            return young + [
                .enqueue(9), .enqueue(4, queue: 1, attemptCountMax: 1), .commit,
                .lease(4, queue: 1), .commit, .nack(4), .commit, .idle, .kill,
            ]
        case .recover:
            return young + [
                .idle, .enqueue(2), .commit, .ack(1), .commit, .enqueue(2, byteCount: 5_000),
                .commit, .lease(2), .commit, .enqueue(1), .commit,
            ]
        case .restore: return young + Self.sparse(3) + [.idle, .enqueue(2), .commit, .close]
        case .quarantine:
            return young + [
                .idle, .enqueue(3), .commit, .lease(2), .commit, .enqueue(2), .commit, .ack(1),
                .commit, .enqueue(2, queue: 1), .commit,
            ]
        }
    }

    /// What is swept. Begins with an opening.
    var act: [SweepStep] {
        switch self {
        case .append:
            return [
                .open, .enqueue(2), .commit, .lease(2), .commit, .ack(1), .commit,
                .enqueue(2, byteCount: 3_000), .commit, .nack(1), .commit, .read, .upkeep(4),
                .enqueue(1), .commit, .read,
            ]
        case .roll:
            return [.open]
                + Self.rounds(5) { round in
                    [
                        .enqueue(1, byteCount: 3_000), .commit, .lease(1), .commit, .upkeep(round),
                        .enqueue(1), .commit,
                    ]
                } + [.enqueue(1, byteCount: 40_000), .commit, .read, .settle, .enqueue(1), .commit]
        case .snapshot:
            return [
                .open, .snapshot, .upkeep(3), .enqueue(2), .commit, .settle, .ack(1), .commit,
                .snapshot, .upkeep(2), .lease(2), .commit, .settle, .enqueue(1), .commit,
                .snapshot, .settle, .read,
            ]
        case .spill:
            return [
                .open, .lease(3), .commit, .ack(2), .commit, .enqueue(4), .commit,
                .lease(6, queue: 1), .commit, .snapshot, .settle, .ack(6), .commit, .read,
                .snapshot, .settle, .lease(4), .commit,
            ]
        case .due:
            return [
                .open, .pass(1_200), .commit, .expire, .commit, .pass(2_000), .commit, .lease(4),
                .commit, .snapshot, .settle, .nack(2), .commit, .pass(70_000), .commit, .expire,
                .commit, .read,
            ]
        case .compact: return [.open, .idle, .read, .enqueue(1), .commit, .idle, .scrub, .read]
        case .release:
            return [
                .open, .enqueue(1), .commit, .idle, .settle, .enqueue(3, byteCount: 3_000),
                .commit, .upkeep(3), .enqueue(3, byteCount: 3_000), .commit, .idle,
                .enqueue(1), .commit, .read,
            ]
        case .cancel:
            return [
                .open, .cancelAll(queue: 0), .commit, .redrive(queue: 1), .commit, .snapshot,
                .settle, .lease(2, queue: 1), .commit, .cancelAll(queue: 1), .commit, .idle,
                .enqueue(2), .commit, .read,
            ]
        case .recover:
            return [
                .open, .read, .enqueue(1), .commit, .kill, .open, .ack(1), .commit, .kill, .open,
                .read,
            ]
        case .restore:
            return [
                .open, .read, .lease(2), .commit, .snapshot, .settle, .kill, .open, .read,
                .enqueue(1), .commit, .settle,
            ]
        case .quarantine:
            return [
                .open, .read, .enqueue(2), .commit, .lease(1), .commit, .settle, .kill, .open,
                .read, .enqueue(1), .commit,
            ]
        case .close:
            return [
                .open, .enqueue(2), .commit, .upkeep(2), .close, .open, .read, .lease(1), .commit,
                .snapshot, .upkeep(2), .close,
            ]
        }
    }

    private static func rounds(_ count: Int, _ steps: (Int) -> [SweepStep]) -> [SweepStep] {
        (0..<count).flatMap(steps)
    }

    /// Segments of which a job or two are left.
    private static func sparse(_ count: Int) -> [SweepStep] {
        rounds(count) { _ in
            [
                .enqueue(1, queue: 1), .enqueue(5, byteCount: 400), .commit, .lease(8), .commit,
                .ack(8), .commit,
            ]
        }
    }
}
