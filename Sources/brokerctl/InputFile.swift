internal import Glibc

/// A file, or standard input, that is read from its beginning to its end.
final class InputFile {
    /// As it is named in messages.
    let name: String
    /// 0 where it is not known.
    let byteCount: Int
    private let descriptor: Int32

    /// - Parameter path: `-` for standard input.
    init(path: String) throws(Failure) {
        let isStandardInput = path == "-"
        name = isStandardInput ? "standard input" : path
        descriptor = isStandardInput ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Self.failure(name, errno) }
        var information = stat()
        guard fstat(descriptor, &information) == 0 else { throw Self.failure(name, errno) }
        byteCount = information.st_mode & S_IFMT == S_IFREG ? Int(information.st_size) : 0
    }

    deinit {
        if descriptor != STDIN_FILENO { close(descriptor) }
    }

    /// The next bytes; empty at the end.
    func read(byteCountMax: Int) throws(Failure) -> [UInt8] {
        while true {
            var code: Int32 = 0
            let bytes = [UInt8](unsafeUninitializedCapacity: byteCountMax) { buffer, count in
                let result = Glibc.read(descriptor, buffer.baseAddress, buffer.count)
                if result < 0 { code = errno }
                count = max(result, 0)
            }
            if code == 0 { return bytes }
            if code != EINTR { throw Self.failure(name, code) }
        }
    }

    /// Whether `read` would wait for somebody to write.
    var isWaiting: Bool {
        var poll = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return Glibc.poll(&poll, 1, 0) == 0
    }

    /// All of it, if it is no longer than what the client takes at most.
    func contents() throws(Failure) -> [UInt8] {
        let byteCountMax = 64 << 20
        var contents: [UInt8] = []
        while true {
            let piece = try read(byteCountMax: 1 << 16)
            if piece.isEmpty { return contents }
            contents += piece
            guard contents.count <= byteCountMax else {
                throw Failure(.usage, "\(name) is longer than a payload can be")
            }
        }
    }

    private static func failure(_ name: String, _ code: Int32) -> Failure {
        Failure(.usage, "\(name) cannot be read: \(String(cString: strerror(code)))")
    }
}
