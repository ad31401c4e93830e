internal import ArgumentParser
internal import Foundation

/// `bench immortal`: what the disk looks like when every segment of the log holds a job that is never
/// done.
struct Immortal: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Pushes much through a store in which one job of each segment stays for ever.",
        discussion: """
            Jobs are enqueued and consumed promptly; whenever the log has gone on to another segment, \
            one job is enqueued that is due in a year. Disk use is what the blocks of all \
            files below the data directory take, live bytes are the payloads of jobs that are not \
            done, and the reserve is the files that wait to become segments.
            """)

    @OptionGroup var broker: BrokerOptions

    @Option(help: "Payload to push through, in GB of 10^9 bytes.")
    var gigabytes = 20.0

    @Option(help: "Bytes of each job's payload, 16 at least.")
    var payloadBytes = 1_024

    @Option(help: "Jobs in each request, if they fit into a frame.")
    var batch = 512

    @Option(help: "Gives up after so many seconds.")
    var secondsMax = 3_600.0

    @Option(help: "Seconds that the broker is left alone at the end, before the last look.")
    var settleSeconds = 15.0

    private static let yearMilliseconds: UInt64 = 365 * 86_400_000

    func validate() throws {
        guard gigabytes > 0, payloadBytes >= JobStamp.byteCount, batch >= 1, secondsMax > 0,
            (0...3_600).contains(settleSeconds)
        else {
            throw ValidationError(
                "something is pushed, of 16 bytes, and an hour is the longest rest")
        }
    }

    func run() throws {
        try broker.withBroker { process in
            // Who is greeted knows that the store is open.
            let flow = try JobFlow(
                port: process.port, queue: "flow", batch: batch, payloadByteCount: payloadBytes)
            var ledger = DiskLedger(directory: process.dataDirectory)
            let target = UInt64(gigabytes * 1e9)
            let start = MonotonicTime.nanoseconds
            var pushed: UInt64 = 0
            var segment = try LogSegment.newest(of: process)
            var isNew = true
            var nextLook = start
            while pushed < target {
                if isNew {
                    try flow.enqueueDelayed(
                        into: "immortal", payloadByteCount: payloadBytes,
                        delayMilliseconds: Self.yearMilliseconds)
                    ledger.immortalCount += 1
                }
                try flow.round()
                let newest = try LogSegment.newest(of: process)
                isNew = newest.number != segment.number
                segment = newest
                pushed = flow.ledger.sentCount * UInt64(payloadBytes)
                let now = MonotonicTime.nanoseconds
                guard Double(now - start) / 1e9 < secondsMax else {
                    throw BenchFault("only \(pushed) bytes were pushed in \(secondsMax) s")
                }
                if now >= nextLook {
                    nextLook = now + 200_000_000
                    ledger.look(pushed: pushed, liveByteCount: liveByteCount(ledger, flow))
                }
            }
            let seconds = Double(MonotonicTime.nanoseconds - start) / 1e9
            try flow.drain()
            if let discrepancy = flow.discrepancy {
                throw BenchFault("the accounts do not agree: \(discrepancy)")
            }
            ledger.look(pushed: pushed, liveByteCount: liveByteCount(ledger, flow))
            usleep(UInt32(settleSeconds * 1e6))
            try process.checkRunning()
            ledger.look(pushed: pushed, liveByteCount: liveByteCount(ledger, flow))
            report(ledger, pushed: pushed, seconds: seconds, segmentByteCount: segment.byteCount)
        }
    }

    private func liveByteCount(_ ledger: DiskLedger, _ flow: JobFlow) -> UInt64 {
        (ledger.immortalCount + UInt64(flow.ledger.unfinishedCount)) * UInt64(payloadBytes)
    }

    private func report(
        _ ledger: DiskLedger, pushed: UInt64, seconds: Double, segmentByteCount: Int
    ) {
        print(
            "\(Figures.shown(Double(pushed) / 1e9, 1)) GB of payload in "
                + "\(Figures.shown(seconds, 0)) s, segments of \(segmentByteCount >> 20) MiB, "
                + "\(ledger.immortalCount) jobs that stay; MiB")
        var table = FigureTable(["at", "pushed"] + DiskLook.headings)
        let looks = [
            ("most disk", ledger.largest), ("most beside reserve", ledger.largestBesideReserve),
            ("worst over 3 × live + reserve", ledger.worst), ("at rest", ledger.last),
        ]
        for (name, look) in looks {
            if let look { table.add([name, Figures.mebibytes(look.pushed)] + look.row) }
        }
        print(table.text)
        var figures = Figures("immortal")
        figures.add("gigabytes", Double(pushed) / 1e9, digits: 1)
        figures.add("segment_bytes", segmentByteCount)
        figures.add("payload_bytes", payloadBytes)
        figures.add("immortal_jobs", ledger.immortalCount)
        figures.add("megabytes_per_second", Double(pushed) / 1e6 / seconds, digits: 1)
        figures.add("disk_bytes_max", ledger.largest?.byteCount)
        figures.add("beside_reserve_bytes_max", ledger.largestBesideReserve?.besideReserve)
        figures.add("over_bound_bytes_max", ledger.worst?.overBound)
        figures.add("rest_disk_bytes", ledger.last?.byteCount)
        figures.add("rest_reserve_bytes", ledger.last?.reserve)
        figures.add("rest_live_bytes", ledger.last?.liveByteCount)
        print(figures)
    }
}
