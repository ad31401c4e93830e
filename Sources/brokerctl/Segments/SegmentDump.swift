internal import ArgumentParser
internal import HoldfastConsole
internal import HoldfastModel
internal import HoldfastRecords
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
        help: ArgumentHelp(
            "Only records of this type: ENQUEUE, LEASE, ACK, …, START.", valueName: "type"))
    var type: String?
    @Option(help: ArgumentHelp("Only this segment, by number.", valueName: "n"))
    var segment: UInt64?

    func run() async throws {
        let (identity, log) = try store.open()
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
        let numbers = try store.reading { () throws(LogError) in
            try log.segments().map(\.number)
        }
        if let segment, !numbers.contains(segment) {
            throw Failure(
                .refused,
                "there is no segment \(segment) in \(store.dataDir); `segment list` shows which "
                    + "there are")
        }
        var writer = RecordWriter(format: store.output.format)
        var damages: [LogDamage] = []
        for number in numbers where segment == nil || segment == number {
            var frameTime: Int64 = 0
            var failure: Failure?
            try store.reading { () throws(LogError) in
                try log.examine(segment: number) { item in
                    guard failure == nil else { return }
                    var view: RecordView?
                    switch item {
                    case .damage(let damage):
                        damages.append(damage)
                    case .frame(let frame):
                        frameTime = frame.frameTime
                        if case .start(let start) = frame.content {
                            view = RecordView(start, frame)
                        }
                    case .record(let lsn, let offset, _, let body):
                        view = RecordView(
                            lsn: lsn, segment: number, offset: offset, frameTime: frameTime,
                            body: body, key: key)
                    }
                    guard let view, isWanted(view) else { return }
                    do throws(Failure) {
                        try writer.write(view)
                    } catch {
                        failure = error
                    }
                }
            }
            if let failure { throw failure }
        }
        try writer.flush()
        guard let first = damages.first else { return }
        throw Failure(
            .damage,
            "the log is damaged, first \(first); `segment verify` lists all of it")
    }

    private func isWanted(_ view: RecordView) -> Bool {
        if let lsn {
            guard let number = view.lsn, lsn.range.contains(number) else { return false }
        }
        if let job, !view.jobs.contains(job) { return false }
        if let type, type.uppercased() != view.typeName { return false }
        return true
    }
}

/// Writes records as they come, some hundreds at a time.
private struct RecordWriter {
    private static let gatheredCountMax = 512

    private let format: OutputOptions.Format
    private var table = Table([
        .number("LSN"), .number("SEGMENT"), .number("OFFSET"), .text("TIME"), .text("TYPE"),
        .text("WHAT"),
    ])
    private var gathered: [RecordView] = []

    init(format: OutputOptions.Format) {
        self.format = format
    }

    mutating func write(_ view: RecordView) throws(Failure) {
        gathered.append(view)
        if gathered.count == Self.gatheredCountMax { try flush() }
    }

    mutating func flush() throws(Failure) {
        switch format {
        case .table: try Output.write(table.lines(gathered.map(\.row)))
        case .json: try Output.write(gathered.map { $0.json.text + "\n" }.joined())
        }
        gathered.removeAll(keepingCapacity: true)
    }
}
