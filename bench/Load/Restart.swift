internal import ArgumentParser
internal import Foundation
internal import HoldfastModel
internal import HoldfastProtocol
internal import NIOCore

/// `bench restart`: how long a broker that was killed takes until it gives out a job again.
struct Restart: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Kills a broker with a backlog, and measures each start until its first lease.",
        discussion: """
            Fills an empty store, kills the broker (SIGKILL) at a random moment after that, and starts \
            it again and again. A start is measured from before the process is made until a client, \
            which tries to connect every millisecond, has received a job.
            """)

    @OptionGroup var broker: BrokerOptions

    @Option(help: "Jobs in the backlog.")
    var jobs: UInt64 = 1_000_000

    @Option(help: "Bytes of each job's payload, 16 at least.")
    var payloadBytes = 1_024

    @Option(help: "Starts that are measured.")
    var runs = 5

    @Option(help: "The first kill comes up to so many seconds after the last enqueue was answered.")
    var settleSeconds = 5.0

    @Flag(help: "Drop the store's files from the kernel's cache before each start.")
    var cold = false

    func validate() throws {
        guard jobs > UInt64(max(runs, 0)), runs >= 1 else {
            throw ValidationError("there is a start at least, and a job for each and one more")
        }
        guard payloadBytes >= JobStamp.byteCount, (0...3_600).contains(settleSeconds) else {
            throw ValidationError("a payload has 16 bytes at least, and an hour is the longest")
        }
    }

    func run() throws {
        let (starts, settled) = try broker.withBroker { process in
            let flow = try JobFlow(
                port: process.port, queue: "restart", batch: 256, payloadByteCount: payloadBytes)
            try flow.fill(jobCount: jobs, depth: 16)
            let settled = Double.random(in: 0...settleSeconds)
            usleep(UInt32(settled * 1e6))
            try process.checkRunning()
            process.kill()
            var starts: [MeasuredStart] = []
            for _ in 0..<runs {
                if cold { try PageCache.drop(filesBelow: process.dataDirectory) }
                starts.append(
                    try MeasuredStart(process, queue: "restart", number: starts.count + 2))
                process.kill()
                // All were answered, and none was acknowledged since.
                guard let found = starts.last?.readyFields["jobs"], found == "\(jobs)" else {
                    throw BenchFault(
                        "\(jobs) jobs were enqueued, and start \(starts.count) found "
                            + (starts.last?.readyFields["jobs"] ?? "none"))
                }
            }
            return (starts, settled)
        }
        report(starts, settled: settled)
    }

    private func report(_ starts: [MeasuredStart], settled: Double) {
        print(
            "\(jobs) jobs of \(payloadBytes) bytes, killed \(Figures.shown(settled, 2)) s after the "
                + "last was enqueued\(cold ? ", store not in the kernel's cache" : "")")
        var table = FigureTable(
            ["start", "first lease ms", "ready line ms", "RSS MiB", "peak MiB", "said"])
        for (index, start) in starts.enumerated() {
            table.add([
                "\(index + 1)", Figures.shown(start.milliseconds, 1),
                start.readyFields["milliseconds"] ?? "-",
                Figures.mebibytes(start.memory.resident),
                Figures.mebibytes(start.memory.residentMax),
                ["jobs", "leases", "snapshot_lsn", "records", "cut_bytes"].compactMap { name in
                    start.readyFields[name].map { "\(name)=\($0)" }
                }.joined(separator: " "),
            ])
        }
        print(table.text)
        let times = starts.map(\.milliseconds)
        var figures = Figures("restart")
        figures.add("jobs", jobs)
        figures.add("payload_bytes", payloadBytes)
        figures.add("runs", runs)
        figures.add("cold", cold ? 1 : 0)
        figures.add("first_lease_ms_median", Figures.median(times), digits: 1)
        figures.add("first_lease_ms_min", times.min() ?? .nan, digits: 1)
        figures.add("first_lease_ms_max", times.max() ?? .nan, digits: 1)
        figures.add("rss_bytes_max", starts.map(\.memory.resident).max())
        figures.add("rss_peak_bytes_max", starts.map(\.memory.residentMax).max())
        print(figures)
    }
}
