internal import ArgumentParser
internal import Foundation
internal import HoldfastClient
internal import HoldfastConsole
internal import HoldfastModel
internal import Logging

/// Which broker is meant.
struct BrokerOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The broker's address (default: HOLDFAST_BROKER, or 127.0.0.1:7433).",
            valueName: "host:port"))
    var broker: String?

    func address() throws(Failure) -> BrokerAddress {
        let variable = "HOLDFAST_BROKER"
        let (text, source): (String, String)
        if let broker {
            (text, source) = (broker, "--broker")
        } else if let value = ProcessInfo.processInfo.environment[variable], !value.isEmpty {
            (text, source) = (value, variable)
        } else {
            return BrokerAddress()
        }
        guard let address = BrokerAddress(text) else {
            throw Failure(
                .usage, "\(source) is '\(text)'; write HOST:PORT, for instance 127.0.0.1:7433")
        }
        return address
    }

    /// Does `body` with a client that gives up at once where no broker answers.
    ///
    /// - Parameter isPatient: once the broker has answered, wait for it when it goes away, and
    ///   repeat what may be repeated.
    func withClient<Value>(
        isPatient: Bool = false, _ body: (BrokerClient) async throws -> Value
    ) async throws -> Value {
        let address = try address()
        let logger = Logger(label: "brokerctl") { _ in SwiftLogNoOpLogHandler() }
        var configuration = ClientConfiguration(address: address, clientName: "brokerctl")
        configuration.failsFast = true
        configuration.repeatsEnqueues = false
        var client = BrokerClient(configuration, logger: logger)
        do {
            if isPatient {
                try await client.ping()
                await client.close()
                configuration.failsFast = false
                configuration.repeatsEnqueues = true
                client = BrokerClient(configuration, logger: logger)
                // From here on the client knows what the broker takes in a request, so that no
                // request waits for that while a later one overtakes it.
                try await client.ping()
            }
            let value = try await body(client)
            await client.close()
            return value
        } catch {
            await client.close()
            guard let error = error as? BrokerClientError else { throw error }
            throw Failure(error, at: address)
        }
    }
}

/// For whom the output is.
struct OutputOptions: ParsableArguments {
    enum Format: String, ExpressibleByArgument, CaseIterable {
        case table
        case json
    }

    @Option(
        name: [.customShort("o"), .customLong("output")],
        help: "For people (table) or for programs (json: one object a line).")
    var format = Format.table
}

/// A duration on the command line.
struct TimeSpan: ExpressibleByArgument {
    let milliseconds: Int64

    init?(argument: String) {
        guard let milliseconds = try? DurationText.milliseconds(argument) else { return nil }
        self.milliseconds = milliseconds
    }

    private init(_ text: String) throws {
        do throws(DurationText.Fault) {
            milliseconds = try DurationText.milliseconds(text)
        } catch {
            throw ValidationError(error.description)
        }
    }

    /// For options: what is wrong is said in words.
    @Sendable static func parse(_ text: String) throws -> TimeSpan { try TimeSpan(text) }

    var duration: Duration { .milliseconds(milliseconds) }

    /// - Returns: nil where it does not fit, which no limit of the broker allows.
    var milliseconds32: UInt32? { UInt32(exactly: milliseconds) }
}

extension JobID {
    @Sendable static func parse(_ text: String) throws -> JobID {
        guard let id = JobID(text) else {
            throw ValidationError(
                "'\(Escape.line(text))' is no job id; an id is 16 digits and letters a to v, as "
                    + "`enqueue` prints it")
        }
        return id
    }
}

extension LeaseToken {
    @Sendable static func parse(_ text: String) throws -> LeaseToken {
        guard let token = LeaseToken(text) else {
            throw ValidationError(
                "'\(Escape.line(text))' is no lease token; a token is 26 digits and letters a to "
                    + "v, as `lease` prints it")
        }
        return token
    }
}
