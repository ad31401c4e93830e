internal import Foundation
internal import HoldfastHarness

/// What one call of `brokerctl` said and how it ended.
struct BrokerctlRun {
    let exit: ChildProcess.Exit
    let standardOutput: String
    let standardError: String

    var code: Int32? {
        if case .code(let code) = exit { code } else { nil }
    }

    var outputLines: [String] {
        standardOutput.split(separator: "\n").map(String.init)
    }

    /// The objects that `-o json` printed.
    var objects: [[String: Any]] {
        get throws {
            try outputLines.map {
                let object = try JSONSerialization.jsonObject(with: Data($0.utf8))
                guard let object = object as? [String: Any] else {
                    throw TestFault("not an object: \($0)")
                }
                return object
            }
        }
    }

    /// All of it, to be shown with a failure.
    var description: String {
        "\(exit)\nstdout: \(standardOutput)\nstderr: \(standardError)"
    }

    /// Whether standard error holds one line, as every failure should.
    var hasOneErrorLine: Bool {
        standardError.hasPrefix("brokerctl: ") && standardError.hasSuffix("\n")
            && standardError.count { $0 == "\n" } == 1
    }

    /// Runs `brokerctl` and waits for its end.
    ///
    /// - Parameters:
    ///   - broker: named by `HOLDFAST_BROKER`; nil: the variable is not set.
    ///   - input: a file that is its standard input; nil: nothing.
    static func run(
        _ arguments: [String], at broker: String? = nil, input: String? = nil
    ) async throws -> BrokerctlRun {
        var environment: [String: String] = [:]
        if let broker { environment["HOLDFAST_BROKER"] = broker }
        let path = try BuiltProgram.brokerctl.path
        let child =
            if let input {
                try ChildProcess(
                    "/bin/sh",
                    ["-c", #"input=$1; shift; exec "$@" < "$input""#, "sh", input, path]
                        + arguments, environment: environment)
            } else {
                try ChildProcess(path, arguments, environment: environment)
            }
        let exit = await child.exit()
        return BrokerctlRun(
            exit: exit, standardOutput: child.standardOutput, standardError: child.standardError)
    }
}

extension BrokerProcess {
    func ctl(_ arguments: String..., input: String? = nil) async throws -> BrokerctlRun {
        try await BrokerctlRun.run(arguments, at: address, input: input)
    }

    /// Runs a command that must succeed.
    func ctlDone(_ arguments: String..., input: String? = nil) async throws -> BrokerctlRun {
        let run = try await BrokerctlRun.run(arguments, at: address, input: input)
        guard run.code == 0 else {
            throw TestFault("brokerctl \(arguments.joined(separator: " ")): \(run.description)")
        }
        return run
    }
}
