internal import Glibc

/// What `sha256sum`, a program that knows nothing of ours, says of the same files.
enum ReferenceDigests {
    /// - Parameter directory: where the list of names and the answer are kept.
    /// - Returns: the digest of each file that `sha256sum` could read.
    static func of(_ files: [FileName], keepingIn directory: String) throws -> [FileName: String] {
        guard !files.isEmpty else { return [:] }
        let list = directory + "/files"
        let sums = directory + "/sha256sums"
        try write(files.flatMap { $0.bytes + [0] }, to: list)
        // Zero-terminated both ways: names may hold newlines.
        let child = try ChildProcess(
            "/usr/bin/env", ["xargs", "-0", "-r", "-a", list, "sha256sum", "-z", "--"],
            output: .file(sums))
        let status = child.wait()
        // 123: sha256sum could not read some file; it is missing from the answer, that is all.
        guard status == .exited(0) || status == .exited(123) else {
            throw FingerprintFault("sha256sum \(status)")
        }
        var digests: [FileName: String] = [:]
        digests.reserveCapacity(files.count)
        for line in try read(sums).split(separator: 0) {
            // 64 digits, a space, a space or an asterisk, the name.
            guard line.count > 66 else { continue }
            digests[FileName(Array(line.dropFirst(66)))] = String(
                decoding: line.prefix(64), as: UTF8.self)
        }
        return digests
    }

    private static func write(_ bytes: [UInt8], to path: String) throws {
        guard let file = fopen(path, "we") else {
            throw FingerprintFault.cannotRead(FileName(path))
        }
        defer { fclose(file) }
        guard fwrite(bytes, 1, bytes.count, file) == bytes.count, fflush(file) == 0 else {
            throw FingerprintFault("cannot write \(path): \(String(cString: strerror(errno)))")
        }
    }

    private static func read(_ path: String) throws -> [UInt8] {
        guard let file = fopen(path, "re") else {
            throw FingerprintFault.cannotRead(FileName(path))
        }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = fread(&piece, 1, piece.count, file)
            if count == 0 { return bytes }
            bytes.append(contentsOf: piece[..<count])
        }
    }
}
