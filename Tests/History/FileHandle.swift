internal import Glibc

/// An open file, closed with its last owner. Belongs to one thread at a time.
struct FileHandle: ~Copyable {
    private let descriptor: CInt
    let path: String

    private init(descriptor: CInt, path: String) {
        self.descriptor = descriptor
        self.path = path
    }

    deinit { _ = Glibc.close(descriptor) }

    static func reading(_ path: String) throws(HistoryFileFault) -> FileHandle {
        try opened(path, open(path, O_RDONLY | O_CLOEXEC))
    }

    /// A new file, in the place of one that is there.
    static func writing(_ path: String) throws(HistoryFileFault) -> FileHandle {
        try opened(path, open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644))
    }

    /// A file without a name, which is gone when it is closed.
    static func temporary(in directory: String) throws(HistoryFileFault) -> FileHandle {
        var template = Array((directory + "/history.XXXXXX").utf8CString)
        let descriptor = mkstemp(&template)
        let file = try opened(directory, descriptor)
        unlink(template)
        return file
    }

    private static func opened(
        _ path: String, _ descriptor: CInt
    ) throws(HistoryFileFault) -> FileHandle {
        guard descriptor >= 0 else { throw .system(call: "open", path: path, code: errno) }
        return FileHandle(descriptor: descriptor, path: path)
    }

    /// Writes all of it at the end of what was written.
    borrowing func write(_ bytes: UnsafeRawBufferPointer) throws(HistoryFileFault) {
        var done = 0
        while done < bytes.count {
            let count = Glibc.write(descriptor, bytes.baseAddress! + done, bytes.count - done)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw .system(call: "write", path: path, code: errno) }
            done += count
        }
    }

    /// - Parameter offset: nil: where the last read ended.
    /// - Returns: how many bytes were read; 0 only at the end of the file.
    borrowing func read(
        into bytes: UnsafeMutableRawBufferPointer, at offset: Int? = nil
    ) throws(HistoryFileFault) -> Int {
        while true {
            let count =
                offset.map { pread(descriptor, bytes.baseAddress, bytes.count, $0) }
                ?? Glibc.read(descriptor, bytes.baseAddress, bytes.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw .system(call: "read", path: path, code: errno) }
            return count
        }
    }
}
