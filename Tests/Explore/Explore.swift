internal import ArgumentParser
internal import HoldfastExplorer

@main
struct Explore: AsyncParsableCommand {
    func run() async throws {}
}
