internal import Foundation
internal import Synchronization

/// A broker of one's own, on a fresh directory and a port of the loopback, which ends with the
/// measurement, also where that is interrupted. It can be killed and started again on what it left.
///
/// Belongs to the thread that made it; only the clean-up of an interrupted program comes from another.
final class BrokerProcess: Sendable {
    let host = "127.0.0.1"
    let port: Int
    /// For everything that belongs to the measurement; removed with it.
    let directory: String
    var dataDirectory: String { directory + "/data" }
    /// What the broker says on standard error, over all its starts.
    var logPath: String { directory + "/broker.log" }
    /// Of the process that runs; 0 where none does.
    var identifier: Int32 { running.load(ordering: .acquiring) }

    private let program: String
    private let arguments: [String]
    private let running = Atomic<Int32>(0)
    private let removal = Mutex(())

    /// Makes the directory, and starts nothing yet.
    ///
    /// - Parameters:
    ///   - parent: where the directory is made.
    ///   - arguments: beside those that say where data and address are.
    init(parent: String, arguments: [String]) throws {
        let own = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        program = own.deletingLastPathComponent().appendingPathComponent("broker").path
        guard FileManager.default.isExecutableFile(atPath: program) else {
            throw BenchFault("there is no broker beside this program: \(program)")
        }
        port = try LoopbackPort.free()
        var template = Array((parent + "/holdfast-bench-XXXXXX").utf8CString)
        guard mkdtemp(&template) != nil else {
            throw BenchFault("cannot create a directory in \(parent): \(errnoText())")
        }
        directory = String(
            decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        self.arguments =
            [
                "--data-dir", directory + "/data", "--listen", "\(host):\(port)", "--log-level",
                "notice",
            ] + arguments
        Interruption.cleanUp { [self] in remove() }
    }

    /// Starts it and waits until it accepts connections.
    static func started(parent: String, arguments: [String] = []) throws -> BrokerProcess {
        let broker = try BrokerProcess(parent: parent, arguments: arguments)
        do {
            try broker.spawn()
            try broker.waitUntilListening()
        } catch {
            broker.remove()
            throw error
        }
        return broker
    }

    /// Starts the process, and waits for nothing.
    func spawn() throws {
        precondition(identifier == 0, "one broker runs on a directory")
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
        posix_spawn_file_actions_addopen(
            &actions, 2, logPath, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // What this program does with signals is its own affair.
        var all = sigset_t()
        sigfillset(&all)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF))
        var words: [UnsafeMutablePointer<CChar>?] = ([program] + arguments).map { strdup($0) }
        words.append(nil)
        defer { for word in words { free(word) } }
        var started: pid_t = 0
        let code = posix_spawn(&started, program, &actions, &attributes, words, environ)
        guard code == 0 else {
            throw BenchFault("cannot start \(program): \(String(cString: strerror(code)))")
        }
        running.store(started, ordering: .releasing)
    }

    func waitUntilListening() throws {
        while LoopbackPort.connect(to: port).map({ close($0) }) == nil {
            try checkRunning()
            usleep(5_000)
        }
    }

    /// - Throws: where it has ended by itself, with the last it said.
    func checkRunning() throws {
        var status: Int32 = 0
        guard identifier != 0, waitpid(identifier, &status, WNOHANG) == identifier else { return }
        running.store(0, ordering: .releasing)
        let said = (try? String(contentsOfFile: logPath, encoding: .utf8))?
            .split(separator: "\n").last
        throw BenchFault(
            "the broker ended with \(Self.exitStatus(status)): \(said.map(String.init) ?? "")")
    }

    /// Ends it in the middle of what it does (SIGKILL), and waits until it is gone.
    func kill() { _ = end(with: SIGKILL) }

    /// Stops it cleanly.
    ///
    /// - Returns: its exit status, or minus the signal that ended it.
    func terminate() -> Int32 { end(with: SIGTERM) }

    /// Ends it where it runs, and removes the directory.
    func remove() {
        // Two at a time, at an interruption, would each stumble over what the other has removed.
        removal.withLock { _ in
            kill()
            try? FileManager.default.removeItem(atPath: directory)
        }
    }

    private func end(with signal: Int32) -> Int32 {
        let process = running.exchange(0, ordering: .acquiringAndReleasing)
        guard process != 0 else { return 0 }
        _ = Glibc.kill(process, signal)
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0, errno == EINTR {}
        return Self.exitStatus(status)
    }

    private static func exitStatus(_ status: Int32) -> Int32 {
        status & 0x7F == 0 ? (status >> 8) & 0xFF : -(status & 0x7F)
    }
}
