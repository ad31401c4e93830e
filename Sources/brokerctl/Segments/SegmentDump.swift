internal import ArgumentParser
internal import HoldfastConsole
internal import HoldfastDisk
internal import HoldfastEngine
internal import HoldfastModel
internal import HoldfastRecords
internal import HoldfastStore
internal import HoldfastWAL

struct SegmentDump: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dump",
        abstract:
            "The records of the log, in their order, past all damage; exit code 4 where there is any."
    )

    @OptionGroup var store: OfflineOptions
    @Option(
        help: ArgumentHelp("Only these records: A..B, A.., ..B or A.", valueName: "lsns"),
        transform: LSNRange.parse)
    var lsn: LSNRange?
    @Option(
        help: ArgumentHelp("Only records that concern this job.", valueName: "id"),
        transform: JobID.parse)
    var job: JobID?
    @Option(
        help: ArgumentHelp("Only records that concern this queue or its jobs.", valueName: "name"))
    var queue: String?
    @Option(
        help: ArgumentHelp(
            "Only records of this type: ENQUEUE, LEASE, ACK, …, START.", valueName: "type"))
    var type: String?
    @Option(help: ArgumentHelp("Only this segment, by number.", valueName: "n"))
    var segment: UInt64?
    @Option(
        help: ArgumentHelp(
            "Characters of a payload that are shown; -o json has all of it.", valueName: "n"))
    var preview = 60
    @Flag(
        help:
            "Goes on with what a running broker writes, and ends when the broker does.")
    var follow = false

    func validate() throws {
        if follow, segment != nil {
            throw ValidationError("--follow shows all segments; leave out --segment")
        }
        if preview < 0 { throw ValidationError("--preview cannot be negative") }
    }

    func run() async throws {
        let inspection = try store.open(mayRun: follow)
        let identity = inspection.identity
        let key = StoreKey(low: identity.keyLow, high: identity.keyHigh)
        if let job, !key.knows(job) {
            throw Failure(
                .refused,
                "job \(job) is not of the store in \(store.dataDir) (\(RefusalCode.unknownJob.name))"
            )
        }
        if let type, !RecordView.isTypeName(type) {
            throw Failure(
                .usage,
                "'\(Escape.line(type))' is no type of record; the types are "
                    + RecordView.typeNames.joined(separator: ", "))
        }
        var dump = RecordDump(
            key: key,
            filter: RecordFilter(
                lsns: lsn, job: job, typeName: type?.uppercased(),
                queue: try queueFilter(inspection)),
            writer: RecordWriter(format: store.output.format, previewCount: preview))
        if follow {
            try await dump.follow(inspection.fileSystem, store)
        } else {
            try show(inspection, &dump)
        }
        guard let damage = dump.firstDamage else { return }
        throw Failure(
            .damage, "the log is damaged, first \(damage); `segment verify` lists all of it")
    }

    private func show(_ inspection: StoreInspection, _ dump: inout RecordDump) throws {
        let segments = try store.reading { () throws(LogError) in
            try inspection.orderedSegments()
        }
        if let segment, !segments.contains(where: { $0.number == segment }) {
            throw Failure(
                .refused,
                "there is no segment \(segment) in \(store.dataDir); `segment list` shows which "
                    + "there are")
        }
        // Of a compacted segment what is not in the ones that it was made of any more.
        var shown = segments.filter { !$0.isCompacted }.compactMap(\.lsns)
        for item in segments where segment == nil || segment == item.number {
            try store.reading { () throws(LogError) in
                guard item.isCompacted else {
                    return try inspection.log.examine(segment: item.number) { dump.take($0) }
                }
                try IndexedRecords(of: item, in: inspection.fileSystem)?.forEach {
                    lsn, offset, body in
                    guard !shown.contains(where: { $0.contains(lsn) }) else { return }
                    dump.take(lsn, offset, body, ofCompacted: item)
                }
                if let lsns = item.lsns { shown.append(lsns) }
            }
            if let failure = dump.failure { throw failure }
        }
        try dump.flush()
    }

    /// Learns whose the numbers of queues were from all QUEUE records that there are.
    private func queueFilter(_ inspection: StoreInspection) throws(Failure) -> QueueFilter? {
        guard let queue else { return nil }
        var filter = QueueFilter(name: queue)
        var log = LogFollowing(inspection.fileSystem)
        _ = try store.reading { () throws(LogError) in
            try log.next { item in
                guard case .record(let lsn, _, _, let body) = item,
                    body.first.map({ $0 & 0x7F }) == RecordType.queue.rawValue,
                    let record = try? EngineRecord(lsn: lsn, body: body)
                else { return }
                filter.noteQueue(lsn, record)
            }
        }
        // Its QUEUE records may have been given back with their segments: then the state knows it.
        if let number = inspection.number(ofQueue: queue) { filter.note(current: number) }
        if filter.spans.isEmpty, !follow {
            throw Failure(
                .refused,
                "no record in \(store.dataDir) is about a queue named '\(Escape.line(queue))'")
        }
        return filter
    }
}

/// Shows records one by one.
struct RecordDump {
    let key: StoreKey
    private var filter: RecordFilter
    private var writer: RecordWriter
    /// In words; nil where all could be read.
    private(set) var firstDamage: String?
    /// Why nothing more can be written.
    private(set) var failure: Failure?
    private var frame: FrameSummary?

    init(key: StoreKey, filter: RecordFilter, writer: RecordWriter) {
        self.key = key
        self.filter = filter
        self.writer = writer
    }

    mutating func take(_ item: SegmentItem) {
        guard failure == nil else { return }
        var view: RecordView?
        switch item {
        case .damage(let damage):
            firstDamage = firstDamage ?? "\(damage)"
        case .frame(let frame):
            self.frame = frame
            if case .start(let start) = frame.content { view = RecordView(start, frame) }
        case .record(let lsn, let offset, _, let body):
            view = RecordView(
                lsn: lsn, segment: frame?.segmentNumber ?? 0, offset: offset,
                frameTime: frame?.frameTime ?? 0, body: body, key: key)
        }
        if let view { show(view) }
    }

    /// A birth of a compacted segment, which has no frames: its time is the job's own.
    mutating func take(
        _ lsn: LSN, _ offset: Int, _ body: UnsafeRawBufferPointer?,
        ofCompacted segment: LogInspection.Segment
    ) {
        guard let body else {
            firstDamage = firstDamage ?? "\(segment.path), offset \(offset), LSN \(lsn)"
            return
        }
        let birth = try? BirthRecord(body)
        show(
            RecordView(
                lsn: lsn, segment: segment.number, offset: offset,
                frameTime: birth?.enqueuedMilliseconds ?? 0, body: body, key: key))
    }

    private mutating func show(_ view: RecordView) {
        guard failure == nil, filter.wants(view) else { return }
        do throws(Failure) {
            try writer.write(view)
        } catch {
            failure = error
        }
    }

    mutating func flush() throws(Failure) {
        if let failure { throw failure }
        try writer.flush()
    }
}
