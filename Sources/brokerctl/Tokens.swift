internal import ArgumentParser
internal import HoldfastClient
internal import HoldfastConsole
internal import HoldfastModel

/// What the verbs on leased jobs have in common.
struct TokenOptions: ParsableArguments {
    @Argument(
        help: ArgumentHelp("Lease tokens as `lease` prints them.", valueName: "token"),
        transform: LeaseToken.parse)
    var tokens: [LeaseToken]
    @OptionGroup var broker: BrokerOptions
    @OptionGroup var output: OutputOptions

    func settle(
        showsRemaining: Bool = false,
        _ verb: (BrokerClient, [LeaseToken]) async throws -> [LeaseResult]
    ) async throws {
        let results = try await broker.withClient { try await verb($0, tokens) }
        try ItemResults(tokens, results, showsRemaining: showsRemaining).write(output.format)
    }
}

struct Ack: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "These jobs are done, for good.")

    @OptionGroup var tokens: TokenOptions

    func run() async throws {
        try await tokens.settle { try await $0.ack($1) }
    }
}

struct Nack: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "These jobs failed; they are tried again until their attempts are used up.")

    @OptionGroup var tokens: TokenOptions
    @Option(
        help: "How long to wait before the next attempt (default: the queue's backoff).",
        transform: TimeSpan.parse)
    var delay: TimeSpan?
    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "What went wrong; shown by `job show`, at most 1,024 bytes.", valueName: "text"))
    var error = ""

    func run() async throws {
        try await tokens.settle { try await $0.nack($1, delay: delay?.duration, error: error) }
    }
}

struct Release: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "These jobs are given back unstarted; that costs no attempt.")

    @OptionGroup var tokens: TokenOptions

    func run() async throws {
        try await tokens.settle { try await $0.release($1) }
    }
}

struct Reject: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "These jobs are never to be tried again; they go to the dead ones.")

    @OptionGroup var tokens: TokenOptions
    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Why; shown by `job show`, at most 1,024 bytes.", valueName: "text"))
    var reason = ""

    func run() async throws {
        try await tokens.settle { try await $0.reject($1, reason: reason) }
    }
}

struct Extend: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Lengthens leases, counted from now; never shortens them.")

    @OptionGroup var tokens: TokenOptions
    @Option(
        help: "How long from now, 1s to 12h (default: as the lease was given).",
        transform: TimeSpan.parse)
    var lease: TimeSpan?

    func run() async throws {
        try await tokens.settle(showsRemaining: true) {
            try await $0.extend($1, by: lease?.duration)
        }
    }
}
