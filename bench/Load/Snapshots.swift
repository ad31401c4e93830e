internal import ArgumentParser
internal import Foundation
internal import Synchronization

/// `bench snapshots`: what a client notices of a snapshot that is being written.
struct Snapshots: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Latency of commits while a snapshot is being written, and while none is.",
        discussion: """
            Beside a steady load, one connection enqueues one job at a time at a fixed rate and is \
            timed. The broker takes its snapshots when it does in service; its status, asked every \
            20 ms, says when one is under way. What is enqueued later than it should have been, because \
            the one before took so long, is timed from when it should have been. A window is as many of them and of the times in between \
            as it takes to have enough enqueues of both sorts; the ratios of the windows' percentiles \
            are what is compared.
            """)

    @OptionGroup var broker: BrokerOptions

    @Option(help: "Windows that are compared.")
    var windows = 10

    @Option(help: "Timed enqueues of each sort in a window, at least.")
    var samples = 500

    @Option(help: "Jobs a second of the steady load.")
    var rate = 20_000.0

    @Option(help: "Jobs in each request of the load.")
    var batch = 64

    @Option(help: "Bytes of each job's payload, 16 at least.")
    var payloadBytes = 1_024

    @Option(help: "Jobs that lie in the load's queue all the time.")
    var backlog: UInt64 = 100_000

    @Option(help: "Timed enqueues a second; each is a commit, and the disk must keep up with them.")
    var probes = 500.0

    @Option(help: "Gives up where there are not enough windows after so many seconds.")
    var secondsMax = 600.0

    func validate() throws {
        guard windows >= 1, samples >= 100, rate > 0, batch >= 1, probes > 0, secondsMax > 0,
            payloadBytes >= JobStamp.byteCount
        else {
            throw ValidationError("rates are greater than zero, and 100 samples the fewest")
        }
    }

    func run() throws {
        try broker.withBroker { process in
            let watch = SnapshotWatch(samplesMin: samples)
            let sentCount = Atomic<UInt64>(0)
            let port = process.port
            let (connection, _) = try WireConnection.open(port: port)
            let load = try JobFlow(
                port: port, queue: "load", batch: batch, payloadByteCount: payloadBytes)
            if backlog > 0 { try load.fill(jobCount: backlog, depth: 16) }
            let start = MonotonicTime.nanoseconds
            let threads = [
                // Nobody else touches the flow from here on.
                thread(driving: load) { load in
                    var pace = Pace(perSecond: rate / Double(load.batch))
                    return {
                        _ = pace.next()
                        try load.round()
                        sentCount.add(UInt64(load.batch), ordering: .relaxed)
                    }
                },
                thread(
                    driving: try JobFlow(
                        port: port, queue: "probe", batch: 1, payloadByteCount: payloadBytes)
                ) { probe in
                    var pace = Pace(perSecond: probes)
                    return {
                        let due = pace.next()
                        watch.enqueued(due: due, answered: try probe.round())
                    }
                },
            ]
            defer { for thread in threads { thread.stop() } }
            var pace = Pace(perSecond: 50)
            while watch.windows.count < windows {
                _ = pace.next()
                let asked = MonotonicTime.nanoseconds
                let status = try BrokerStatus(over: connection)
                watch.saw(
                    begunCount: try status.required("snapshots_begun"),
                    endedCount: try status.required("snapshots")
                        + (status["snapshots_abandoned"] ?? 0),
                    asked: asked, answered: MonotonicTime.nanoseconds)
                for thread in threads { try thread.check() }
                guard Double(MonotonicTime.nanoseconds - start) / 1e9 < secondsMax else {
                    throw BenchFault(
                        "\(watch.windows.count) windows in \(secondsMax) s, not \(windows): "
                            + "\(watch.snapshotCount) snapshots were seen")
                }
            }
            let seconds = Double(MonotonicTime.nanoseconds - start) / 1e9
            report(
                watch, seconds: seconds,
                jobsPerSecond: Double(sentCount.load(ordering: .relaxed)) / seconds)
        }
    }

    /// Hands a flow over to a thread of its own.
    private func thread(
        driving flow: sending JobFlow,
        _ makeStep: @escaping @Sendable (JobFlow) -> () throws -> Void
    ) -> RepeatingThread {
        nonisolated(unsafe) let flow = flow
        return RepeatingThread { makeStep(flow) }
    }

    private func report(_ watch: SnapshotWatch, seconds: Double, jobsPerSecond: Double) {
        print(
            "\(watch.snapshotCount) snapshots in \(Figures.shown(seconds, 0)) s, beside "
                + "\(Figures.shown(jobsPerSecond, 0)) jobs/s of \(payloadBytes) bytes; "
                + "milliseconds of one enqueue")
        var table = FigureTable([
            "window", "enqueues with", "without", "p50 with", "without", "ratio", "p99 with",
            "without", "ratio",
        ])
        for (index, window) in watch.windows.enumerated() {
            func milliseconds(_ nanoseconds: UInt64) -> String {
                Figures.shown(Double(nanoseconds) / 1e6, 3)
            }
            table.add([
                "\(index + 1)", "\(window.with.count)", "\(window.without.count)",
                milliseconds(window.with.p50), milliseconds(window.without.p50),
                Figures.shown(window.ratioOfP50, 2),
                milliseconds(window.with.p99), milliseconds(window.without.p99),
                Figures.shown(window.ratioOfP99, 2),
            ])
        }
        print(table.text)
        func median(_ value: (SnapshotWindow) -> Double) -> Double {
            Figures.median(watch.windows.map(value))
        }
        let probesPerSecond = Double(watch.enqueueCount) / seconds
        if probesPerSecond < probes * 0.95 || jobsPerSecond < rate * 0.95 {
            print(
                "The broker did not keep up: \(Figures.shown(probesPerSecond, 0)) timed enqueues/s, "
                    + "not \(Figures.shown(probes, 0)). These are times in a queue; ask for less.")
        }
        var figures = Figures("snapshots")
        figures.add("windows", watch.windows.count)
        figures.add("snapshots", watch.snapshotCount)
        figures.add("payload_bytes", payloadBytes)
        figures.add("backlog", backlog)
        figures.add("jobs_per_second", jobsPerSecond, digits: 0)
        figures.add("enqueues_per_second", probesPerSecond, digits: 0)
        figures.add("with_p50_us_median", median { Double($0.with.p50) / 1e3 }, digits: 0)
        figures.add("without_p50_us_median", median { Double($0.without.p50) / 1e3 }, digits: 0)
        figures.add("with_p99_us_median", median { Double($0.with.p99) / 1e3 }, digits: 0)
        figures.add("without_p99_us_median", median { Double($0.without.p99) / 1e3 }, digits: 0)
        figures.add("p50_ratio_median", median(\.ratioOfP50), digits: 3)
        figures.add("p99_ratio_median", median(\.ratioOfP99), digits: 3)
        print(figures)
    }
}
