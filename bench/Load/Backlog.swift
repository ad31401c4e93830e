internal import ArgumentParser
internal import Foundation

/// `bench backlog`: what a long queue costs in memory, and how fast it comes and goes.
struct Backlog: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Fills a queue, leaves it alone, drains it; watches the broker's memory.",
        discussion: """
            One connection enqueues all jobs and then leases and acknowledges them one batch after \
            another. The run fails unless every job came once, in its turn.
            """)

    @OptionGroup var broker: BrokerOptions

    @Option(help: "Jobs in the backlog.")
    var jobs: UInt64 = 1_000_000

    @Option(help: "Bytes of each job's payload, 16 at least.")
    var payloadBytes = 1_024

    @Option(help: "Jobs in each request, if they fit into a frame.")
    var batch = 256

    @Option(help: "Seconds between the last enqueue and the first lease.")
    var restSeconds = 5.0

    func validate() throws {
        guard jobs >= 1, payloadBytes >= JobStamp.byteCount, batch >= 1,
            (0...3_600).contains(restSeconds)
        else {
            throw ValidationError(
                "there is a job at least, of 16 bytes, and an hour is the longest")
        }
    }

    func run() throws {
        try broker.withBroker { process in
            let flow = try JobFlow(
                port: process.port, queue: "backlog", batch: batch, payloadByteCount: payloadBytes)
            let sampler = MemorySampler(of: process.identifier, phase: "fill")
            let fillSeconds = try seconds { try flow.fill(jobCount: jobs, depth: 16) }
            try sampler.begin("rest")
            usleep(UInt32(restSeconds * 1e6))
            try sampler.begin("drain")
            let drainSeconds = try seconds { try flow.drain() }
            let phases = try sampler.end()
            if let discrepancy = flow.discrepancy {
                throw BenchFault("the accounts do not agree: \(discrepancy)")
            }
            let peak = try ProcessFigures.memory(of: process.identifier).residentMax
            report(phases, flow, fillSeconds, drainSeconds, peak)
        }
    }

    private func seconds(_ body: () throws -> Void) throws -> Double {
        let start = MonotonicTime.nanoseconds
        try body()
        return Double(MonotonicTime.nanoseconds - start) / 1e9
    }

    private func report(
        _ phases: [MemorySampler.Phase], _ flow: JobFlow, _ fillSeconds: Double,
        _ drainSeconds: Double, _ peak: UInt64
    ) {
        print(
            "\(jobs) jobs of \(payloadBytes) bytes, \(flow.batch) a request: each came once, in its "
                + "turn")
        let times = ["fill": fillSeconds, "drain": drainSeconds]
        var table = FigureTable(["phase", "jobs/s", "most RSS MiB", "last RSS MiB", "samples"])
        for phase in phases {
            table.add([
                phase.name, Figures.shown(times[phase.name].map { Double(jobs) / $0 }, 0),
                Figures.mebibytes(phase.residentMax), Figures.mebibytes(phase.residentLast),
                "\(phase.sampleCount)",
            ])
        }
        print(table.text)
        var figures = Figures("backlog")
        figures.add("jobs", jobs)
        figures.add("payload_bytes", payloadBytes)
        figures.add("batch", flow.batch)
        figures.add("memory_mib", broker.memoryMebibytes)
        figures.add("fill_jobs_per_second", Double(jobs) / fillSeconds, digits: 0)
        figures.add("drain_jobs_per_second", Double(jobs) / drainSeconds, digits: 0)
        for phase in phases { figures.add("\(phase.name)_rss_bytes_max", phase.residentMax) }
        figures.add("rss_peak_bytes", peak)
        figures.add("once_in_order", 1)
        print(figures)
    }
}
