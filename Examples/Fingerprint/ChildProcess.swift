internal import Glibc

/// A program that this one started, and its standard output where that was asked for.
///
/// Owned by one task at a time: nothing here is guarded by a lock.
final class ChildProcess: @unchecked Sendable {
    enum Output {
        case inherited
        case file(String)
        /// Read with `takeOutput`.
        case pipe
    }

    enum End: Equatable, CustomStringConvertible {
        case exited(Int32)
        case killed(signal: Int32)

        var description: String {
            switch self {
            case .exited(let status): "exited with \(status)"
            case .killed(let signal): "was ended by signal \(signal)"
            }
        }
    }

    let identifier: pid_t
    private let outputDescriptor: Int32
    private var end: End?

    /// - Parameters:
    ///   - output: where its standard output goes.
    ///   - errors: a file for its standard error; nil leaves it where ours goes.
    init(
        _ program: String, _ arguments: [String], output: Output = .inherited,
        errors: String? = nil
    ) throws {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        let create = O_WRONLY | O_CREAT | O_APPEND
        var ends: [Int32] = [-1, -1]
        switch output {
        case .inherited: break
        case .file(let path): posix_spawn_file_actions_addopen(&actions, 1, path, create, 0o644)
        case .pipe:
            guard pipe(&ends) == 0 else {
                throw FingerprintFault("no pipe: \(String(cString: strerror(errno)))")
            }
            for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
            posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
        }
        if let errors {
            posix_spawn_file_actions_addopen(&actions, 2, errors, create, 0o644)
        }
        var words = ([program] + arguments).map { strdup($0) } + [nil]
        defer { words.forEach { free($0) } }
        var identifier: pid_t = 0
        let failure = posix_spawn(&identifier, program, &actions, nil, &words, environ)
        if ends[1] >= 0 { close(ends[1]) }
        outputDescriptor = ends[0]
        self.identifier = identifier
        guard failure == 0 else {
            throw FingerprintFault("cannot start \(program): \(String(cString: strerror(failure)))")
        }
        if outputDescriptor >= 0 {
            _ = fcntl(outputDescriptor, F_SETFL, O_NONBLOCK)
        }
    }

    deinit {
        if outputDescriptor >= 0 { close(outputDescriptor) }
    }

    var isRunning: Bool {
        if end == nil { collect(WNOHANG) }
        return end == nil
    }

    /// Sends a signal; does nothing where the process has been waited for.
    func signal(_ number: Int32) {
        if end == nil { kill(identifier, number) }
    }

    /// Stops the process where it stands, until SIGCONT.
    ///
    /// - Returns: false where it has ended instead.
    func freeze() -> Bool {
        guard isRunning else { return false }
        kill(identifier, SIGSTOP)
        var information = siginfo_t()
        while waitid(P_PID, id_t(identifier), &information, WSTOPPED | WEXITED | WNOWAIT) != 0 {
            guard errno == EINTR else { return false }
        }
        return information.si_code == CLD_STOPPED
    }

    /// Blocks until the process has ended.
    @discardableResult
    func wait() -> End {
        while end == nil { collect(0) }
        return end!
    }

    /// What it has written to its pipe since the last call, without waiting for more.
    func takeOutput() -> [UInt8] {
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 4096)
        while outputDescriptor >= 0 {
            let count = read(outputDescriptor, &piece, piece.count)
            if count > 0 {
                bytes.append(contentsOf: piece[..<count])
            } else if count == 0 || errno != EINTR {
                break
            }
        }
        return bytes
    }

    private func collect(_ options: Int32) {
        var status: Int32 = 0
        let result = waitpid(identifier, &status, options)
        guard result == identifier else { return }
        end = status & 0x7F == 0 ? .exited(status >> 8 & 0xFF) : .killed(signal: status & 0x7F)
    }
}
