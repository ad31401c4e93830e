package import Foundation
internal import Synchronization

/// A process that a test started: its output line by line, its end, and signals to it. Whoever
/// waits here waits for something that happens, never for time to pass.
///
/// One thread reads the output and then collects the exit status. A process that is still running
/// when nobody holds this any more is killed.
package final class ChildProcess: Sendable {
    package enum Exit: Hashable, Sendable {
        case code(Int32)
        case signal(Int32)
    }

    private struct LineWaiter {
        let isWanted: @Sendable (String) -> Bool
        let continuation: CheckedContinuation<String?, Never>
    }

    private struct State {
        var standardOutput: [UInt8] = []
        var standardError: [UInt8] = []
        /// Whole lines of both, in the order in which they were read.
        var lines: [String] = []
        var exit: Exit?
        var lineWaiters: [LineWaiter] = []
        var exitWaiters: [CheckedContinuation<Exit, Never>] = []
    }

    package let processID: pid_t
    private let state: Shared

    /// Outlives the child's owner, since the reading thread holds it.
    private final class Shared: Sendable {
        let state = Mutex(State())
    }

    /// - Parameters:
    ///   - executable: a path, or a name that is looked for in PATH.
    ///   - environment: beside PATH, HOME, TMPDIR and LD_LIBRARY_PATH. Nothing else of this
    ///     process's environment is passed on.
    package init(
        _ executable: String, _ arguments: [String], environment: [String: String] = [:]
    ) throws {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // As a shell would start it: with no signal blocked.
        var noSignals = sigset_t()
        sigemptyset(&noSignals)
        posix_spawnattr_setsigmask(&attributes, &noSignals)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))

        var variables = environment
        for name in ["PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH"] where variables[name] == nil {
            variables[name] = ProcessInfo.processInfo.environment[name]
        }
        var argumentPointers = ([executable] + arguments).map { strdup($0) } + [nil]
        var variablePointers = variables.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer {
            for pointer in argumentPointers + variablePointers { free(pointer) }
        }
        let (child, outputEnd, errorEnd) = try Self.isSpawning.withLock { _ in
            let output = try Self.pipe()
            let error = try Self.pipe()
            posix_spawn_file_actions_adddup2(&actions, output.write, 1)
            posix_spawn_file_actions_adddup2(&actions, error.write, 2)
            // The sockets of tests that run beside this one are none of the child's business: it
            // would keep their ports taken.
            _ = Self.addCloseFrom?(&actions, 3)
            var processID: pid_t = 0
            let failure = posix_spawnp(
                &processID, executable, &actions, &attributes, &argumentPointers,
                &variablePointers)
            close(output.write)
            close(error.write)
            guard failure == 0 else {
                close(output.read)
                close(error.read)
                throw TestFault(
                    "\(executable) cannot be started: \(String(cString: strerror(failure)))")
            }
            return (processID, output.read, error.read)
        }
        processID = child
        let state = Shared()
        self.state = state
        Thread.detachNewThread {
            Self.read(outputEnd, errorEnd, into: state)
            Self.collect(child, into: state)
        }
    }

    deinit {
        send(SIGKILL)
    }

    /// Held while a pipe is open that is not yet marked: a pipe that some other child inherited
    /// would never seem to end.
    private typealias AddCloseFrom =
        @convention(c) (
            UnsafeMutablePointer<posix_spawn_file_actions_t>, Int32
        ) -> Int32

    /// `posix_spawn_file_actions_addclosefrom_np`, which Swift does not see; glibc has it from 2.34.
    private static let addCloseFrom = dlsym(nil, "posix_spawn_file_actions_addclosefrom_np").map {
        unsafeBitCast($0, to: AddCloseFrom.self)
    }

    private static let isSpawning = Mutex(())

    /// A pipe that no child inherits but through `dup2`.
    private static func pipe() throws -> (read: Int32, write: Int32) {
        var ends: [Int32] = [0, 0]
        guard Foundation.pipe(&ends) == 0 else {
            throw TestFault("no pipe: \(String(cString: strerror(errno)))")
        }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        return (ends[0], ends[1])
    }

    // MARK: What it said

    package var standardOutput: String {
        state.state.withLock { String(decoding: $0.standardOutput, as: UTF8.self) }
    }

    package var standardError: String {
        state.state.withLock { String(decoding: $0.standardError, as: UTF8.self) }
    }

    /// Both, line by line.
    package var output: String { state.state.withLock { $0.lines.joined(separator: "\n") } }

    /// The first line that is wanted, written already or still to come.
    ///
    /// - Returns: nil where the process ended without one.
    package func line(where isWanted: @escaping @Sendable (String) -> Bool) async -> String? {
        await withCheckedContinuation { continuation in
            let found: String?? = state.state.withLock { state in
                if let line = state.lines.first(where: isWanted) { return .some(line) }
                if state.exit != nil { return .some(nil) }
                state.lineWaiters.append(
                    LineWaiter(isWanted: isWanted, continuation: continuation))
                return nil
            }
            if let found { continuation.resume(returning: found) }
        }
    }

    // MARK: Its end

    /// Waits until it has ended and all its output was read.
    package func exit() async -> Exit {
        await withCheckedContinuation { continuation in
            let exit: Exit? = state.state.withLock { state in
                if state.exit == nil { state.exitWaiters.append(continuation) }
                return state.exit
            }
            if let exit { continuation.resume(returning: exit) }
        }
    }

    /// Does nothing where the process has ended.
    package func send(_ signal: Int32) {
        // Under the lock, since the number may belong to another process once it was collected.
        state.state.withLock { state in
            if state.exit == nil { _ = Foundation.kill(processID, signal) }
        }
    }

    /// Kills it where it still runs, and returns when it uses no file any more. Blocks for as long
    /// as the kernel takes.
    package func end() {
        send(SIGKILL)
        Self.awaitEnd(of: processID)
    }

    // MARK: The reading thread

    private static func read(_ outputEnd: Int32, _ errorEnd: Int32, into shared: Shared) {
        var polled = [outputEnd, errorEnd].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        var partial: [[UInt8]] = [[], []]
        var buffer = [UInt8](repeating: 0, count: 65_536)
        var openCount = polled.count
        while openCount > 0 {
            guard poll(&polled, nfds_t(polled.count), -1) > 0 else { continue }
            for index in polled.indices where polled[index].revents != 0 {
                let count = Foundation.read(polled[index].fd, &buffer, buffer.count)
                if count > 0 {
                    let bytes = buffer[..<count]
                    take(bytes, isError: index == 1, partial: &partial[index], into: shared)
                } else if count == 0 || errno != EINTR {
                    if !partial[index].isEmpty {
                        take(
                            [UInt8(ascii: "\n")], isError: nil, partial: &partial[index],
                            into: shared)
                    }
                    close(polled[index].fd)
                    polled[index].fd = -1
                    openCount -= 1
                }
            }
        }
    }

    private static func take(
        _ bytes: ArraySlice<UInt8>, isError: Bool?, partial: inout [UInt8], into shared: Shared
    ) {
        var lines: [String] = []
        for byte in bytes {
            if byte == UInt8(ascii: "\n") {
                lines.append(String(decoding: partial, as: UTF8.self))
                partial.removeAll(keepingCapacity: true)
            } else {
                partial.append(byte)
            }
        }
        let woken: [(LineWaiter, String)] = shared.state.withLock { state in
            if let isError {
                if isError {
                    state.standardError.append(contentsOf: bytes)
                } else {
                    state.standardOutput.append(contentsOf: bytes)
                }
            }
            state.lines.append(contentsOf: lines)
            var woken: [(LineWaiter, String)] = []
            state.lineWaiters.removeAll { waiter in
                guard let line = lines.first(where: waiter.isWanted) else { return false }
                woken.append((waiter, line))
                return true
            }
            return woken
        }
        for (waiter, line) in woken { waiter.continuation.resume(returning: line) }
    }

    private static func collect(_ processID: pid_t, into shared: Shared) {
        // First wait without collecting, which may take long; then collect under the lock.
        awaitEnd(of: processID)
        let (exit, exitWaiters, lineWaiters) = shared.state.withLock { state in
            var status: Int32 = 0
            while waitpid(processID, &status, 0) < 0, errno == EINTR {}
            let exit: Exit =
                status & 0x7F == 0 ? .code(status >> 8 & 0xFF) : .signal(status & 0x7F)
            state.exit = exit
            defer {
                state.exitWaiters.removeAll()
                state.lineWaiters.removeAll()
            }
            return (exit, state.exitWaiters, state.lineWaiters)
        }
        for waiter in exitWaiters { waiter.resume(returning: exit) }
        for waiter in lineWaiters { waiter.continuation.resume(returning: nil) }
    }

    /// Waits without collecting; returns at once where it was collected already.
    private static func awaitEnd(of processID: pid_t) {
        var information = siginfo_t()
        while waitid(P_PID, id_t(processID), &information, WEXITED | WNOWAIT) < 0, errno == EINTR {}
    }
}
