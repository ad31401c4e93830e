internal import ArgumentParser
internal import HoldfastClient
internal import HoldfastConsole

struct Status: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "What the broker says of itself.")

    @OptionGroup var broker: BrokerOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let entries = try await broker.withClient { try await $0.status() }
        switch output.format {
        case .table:
            try Output.write(Table.list(entries.map { ($0.name, $0.value.description) }))
        case .json:
            try Output.writeLine(
                .object(
                    entries.map { entry in
                        switch entry.value {
                        case .number(let number): (entry.name, .unsigned(number))
                        case .text(let text): (entry.name, .text(text))
                        }
                    }))
        }
    }
}
