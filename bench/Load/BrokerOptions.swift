internal import ArgumentParser

/// How the broker is started that a measurement is made of.
struct BrokerOptions: ParsableArguments {
    @Option(
        name: .customLong("data-dir"),
        help: "Where the measurement makes its directory, and removes it: the disk is measured too."
    )
    var parentDirectory = "."

    @Option(name: .customLong("memory-mib"), help: "The broker's --memory-mib, where given.")
    var memoryMebibytes: Int?

    @Option(name: .customLong("segment-mib"), help: "The broker's --segment-mib, where given.")
    var segmentMebibytes: Int?

    private var arguments: [String] {
        var arguments: [String] = []
        if let memoryMebibytes { arguments += ["--memory-mib", "\(memoryMebibytes)"] }
        if let segmentMebibytes { arguments += ["--segment-mib", "\(segmentMebibytes)"] }
        return arguments
    }

    /// Calls `body` with a broker that listens on an empty store, and removes all of it at the end.
    func withBroker<Result>(_ body: (BrokerProcess) throws -> Result) throws -> Result {
        let broker = try BrokerProcess.started(parent: parentDirectory, arguments: arguments)
        defer { broker.remove() }
        return try body(broker)
    }
}
