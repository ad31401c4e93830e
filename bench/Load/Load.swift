internal import ArgumentParser

/// What `bench` is called with.
@main
struct Load: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Measures a Holdfast broker.",
        subcommands: [
            Cycle.self, Restart.self, Backlog.self, Amplification.self, Snapshots.self,
            Immortal.self,
        ])
}
