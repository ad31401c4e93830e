internal import ArgumentParser
internal import HoldfastClient

/// An example of a whole program on Holdfast: one job for every file, workers that compute checksums
/// and hand them on as jobs of a second queue, and a demonstration that survives its own crashes.
@main
struct Fingerprint: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fingerprint",
        abstract: "Computes the SHA-256 of files by way of a Holdfast broker.",
        subcommands: [Enqueue.self, Work.self, Collect.self, Demonstrate.self])
}

/// How every subcommand names its broker.
struct BrokerOption: ParsableArguments {
    @Option(name: .customLong("broker"), help: "HOST:PORT of the broker.")
    var text = BrokerAddress().description

    func configuration(_ clientName: String) throws -> ClientConfiguration {
        guard let address = BrokerAddress(text) else {
            throw ValidationError("\(text) is not HOST:PORT")
        }
        return ClientConfiguration(address: address, clientName: clientName)
    }
}
