internal import Foundation
internal import Histogram

/// What a measurement says. In JSON the names are in snake case.
struct CycleReport: Encodable {
    var mode: String
    var producers: Int
    var consumers: Int
    var depth: Int
    var batch: Int
    var size: Int
    var seconds: Double
    var unfinishedMax: Int
    var jobs: UInt64
    var jobsPerSecond: Double
    var enqueueP50Us: Double
    var enqueueP99Us: Double
    var cycleP50Us: Double
    var cycleP99Us: Double
    var rawSyncsPerSecond: Double?
    /// Jobs a second for each sync a second that the disk could do.
    var ratio: Double?
    var brokerCpuSeconds: Double?
    var benchCpuSeconds: Double

    init(
        mode: String, shape: CycleShape, ledger: CycleLedger, meter: ProcessorMeter,
        rawSyncs: RawSyncRate?
    ) {
        self.mode = mode
        producers = shape.producers
        consumers = shape.consumers
        depth = shape.depth
        batch = shape.batch
        size = shape.size
        seconds = Self.rounded(meter.seconds, 3)
        unfinishedMax = shape.unfinishedCountMax
        jobs = ledger.measuredCount
        jobsPerSecond = Self.rounded(Double(ledger.measuredCount) / meter.seconds, 1)
        func microseconds(_ nanoseconds: UInt64) -> Double {
            Self.rounded(Double(nanoseconds) / 1e3, 1)
        }
        enqueueP50Us = microseconds(ledger.enqueueNanoseconds.valueAtPercentile(50))
        enqueueP99Us = microseconds(ledger.enqueueNanoseconds.valueAtPercentile(99))
        cycleP50Us = microseconds(ledger.cycleNanoseconds.valueAtPercentile(50))
        cycleP99Us = microseconds(ledger.cycleNanoseconds.valueAtPercentile(99))
        rawSyncsPerSecond = rawSyncs.map { Self.rounded($0.syncsPerSecond, 1) }
        brokerCpuSeconds = meter.brokerProcessorSeconds.map { Self.rounded($0, 2) }
        benchCpuSeconds = Self.rounded(meter.ownProcessorSeconds, 2)
        if let rawSyncsPerSecond { ratio = Self.rounded(jobsPerSecond / rawSyncsPerSecond, 3) }
    }

    var json: String {
        get throws {
            let encoder = JSONEncoder()
            encoder.keyEncodingStrategy = .convertToSnakeCase
            encoder.outputFormatting = [.sortedKeys]
            return String(decoding: try encoder.encode(self), as: UTF8.self)
        }
    }

    var text: String {
        var lines = [
            "\(mode): \(producers) producers, \(consumers) consumers, depth \(depth), "
                + "batch \(batch), \(size) bytes, \(Self.shown(seconds, 1)) s",
            "  jobs        \(jobs), each enqueued, leased and acknowledged",
            "  jobs/s      \(Self.shown(jobsPerSecond, 0))",
            "  enqueue     p50 \(Self.shown(enqueueP50Us, 0)) µs, "
                + "p99 \(Self.shown(enqueueP99Us, 0)) µs",
            "  cycle       p50 \(Self.shown(cycleP50Us, 0)) µs, "
                + "p99 \(Self.shown(cycleP99Us, 0)) µs (enqueue sent to ack answered)",
        ]
        if let rawSyncsPerSecond, let ratio {
            lines.append(
                "  disk        \(Self.shown(rawSyncsPerSecond, 0)) syncs/s of 4 KiB by itself, "
                    + "\(Self.shown(ratio, 2)) jobs for each")
        }
        let broker = brokerCpuSeconds.map { "broker \(Self.shown($0, 2)) s, " } ?? ""
        lines.append("  processor   \(broker)bench \(Self.shown(benchCpuSeconds, 2)) s")
        return lines.joined(separator: "\n")
    }

    private static func rounded(_ value: Double, _ digits: Int) -> Double {
        let scale = pow(10, Double(digits))
        return (value * scale).rounded() / scale
    }

    private static func shown(_ value: Double, _ digits: Int) -> String {
        String(format: "%.\(digits)f", value)
    }
}
