internal import Foundation

/// What a broker has written while so many jobs went through it.
struct WrittenVolume {
    static let counterNames = [
        "zero_filled_bytes", "log_written_bytes", "page_written_bytes", "snapshot_written_bytes",
    ]

    /// The kernel's account and the broker's own, at a moment when nothing is being written.
    struct Account {
        let writtenByteCount: UInt64
        let status: BrokerStatus

        /// Waits until the background work rests: spare segments are made, no snapshot is being
        /// written.
        init(_ process: BrokerProcess, over connection: WireConnection) throws {
            let end = MonotonicTime.nanoseconds + 120_000_000_000
            var writtenByteCount = try ProcessFigures.writtenByteCount(of: process.identifier)
            var quietCount = 0
            while quietCount < 10 {
                guard MonotonicTime.nanoseconds < end else {
                    throw BenchFault("the broker went on writing for two minutes without work")
                }
                usleep(100_000)
                let now = try ProcessFigures.writtenByteCount(of: process.identifier)
                // To answer a status is no write; a timer's commit of 4 KiB is no work either.
                quietCount = now - writtenByteCount <= 65_536 ? quietCount + 1 : 0
                writtenByteCount = now
            }
            status = try BrokerStatus(over: connection)
            self.writtenByteCount = writtenByteCount
        }
    }

    let batch: Int
    let payloadBytes: Int
    let jobCount: UInt64
    let seconds: Double
    let commitCount: UInt64?
    let before: Account
    let after: Account

    /// Whether the broker counts all kinds apart.
    var isTold: Bool { Self.counterNames.allSatisfy { growth($0) != nil } }

    private func growth(_ name: String) -> Double? {
        after.status.growth(of: name, since: before.status).map { Double($0) }
    }

    /// Bytes for each byte of payload.
    private func share(_ byteCount: Double?) -> Double? {
        byteCount.map { $0 / Double(jobCount * UInt64(payloadBytes)) }
    }

    private var written: Double { Double(after.writtenByteCount - before.writtenByteCount) }
    private var zeros: Double? { growth("zero_filled_bytes") }
    private var withoutZeros: Double? { zeros.map { written - $0 } }
    /// What the kernel counts and the broker does not: sidecars, the file system's own blocks.
    private var other: Double? {
        let told = Self.counterNames.compactMap(growth)
        return told.count == Self.counterNames.count ? written - told.reduce(0, +) : nil
    }
    private var jobsPerCommit: Double? { commitCount.map { Double(jobCount) / Double($0) } }

    var row: [String] {
        [
            "\(batch)", "\(jobCount)", Figures.shown(Double(jobCount) / seconds, 0),
            Figures.shown(jobsPerCommit, 1), Figures.shown(share(written), 3),
            Figures.shown(share(zeros), 3), Figures.shown(share(withoutZeros), 3),
            Figures.shown(share(growth("log_written_bytes")), 3),
            Figures.shown(share(growth("page_written_bytes")), 3),
            Figures.shown(share(growth("snapshot_written_bytes")), 3),
            Figures.shown(share(other), 3),
        ]
    }

    var figures: Figures {
        var figures = Figures("amplification")
        figures.add("payload_bytes", payloadBytes)
        figures.add("batch", batch)
        figures.add("jobs", jobCount)
        figures.add("jobs_per_second", Double(jobCount) / seconds, digits: 0)
        func add(_ name: String, _ value: Double?, digits: Int) {
            if let value { figures.add(name, value, digits: digits) }
        }
        add("jobs_per_commit", jobsPerCommit, digits: 1)
        add("written_per_payload", share(written), digits: 4)
        add("without_zeros_per_payload", share(withoutZeros), digits: 4)
        for name in Self.counterNames { add(name + "_per_payload", share(growth(name)), digits: 4) }
        return figures
    }
}
