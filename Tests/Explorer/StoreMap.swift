import HoldfastEngine
import HoldfastPages
import HoldfastRecords
import HoldfastSimulation
import HoldfastSnapshots
import HoldfastStore
import HoldfastWAL

/// Which place of a store is of what kind.
struct StoreMap: Sendable {
    private var kinds: [String: StoreFileKind] = [:]
    private var pages: [UInt32: StoreFileKind] = [:]
    private let extentPageCount: Int
    /// Where the records of a sealed segment end, by its path.
    private(set) var cuts: [String: Int] = [:]
    /// Where each indexed record lies, in every copy of it.
    private(set) var records: [String: [(extent: Range<Int>, lsn: LSN)]] = [:]
    /// The last frame, where nothing in the log says that it was durable.
    private(set) var unsaidFrame: FrameSummary?

    init(_ disk: SimulatedDisk, _ configuration: StoreConfiguration) throws {
        let fileSystem = SimulatedFileSystem(disk)
        let inspection = try StoreInspection(fileSystem, configuration)
        extentPageCount = configuration.snapshotFiles.extentPageCount
        for path in disk.files { kinds[path] = Self.kind(path, inspection.snapshots) }
        for segment in try inspection.log.segments() {
            switch segment.state {
            case .sealed:
                kinds[segment.path] = .sealedSegment
                cuts[segment.path] = segment.usedByteCount
            case .last: kinds[segment.path] = .activeSegment
            case .compacted: kinds[segment.path] = .compactedSegment
            case .empty, .superfluous, .unreadable: kinds[segment.path] = .otherSegment
            }
            try addRecords(of: segment, inspection)
        }
        var found: [UInt32: StoreFileKind] = [:]
        _ = try inspection.restore { engine in
            engine.forEachPage { reference, kind in
                found[reference.number] = Self.kind(kind)
            }
        }
        // A place that is only reserved holds no page yet.
        pages = found.filter { number, _ in
            let (path, offset) = place(ofPage: number)
            return disk.contents(path)?.dropFirst(offset).starts(with: "HPGE".utf8) ?? false
        }
    }

    private mutating func addRecords(
        of segment: LogInspection.Segment, _ inspection: StoreInspection
    ) throws {
        var extents: [(Range<Int>, LSN)] = []
        // Eight bytes of LSN and checksum behind the four of the length.
        func extent(_ offset: Int, _ byteCount: Int) -> Range<Int> {
            offset..<offset + 12 + byteCount
        }
        if segment.isCompacted {
            try IndexedRecords(of: segment, in: inspection.fileSystem)?.forEach {
                lsn, offset, body in
                if let body { extents.append((extent(offset, body.count), lsn)) }
            }
        } else {
            var last: FrameSummary?
            try inspection.log.examine(segment: segment.number) { item in
                switch item {
                case .frame(let frame): last = frame
                case .record(let lsn, let offset, let isIndexed, let body):
                    if isIndexed { extents.append((extent(offset, body.count), lsn)) }
                case .damage: break
                }
            }
            // START vouches for those that were copied, which are of an earlier epoch.
            if segment.state == .last, let last, last.content == .records,
                last.epoch == segment.epoch
            {
                unsaidFrame = last
            }
        }
        records[segment.path] = extents.map { (extent: $0.0, lsn: $0.1) }
    }

    private static func kind(_ path: String, _ snapshots: SnapshotInspection) -> StoreFileKind {
        switch path.split(separator: "/").first {
        case "STORE": return .store
        case "LOCK": return .lock
        case "pool": return .pool
        case "pages": return .otherPage
        case "quarantine": return .quarantine
        case "snap":
            if path == snapshots.newestSlot.map(SnapshotLayout.slot) { return .newestSnapshot }
            if path == snapshots.previousSlot.map(SnapshotLayout.slot) { return .previousSnapshot }
            return .formerSnapshot
        default: return path.hasSuffix(".idx") ? .sidecar : .otherSegment
        }
    }

    private static func kind(_ page: PageKind) -> StoreFileKind {
        switch page {
        case .leaf: .leafPage
        case .branch: .branchPage
        case .chain: .chainPage
        case .bitmap: .bitmapPage
        case .array: .arrayPage
        }
    }

    private func place(ofPage number: UInt32) -> (path: String, offset: Int) {
        let position = Int(number) - 1
        return (
            SnapshotLayout.extent(position / extentPageCount),
            position % extentPageCount * PageFormat.byteCount
        )
    }

    func kind(_ path: String, at offset: Int) -> StoreFileKind {
        let kind = kinds[path] ?? .otherSegment
        guard kind == .otherPage, let extent = Int(path.dropFirst(6).prefix(8)) else { return kind }
        let number = extent * extentPageCount + offset / PageFormat.byteCount + 1
        return pages[UInt32(number)] ?? .otherPage
    }

    /// All that there is anywhere.
    var presentKinds: Set<StoreFileKind> { Set(kinds.values).union(pages.values) }

    /// The births of which a byte lies there.
    func births(_ path: String, at offset: Int) -> Set<LSN> {
        Set((records[path] ?? []).filter { $0.extent.contains(offset) }.map(\.lsn))
    }
}
