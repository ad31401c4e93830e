internal import CDisk
internal import Glibc
internal import Synchronization

/// An open file of the kernel's.
///
/// Durable writes of whole blocks go past the page cache (O_DIRECT) where the file system can do
/// that: the kernel's copy into the cache was the largest single cost of a deep commit. From the
/// first such write on, this file's reads go past the cache too. Other writes (headers, marks,
/// zeros ahead of need) go through it, each to blocks that nobody writes at the same time; the
/// kernel drops what it has cached of a block that is written past the cache.
final class PosixFile: File {
    let path: String
    private let descriptor: Int32
    private let direct: DirectAccess?
    /// Cleared for good by the first "not supported": then a durable write is two calls.
    private let canWriteDurably = Atomic(true)

    /// - Parameter direct: the same file, opened past the page cache; nil where that is not to be.
    init(path: String, descriptor: Int32, direct: DirectAccess?) {
        self.path = path
        self.descriptor = descriptor
        self.direct = direct
    }

    deinit {
        close(descriptor)
    }

    func byteCount() throws(DiskError) -> Int {
        var information = stat()
        guard fstat(descriptor, &information) == 0 else {
            throw DiskError(.byteCount, path, code: errno)
        }
        return Int(information.st_size)
    }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(DiskError) -> Int {
        if let direct, direct.isInUse {
            let (done, code) = direct.read(into: buffer, at: offset)
            guard let code else { return done }
            // Turned down: this file system wants another alignment.
            guard code == EINVAL || code == ENOTSUP else {
                throw DiskError(.read, path, code: code)
            }
            direct.disable()
        }
        let (done, code) = Transfer.run(byteCount: buffer.count) { done in
            Transfer.result(
                pread(
                    descriptor, buffer.baseAddress! + done, buffer.count - done,
                    off_t(offset + done)))
        }
        if let code { throw DiskError(.read, path, code: code) }
        return done
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(DiskError) {
        try write(bytes, at: offset, call: .write)
    }

    func writeDurably(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(DiskError) {
        if canWriteDurably.load(ordering: .relaxed) {
            if let direct, direct.takes(bytes, at: offset) {
                let (done, code) = direct.writeDurably(bytes, at: offset)
                if done == bytes.count { return }
                // Turned down before the first byte: this file system wants another alignment.
                guard done == 0, code == EINVAL || code == ENOTSUP else {
                    throw DiskError(.writeDurably, path, code: code ?? EIO)
                }
                direct.disable()
            }
            let (done, code) = Transfer.run(byteCount: bytes.count) { done in
                Transfer.result(
                    holdfast_pwrite_durably(
                        descriptor, bytes.baseAddress! + done, bytes.count - done,
                        off_t(offset + done)))
            }
            if done == bytes.count { return }
            // Turned down before the first byte: an older kernel, or a file system without it.
            let isUnsupported = code == ENOTSUP || code == ENOSYS || code == EINVAL
            guard done == 0, isUnsupported else {
                throw DiskError(.writeDurably, path, code: code ?? EIO)
            }
            canWriteDurably.store(false, ordering: .relaxed)
        }
        try write(bytes, at: offset, call: .writeDurably)
        guard fdatasync(descriptor) == 0 else {
            throw DiskError(.writeDurably, path, code: errno)
        }
    }

    func sync() throws(DiskError) {
        // Not repeated on EINTR: what a failed sync has left behind, nobody knows.
        guard fdatasync(descriptor) == 0 else { throw DiskError(.sync, path, code: errno) }
    }

    func allocate(byteCount: Int) throws(DiskError) {
        while true {
            let code = posix_fallocate(descriptor, 0, off_t(byteCount))
            if code == 0 { return }
            if code != EINTR { throw DiskError(.allocate, path, code: code) }
        }
    }

    func allocateZeros(byteCount: Int) throws(DiskError) -> Bool {
        while holdfast_allocate_zeros(descriptor, off_t(byteCount)) != 0 {
            switch errno {
            case EINTR: continue
            // The last two from file systems and filters that do not know this kind of call.
            case ENOTSUP, ENOSYS, EINVAL, EPERM: return false
            default: throw DiskError(.allocate, path, code: errno)
            }
        }
        return true
    }

    func lock() throws(DiskError) -> Bool {
        while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
            if errno == EWOULDBLOCK { return false }
            if errno != EINTR { throw DiskError(.lock, path, code: errno) }
        }
        return true
    }

    private func write(
        _ bytes: UnsafeRawBufferPointer, at offset: Int, call: DiskError.Call
    ) throws(DiskError) {
        let (done, code) = Transfer.run(byteCount: bytes.count) { done in
            Transfer.result(
                pwrite(
                    descriptor, bytes.baseAddress! + done, bytes.count - done,
                    off_t(offset + done)))
        }
        guard done == bytes.count else { throw DiskError(call, path, code: code ?? EIO) }
    }
}
