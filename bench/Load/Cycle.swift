internal import ArgumentParser
internal import Foundation

/// `bench cycle`: every job is enqueued, leased and acknowledged.
struct Cycle: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Enqueues, leases and acknowledges jobs, as fast as broker and disk allow.",
        discussion: """
            Starts a broker of its own on a fresh directory, beside the rate at which the same disk \
            syncs 4 KiB by itself, measured before and after. At the end every job must have been \
            delivered once and acknowledged, or the run fails.
            """)

    @OptionGroup var options: CycleOptions

    @Flag(help: "Print one JSON object.")
    var json = false

    @Flag(help: "Go through the client library instead of the raw protocol.")
    var client = false

    @Option(help: "HOST:PORT of a broker that runs already; the disk is then not measured.")
    var broker: String?

    @Option(help: "Write down what every client saw, in a new file, and judge it in the end.")
    var history: String?

    func validate() throws {
        if history != nil, client {
            throw ValidationError("a history is written over the raw protocol only")
        }
    }

    func run() async throws {
        let shape = options.shape
        var rawSyncs: RawSyncRate?
        var process: BrokerProcess?
        var address = (host: "", port: 0)
        if let broker {
            guard let colon = broker.lastIndex(of: ":"),
                let port = Int(broker[broker.index(after: colon)...])
            else { throw ValidationError("a broker is named HOST:PORT") }
            address = (String(broker[..<colon]), port)
        } else {
            let started = try BrokerProcess.started(
                parent: ProcessInfo.processInfo.environment["TMPDIR"] ?? "/tmp")
            process = started
            address = (started.host, started.port)
        }
        do {
            if let process {
                var rate = RawSyncRate()
                try rate.measure(in: process.directory, seconds: 1)
                rawSyncs = rate
            }
            let meter = ProcessorMeter(broker: process?.identifier)
            let queue = "bench-\(MonotonicTime.nanoseconds)"
            let written = try history.map { try CycleHistory(path: $0, queue: queue) }
            let ledger =
                client
                ? try await ClientCycle.run(
                    shape, host: address.host, port: address.port, queue: queue, meter: meter)
                : try await RawCycle.run(
                    shape, host: address.host, port: address.port, queue: queue, meter: meter,
                    history: written)
            if let process { try rawSyncs?.measure(in: process.directory, seconds: 1) }
            if let discrepancy = ledger.discrepancy {
                throw BenchFault("the accounts do not agree: \(discrepancy)")
            }
            if let written { print(try written.judged()) }
            let status = process?.terminate() ?? 0
            process?.remove()
            process = nil
            guard status == 0 else { throw BenchFault("the broker ended with \(status)") }
            let report = CycleReport(
                mode: client ? "client library" : "raw protocol", shape: shape, ledger: ledger,
                meter: meter,
                rawSyncs: rawSyncs)
            print(json ? try report.json : report.text)
        } catch {
            process?.remove()
            throw error
        }
    }
}
