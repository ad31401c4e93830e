package import Foundation
internal import Synchronization

/// A real broker on a data directory of its own, started, killed and started again by tests.
///
/// The first start takes any free port, later ones take the same again. The broker is killed, and
/// what was made for its directory removed, when nobody holds this any more.
package final class BrokerProcess: Sendable {
    private struct State {
        var child: ChildProcess
        var port: Int
        /// What earlier processes on this directory wrote.
        var earlierOutput: [String] = []
    }

    /// How a broker is started, beside where.
    package struct Launch: Sendable {
        /// Beside `--data-dir` and `--listen`. By default the segments are the smallest with which
        /// all limits are as usual, so that a test does not write 64 MiB of zeros.
        package var arguments = ["--segment-mib", "4"]
        package var environment: [String: String] = [:]
        /// A program and its arguments that end by executing those that follow; empty: none.
        package var wrapper: [String] = []

        package init(
            _ arguments: [String] = ["--segment-mib", "4"], environment: [String: String] = [:],
            wrapper: [String] = []
        ) {
            self.arguments = arguments
            self.environment = environment
            self.wrapper = wrapper
        }
    }

    /// Where the data directory is, unless it was given.
    package let directory: TemporaryDirectory
    package let dataDirectory: String
    private let launch: Launch
    private let state: Mutex<State>

    /// Starts a broker and waits until it serves.
    ///
    /// - Parameter arguments: those of a `Launch`.
    package static func start(
        _ arguments: [String] = ["--segment-mib", "4"]
    ) async throws -> BrokerProcess {
        try await start(Launch(arguments))
    }

    /// Starts a broker and waits until it serves.
    ///
    /// - Parameter dataDirectory: nil: a fresh one that goes with this.
    package static func start(
        _ launch: Launch, on dataDirectory: String? = nil
    ) async throws -> BrokerProcess {
        let directory = try TemporaryDirectory()
        let dataDirectory = dataDirectory ?? directory.path(of: "data")
        var attempt = 0
        while true {
            // Below the ports that the kernel gives to outgoing connections: nobody's connection
            // has got it when the broker is started again.
            let port = Int.random(in: 20_000..<32_000)
            do {
                let (child, _) = try await serve(dataDirectory, port: port, launch)
                return BrokerProcess(
                    directory: directory, dataDirectory: dataDirectory, launch: launch,
                    child: child, port: port)
            } catch let failure as StartFailure where failure.exit != .code(69) {
                throw failure
            } catch {
                attempt += 1
                if attempt == 10 { throw error }
            }
        }
    }

    private init(
        directory: TemporaryDirectory, dataDirectory: String, launch: Launch,
        child: ChildProcess, port: Int
    ) {
        self.directory = directory
        self.dataDirectory = dataDirectory
        self.launch = launch
        state = Mutex(State(child: child, port: port))
    }

    deinit {
        // Before its directory goes, in which it may just be making a file.
        state.withLock { $0.child }.end()
    }

    package var port: Int { state.withLock { $0.port } }
    /// As `--broker` and `HOLDFAST_BROKER` want it.
    package var address: String { "127.0.0.1:\(port)" }
    package var processID: pid_t { state.withLock { $0.child.processID } }

    /// All that the brokers on this directory wrote, to be shown with a failure.
    package var log: String {
        state.withLock { ($0.earlierOutput + [$0.child.output]).joined(separator: "\n") }
    }

    // MARK: Its end

    /// SIGKILL; returns when the process is gone.
    package func kill() async {
        let child = state.withLock { $0.child }
        child.send(SIGKILL)
        _ = await child.exit()
    }

    /// SIGKILL without waiting.
    package func sendKill() {
        state.withLock { $0.child }.send(SIGKILL)
    }

    /// Any signal, without waiting.
    package func send(_ signal: Int32) {
        state.withLock { $0.child }.send(signal)
    }

    /// SIGTERM without waiting.
    package func sendTerminate() {
        state.withLock { $0.child }.send(SIGTERM)
    }

    /// SIGTERM; returns how the process ended.
    package func terminate() async -> ChildProcess.Exit {
        let child = state.withLock { $0.child }
        child.send(SIGTERM)
        return await child.exit()
    }

    /// Waits for the process to end by itself.
    package func exit() async -> ChildProcess.Exit {
        await state.withLock { $0.child }.exit()
    }

    // MARK: Starting again

    /// Starts a broker on the same directory and port, and waits until it serves. The one before
    /// must have ended.
    ///
    /// - Parameter launch: nil: as the first.
    package func restart(_ launch: Launch? = nil) async throws {
        let (earlier, port) = state.withLock { ($0.child, $0.port) }
        let (child, _) = try await Self.serve(dataDirectory, port: port, launch ?? self.launch)
        state.withLock { state in
            state.earlierOutput.append(earlier.output)
            state.child = child
        }
    }

    /// Starts a broker on a directory and waits until it serves.
    package static func serve(
        _ dataDirectory: String, port: Int, _ arguments: [String]
    ) async throws -> (ChildProcess, port: Int) {
        try await serve(dataDirectory, port: port, Launch(arguments))
    }

    /// A broker that takes longer to start is ended, for whoever waits for it would wait for ever.
    private static let startDurationMax = Duration.seconds(120)

    private static func serve(
        _ dataDirectory: String, port: Int, _ launch: Launch
    ) async throws -> (ChildProcess, port: Int) {
        let command =
            launch.wrapper
            + [try BuiltProgram.broker.path]
            + ["--data-dir", dataDirectory, "--listen", "127.0.0.1:\(port)"] + launch.arguments
        let child = try ChildProcess(
            command[0], Array(command.dropFirst()), environment: launch.environment)
        let begun = ContinuousClock.now
        let patience = Task {
            try await Task.sleep(for: startDurationMax)
            child.send(SIGKILL)
        }
        let ready = await child.line { $0.contains("ready") && $0.contains("listen=127.0.0.1:") }
        patience.cancel()
        guard let ready else {
            let exit = await child.exit()
            guard ContinuousClock.now - begun < startDurationMax else {
                throw TestFault(
                    "L4 a restart serves: the broker was not ready after \(startDurationMax) "
                        + "(\(exit)):\n\(child.output)")
            }
            throw StartFailure(exit: exit, output: child.output)
        }
        let digits = ready.split(separator: "listen=127.0.0.1:")[1].prefix { $0.isNumber }
        guard let port = Int(digits) else {
            throw TestFault("the ready line names no port: \(ready)")
        }
        return (child, port)
    }

    /// Starts a broker process with exactly these arguments and waits for nothing.
    package static func run(
        _ arguments: [String], environment: [String: String] = [:]
    ) throws -> ChildProcess {
        try ChildProcess(try BuiltProgram.broker.path, arguments, environment: environment)
    }
}

/// A broker ended before it served.
package struct StartFailure: Error, CustomStringConvertible {
    package let exit: ChildProcess.Exit
    package let output: String

    package var description: String {
        "the broker ended (\(exit)) before it was ready:\n\(output)"
    }
}

/// A program or library of this package, as it was built beside the tests.
package enum BuiltProgram: String {
    case broker
    case brokerctl
    case torture
    case blockdevice
    case faultshim = "libfaultshim.so"

    /// The tests' own program lies in the build directory, and the others beside it.
    package var path: String {
        get throws {
            var directory = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
            // Some ways to run the tests put their program a few directories deeper.
            for _ in 0..<4 {
                directory.deleteLastPathComponent()
                let path = directory.appendingPathComponent(rawValue).path
                if access(path, X_OK) == 0 { return path }
            }
            throw TestFault(
                "\(rawValue) was not built: `swift build -c release` builds it beside the tests")
        }
    }
}
