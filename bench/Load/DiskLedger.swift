/// What a store took of the disk at one moment, in bytes.
struct DiskLook {
    /// Payload that had gone through until then.
    let pushed: UInt64
    /// Payloads of jobs that were not done.
    let liveByteCount: UInt64
    let use: DiskUse

    var byteCount: UInt64 { use.byteCount }
    /// Files that wait to become segments.
    var reserve: UInt64 { use["pool"] }
    var besideReserve: UInt64 { byteCount - reserve }
    /// What goes beyond three times the live bytes and the reserve; less than zero where nothing does.
    var overBound: Int64 { Int64(besideReserve) - 3 * Int64(liveByteCount) }

    static let headings = ["disk", "log", "reserve", "other", "live", "beside reserve / live"]

    var row: [String] {
        let log = use["log"]
        return [
            Figures.mebibytes(byteCount), Figures.mebibytes(log), Figures.mebibytes(reserve),
            Figures.mebibytes(besideReserve - log), Figures.mebibytes(liveByteCount),
            liveByteCount > 0
                ? Figures.shown(Double(besideReserve) / Double(liveByteCount), 1) : "-",
        ]
    }
}

/// The looks at a store's directory that matter.
struct DiskLedger {
    private let directory: String
    var immortalCount: UInt64 = 0
    private(set) var largest: DiskLook?
    private(set) var largestBesideReserve: DiskLook?
    /// The furthest beyond three times the live bytes and the reserve.
    private(set) var worst: DiskLook?
    private(set) var last: DiskLook?

    init(directory: String) {
        self.directory = directory
    }

    mutating func look(pushed: UInt64, liveByteCount: UInt64) {
        let look = DiskLook(
            pushed: pushed, liveByteCount: liveByteCount, use: DiskUse(of: directory))
        func larger(_ kept: DiskLook?, by value: (DiskLook) -> Int64) -> DiskLook {
            guard let kept, value(kept) >= value(look) else { return look }
            return kept
        }
        largest = larger(largest) { Int64($0.byteCount) }
        largestBesideReserve = larger(largestBesideReserve) { Int64($0.besideReserve) }
        worst = larger(worst, by: \.overBound)
        last = look
    }
}
