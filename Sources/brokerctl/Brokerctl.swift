internal import ArgumentParser
internal import Glibc

/// The operators' tool: a noun and a verb, or a verb alone for what is done most.
@main
struct Brokerctl: AsyncParsableCommand, Noun {
    static let configuration = CommandConfiguration(
        commandName: "brokerctl",
        abstract: "Talks to a Holdfast broker, and looks into the directory of a stopped one.",
        discussion: """
            The broker is named by --broker HOST:PORT or by HOLDFAST_BROKER; the default is \
            127.0.0.1:7433. Durations are a number and a unit: 500ms, 10s, 5m, 2h, 1d.

            Exit codes: 0 done, 1 refused, 2 wrong usage, 3 broker not reachable, 4 damage found.
            """,
        version: "0.1.0",
        groupedSubcommands: [
            CommandGroup(
                name: "Work",
                subcommands: [
                    Enqueue.self, Lease.self, Ack.self, Nack.self, Release.self, Reject.self,
                    Extend.self,
                ]),
            CommandGroup(
                name: "Operation",
                subcommands: [Jobs.self, Queues.self, Dead.self, Status.self]),
            CommandGroup(name: "A stopped broker's directory", subcommands: [Segments.self]),
        ])

    static func main() async {
        do {
            var command = try parseAsRoot(Self.arguments)
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
        } catch {
            end(error)
        }
    }

    /// What the process was given. Options that all commands have may stand before the command,
    /// whose they are: they are moved behind it.
    private static var arguments: [String] {
        var arguments = Array(CommandLine.arguments.dropFirst())
        var moved: [String] = []
        while let first = arguments.first {
            if ["--broker", "--output", "-o"].contains(first), arguments.count >= 2 {
                moved += arguments.prefix(2)
                arguments.removeFirst(2)
            } else if first.hasPrefix("--broker=") || first.hasPrefix("--output=") {
                moved.append(arguments.removeFirst())
            } else {
                break
            }
        }
        // Behind a `--` everything is an argument and nothing an option.
        arguments.insert(
            contentsOf: moved, at: arguments.firstIndex(of: "--") ?? arguments.endIndex)
        return arguments
    }

    /// Says what went wrong in one line on standard error, and ends with the code for it.
    private static func end(_ error: any Error) -> Never {
        if let failure = error as? Failure { failure.end() }
        // What was asked for is not an error: help and the version go to standard output.
        if exitCode(for: error) == .success {
            print(fullMessage(for: error))
            Glibc.exit(0)
        }
        let message = message(for: error).split(separator: "\n").joined(separator: " ")
        let name = Self.name(of: arguments)
        Failure(.usage, "\(message) (see `\(name) --help`)").end()
    }

    /// The command that these arguments name, as far as they name one.
    private static func name(of arguments: some Sequence<String>) -> String {
        var type: any ParsableCommand.Type = Brokerctl.self
        var name = Brokerctl._commandName
        for argument in arguments {
            let configuration = type.configuration
            let next =
                (configuration.subcommands + configuration.groupedSubcommands.flatMap(\.subcommands))
                .first { $0._commandName == argument }
            guard let next else { break }
            type = next
            name += " " + argument
        }
        return name
    }
}

/// A word that needs another one behind it.
protocol Noun: ParsableCommand {}

extension Noun {
    func run() throws {
        let configuration = Self.configuration
        let verbs =
            (configuration.subcommands
            + configuration.groupedSubcommands.flatMap(\.subcommands)).map { $0._commandName }
        throw ValidationError("say what to do: \(verbs.joined(separator: ", "))")
    }
}
