import HoldfastDisk
import HoldfastSimulation

/// A border at which a crash came. An exploration that never came to one has proved nothing about
/// it, so it fails.
package enum Crossing: String, Sendable, CaseIterable {
    case making = "store made"
    case opening
    case copies = "recovery copies"
    case recycling = "segment recycled"
    case quarantine
    case append
    case longAppend = "append of several blocks"
    case roll
    case spare = "spare prepared"
    case sidecar
    case closing
    case snapshotPages = "snapshot pages"
    case snapshotFile = "snapshot file"
    case release = "segment released"
    case leafPage = "leaf page"
    case branchPage = "branch page"
    case chainPage = "chain page"
    case bitmapPage = "bitmap page"
    case arrayPage = "array page"
    // What the batch says that was being written.
    case birth = "birth"
    case lease = "lease"
    case ack = "ack"
    case returning = "return"
    case reject = "reject"
    case due = "due moved"
    case heartbeat = "heartbeat"
    case cancel = "cancel"
    case redrive = "redrive"
    case queue = "queue change"
    case producer = "producer"
    /// A second crash, in the opening after the first, and in what followed it.
    case nestedOpening = "crash in recovery"
    case nestedLater = "crash after recovery"

    /// What every store comes to.
    package static let log: Set<Crossing> = [
        .making, .opening, .copies, .recycling, .append, .longAppend, .roll, .spare, .sidecar,
        .closing, .birth, .lease, .ack, .returning, .reject, .due, .heartbeat, .cancel, .redrive,
        .queue, .producer,
    ]
    /// What one with snapshots comes to besides.
    package static let snapshots: Set<Crossing> = [
        .snapshotPages, .snapshotFile, .release, .leafPage, .branchPage, .chainPage, .bitmapPage,
        .arrayPage, .quarantine,
    ]
    package static let nested: Set<Crossing> = [.nestedOpening, .nestedLater]

    /// - Parameter recordNames: of the batch that may be under way.
    static func kinds(
        of moment: SimulatedMoment, recordNames: @autoclosure () -> Set<String>
    ) -> [Crossing] {
        let path = moment.next.path
        switch moment.activity {
        case Activity.opening: return opening(moment)
        case Activity.appending:
            let write = moment.disk.inFlightWrite
            guard path.hasPrefix("log/"), moment.next.call != .rename, let write else {
                return path.hasPrefix("log/") && moment.next.call == .writeDurably
                    ? [.append] : [.roll]
            }
            // The first frame of a segment is its START.
            if write.offset == moment.disk.blockByteCount { return [.roll] }
            return
                (write.bytes.count > moment.disk.blockByteCount
                ? [.append, .longAppend] : [.append])
                + recordNames().compactMap { byRecordName[$0] }
        case Activity.maintaining: return maintaining(moment)
        case Activity.closing: return [.closing] + maintaining(moment)
        default: return []
        }
    }

    private static func opening(_ moment: SimulatedMoment) -> [Crossing] {
        let path = moment.next.path
        var kinds = [Crossing.opening]
        if path.hasPrefix("STORE") { kinds.append(.making) }
        if path.hasPrefix("quarantine") { kinds.append(.quarantine) }
        if path.hasPrefix("pool/"), moment.next.call == .rename { kinds.append(.recycling) }
        // Behind headers and START come the copies; the last block is the second header.
        if path.hasPrefix("pool/"), let write = moment.disk.inFlightWrite,
            write.offset >= 2 * moment.disk.blockByteCount,
            !write.bytes.starts(with: "HFSEGMNT".utf8)
        {
            kinds.append(.copies)
        }
        return kinds
    }

    private static func maintaining(_ moment: SimulatedMoment) -> [Crossing] {
        let path = moment.next.path
        if path.hasSuffix(".idx") { return [.sidecar] }
        if path.hasPrefix("pages") { return [.snapshotPages] + pageKinds(moment) }
        if path.hasPrefix("quarantine") { return [.quarantine] }
        if path.hasPrefix("snap") { return [.snapshotFile] }
        // A segment's file goes back to the pool, or to the volume.
        let isRelease =
            moment.next.call == .rename && path.hasSuffix(".raw")
            || moment.next.call == .remove && path.hasSuffix(".seg")
            || moment.next.call == .syncDirectory && path == "log"
        if isRelease { return [.release] }
        return path.hasPrefix("pool") ? [.spare] : []
    }

    /// By the headers of the pages that are being written.
    private static func pageKinds(_ moment: SimulatedMoment) -> [Crossing] {
        guard let write = moment.disk.inFlightWrite else { return [] }
        var kinds: Set<Crossing> = []
        for start in stride(from: 0, to: write.bytes.count, by: 4096)
        where write.bytes[start...].starts(with: "HPGE".utf8) && start + 14 <= write.bytes.count {
            switch write.bytes[start + 12] {
            case 1: kinds.insert(.leafPage)
            case 2: kinds.insert(.branchPage)
            case 3: kinds.insert(.chainPage)
            case 4: kinds.insert(.bitmapPage)
            case 5: kinds.insert(.arrayPage)
            default: break
            }
        }
        return Array(kinds)
    }

    private static let byRecordName: [String: Crossing] = [
        "ENQUEUE": .birth, "LEASE": .lease, "ACK": .ack, "RETURN": .returning, "REJECT": .reject,
        "DUE": .due, "HEARTBEAT": .heartbeat, "CANCEL": .cancel, "REDRIVE": .redrive,
        "QUEUE": .queue, "PRODUCER": .producer,
    ]
}
