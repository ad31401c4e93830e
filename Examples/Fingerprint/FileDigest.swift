internal import Crypto
internal import Glibc

/// A file's SHA-256 and size, read in pieces: the work of this example.
struct FileDigest: Hashable, Sendable {
    /// In lower-case hexadecimal, as `sha256sum` writes it.
    let sha256: String
    let byteCount: UInt64

    /// - Throws: `FingerprintFault` where the file cannot be read.
    init(of name: FileName) throws {
        let descriptor = name.withCString { open($0, O_RDONLY | O_CLOEXEC) }
        guard descriptor >= 0 else { throw FingerprintFault.cannotRead(name) }
        defer { close(descriptor) }
        var hash = SHA256()
        var total: UInt64 = 0
        let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 * 1024, alignment: 4096)
        defer { piece.deallocate() }
        while true {
            let count = read(descriptor, piece.baseAddress, piece.count)
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw FingerprintFault.cannotRead(name) }
            if count == 0 { break }
            hash.update(bufferPointer: UnsafeRawBufferPointer(rebasing: piece[..<count]))
            total += UInt64(count)
        }
        sha256 = hash.finalize().map { byte in
            let digits = String(byte, radix: 16)
            return digits.count == 1 ? "0" + digits : digits
        }.joined()
        byteCount = total
    }
}
