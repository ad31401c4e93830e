internal import ArgumentParser
internal import HoldfastExplorer

@main
struct Simulate: ParsableCommand {
    func run() throws {}
}
