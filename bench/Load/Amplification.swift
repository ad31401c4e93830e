internal import ArgumentParser
internal import Foundation

/// `bench amplification`: how much the broker writes for each byte that it is given to keep.
struct Amplification: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Bytes written to the disk for each byte of payload, by the size of commits.",
        discussion: """
            For each size a broker of its own on an empty store. One connection has one write to its \
            socket under way: a batch is enqueued, the batch before is acknowledged, and the new one is \
            leased, which makes one commit or two. What is written is what the kernel counts for the \
            broker's process; the filling of spare segments with zeros, which happens ahead and again \
            only for new files, is told apart where the broker's status counts it.
            """)

    @OptionGroup var broker: BrokerOptions

    @Option(help: "Bytes of each job's payload, 16 at least.")
    var payloadBytes = 200

    @Option(help: "Jobs for each size.")
    var jobs: UInt64 = 4_000_000

    @Option(
        help: "Jobs in each enqueue request, separated by commas.",
        transform: { text in
            try text.split(separator: ",").map {
                guard let size = Int($0), (1...1_024).contains(size) else {
                    throw ValidationError("a batch is 1 to 1,024 jobs, not \($0)")
                }
                return size
            }
        })
    var batches = [1, 16, 64, 256, 1_024]

    @Option(help: "Each size ends after so many seconds, with fewer jobs.")
    var secondsMax = 120.0

    func validate() throws {
        guard jobs >= 1, payloadBytes >= JobStamp.byteCount, secondsMax > 0, !batches.isEmpty else {
            throw ValidationError("there is a job at least, of 16 bytes at least")
        }
    }

    func run() throws {
        var table = FigureTable([
            "batch", "jobs", "jobs/s", "jobs/commit", "written", "zeros", "without zeros", "log",
            "pages", "snapshots", "other",
        ])
        var lines: [Figures] = []
        var isTold = true
        for batch in batches {
            let volume = try broker.withBroker { try measure($0, batch: batch) }
            table.add(volume.row)
            lines.append(volume.figures)
            isTold = isTold && volume.isTold
        }
        print("payloads of \(payloadBytes) bytes; written bytes for each byte of payload")
        print(table.text)
        if !isTold {
            print(
                "This broker's status does not say all of "
                    + WrittenVolume.counterNames.joined(separator: ", ")
                    + ": what is missing is shown as -, and zeros are then part of what was written."
            )
        }
        for line in lines { print(line) }
    }

    private func measure(_ process: BrokerProcess, batch: Int) throws -> WrittenVolume {
        let flow = try JobFlow(
            port: process.port, queue: "amplification", batch: batch,
            payloadByteCount: payloadBytes)
        // The first commits make the queue and touch the pages that every later commit uses.
        for _ in 0..<8 { try flow.round() }
        let before = try WrittenVolume.Account(process, over: flow.connection)
        let start = MonotonicTime.nanoseconds
        let end = start + UInt64(secondsMax * 1e9)
        let first = flow.ledger.sentCount
        while flow.ledger.sentCount - first < jobs, MonotonicTime.nanoseconds < end {
            try flow.round()
        }
        let seconds = Double(MonotonicTime.nanoseconds - start) / 1e9
        let jobCount = flow.ledger.sentCount - first
        let commits = try BrokerStatus(over: flow.connection).growth(
            of: "commits", since: before.status)
        try flow.drain()
        if let discrepancy = flow.discrepancy {
            throw BenchFault("the accounts do not agree: \(discrepancy)")
        }
        return WrittenVolume(
            batch: flow.batch, payloadBytes: payloadBytes, jobCount: jobCount, seconds: seconds,
            commitCount: commits, before: before,
            after: try WrittenVolume.Account(process, over: flow.connection))
    }
}
