internal import Glibc
internal import HoldfastConsole

/// Standard output and standard error.
enum Output {
    /// Writes text to standard output at once.
    ///
    /// Where nobody reads any more (`brokerctl job list q | head`), the process ends as others do.
    static func write(_ text: String) throws(Failure) {
        guard let code = write(text, to: STDOUT_FILENO) else { return }
        if code == EPIPE {
            signal(SIGPIPE, SIG_DFL)
            raise(SIGPIPE)
        }
        throw Failure(
            .refused, "standard output cannot be written: \(String(cString: strerror(code)))")
    }

    /// Whether anybody still reads what goes to standard output, for a command that may have nothing
    /// to write for long.
    static var hasReader: Bool {
        var state = pollfd(fd: STDOUT_FILENO, events: 0, revents: 0)
        return poll(&state, 1, 0) <= 0 || state.revents & Int16(POLLERR) == 0
    }

    static func writeLine(_ value: JSONValue) throws(Failure) {
        try write(value.text + "\n")
    }

    static func writeError(_ text: String) {
        _ = write(text, to: STDERR_FILENO)
    }

    /// - Returns: the kernel's number for the reason where it was not written.
    private static func write(_ text: String, to descriptor: Int32) -> Int32? {
        var text = text
        return text.withUTF8 { bytes -> Int32? in
            var rest = UnsafeRawBufferPointer(bytes)
            while !rest.isEmpty {
                let count = Glibc.write(descriptor, rest.baseAddress, rest.count)
                if count < 0 {
                    if errno == EINTR { continue }
                    return errno
                }
                rest = UnsafeRawBufferPointer(rebasing: rest[count...])
            }
            return nil
        }
    }
}
