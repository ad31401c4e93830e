internal import HoldfastConsole

/// Writes records as they come, some hundreds at a time.
struct RecordWriter {
    private static let gatheredCountMax = 512

    private let format: OutputOptions.Format
    private let previewCount: Int
    private var table = Table([
        .number("LSN"), .number("SEGMENT"), .number("OFFSET"), .text("TIME"), .text("TYPE"),
        .text("WHAT"),
    ])
    private var gathered: [RecordView] = []

    init(format: OutputOptions.Format, previewCount: Int) {
        self.format = format
        self.previewCount = previewCount
    }

    mutating func write(_ view: RecordView) throws(Failure) {
        gathered.append(view)
        if gathered.count == Self.gatheredCountMax { try flush() }
    }

    mutating func flush() throws(Failure) {
        switch format {
        case .table:
            try Output.write(table.lines(gathered.map { $0.row(previewCount: previewCount) }))
        case .json: try Output.write(gathered.map { $0.json.text + "\n" }.joined())
        }
        gathered.removeAll(keepingCapacity: true)
    }
}
