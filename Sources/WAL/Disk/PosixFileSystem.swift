internal import CDisk
internal import Glibc

/// The kernel's files below one directory, which is held open: renaming the directory while the
/// broker runs does not lead it astray.
package final class PosixFileSystem: FileSystem {
    package let rootPath: String
    package let blockByteCount: Int
    private let root: Int32

    /// - Parameters:
    ///   - rootPath: the directory.
    ///   - creating: make it, and the directories above it, where they are missing.
    package init(root rootPath: String, creating: Bool = false) throws(DiskError) {
        self.rootPath = rootPath
        if creating { try Self.makeDirectories(rootPath) }
        root = Glibc.open(rootPath, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard root >= 0 else { throw DiskError(.open, rootPath, code: errno) }
        var volume = statvfs()
        guard fstatvfs(root, &volume) == 0 else {
            let code = errno
            close(root)
            throw DiskError(.space, rootPath, code: code)
        }
        // Some file systems say their preferred transfer here, which may be megabytes.
        let block = Int(volume.f_frsize)
        blockByteCount = (4096...65536).contains(block) && block & (block - 1) == 0 ? block : 4096
    }

    deinit {
        close(root)
    }

    package func openFile(_ path: String, for access: FileAccess) throws(DiskError) -> any File {
        try open(path, access == .readingAndWriting ? O_RDWR : O_RDONLY, .open, access)
    }

    package func createFile(_ path: String) throws(DiskError) -> any File {
        try open(path, O_RDWR | O_CREAT | O_EXCL, .create, .readingAndWriting)
    }

    package func makeDirectory(_ path: String) throws(DiskError) {
        try check(mkdirat(root, path, 0o700), .makeDirectory, path)
    }

    package func rename(_ source: String, to target: String) throws(DiskError) {
        try check(renameat(root, source, root, target), .rename, target)
    }

    package func remove(_ path: String) throws(DiskError) {
        try check(unlinkat(root, path, 0), .remove, path)
    }

    package func list(_ directory: String) throws(DiskError) -> [String] {
        let descriptor = openat(root, name(directory), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        try check(descriptor, .list, directory)
        guard let stream = fdopendir(descriptor) else {
            let code = errno
            close(descriptor)
            throw DiskError(.list, directory, code: code)
        }
        defer { closedir(stream) }
        var names: [String] = []
        while true {
            errno = 0
            guard let entry = readdir(stream) else { break }
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != "." && name != ".." { names.append(name) }
        }
        guard errno == 0 else { throw DiskError(.list, directory, code: errno) }
        return names.sorted()
    }

    package func syncDirectory(_ path: String) throws(DiskError) {
        let descriptor = openat(root, name(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        try check(descriptor, .syncDirectory, path)
        defer { close(descriptor) }
        try check(fsync(descriptor), .syncDirectory, path)
    }

    package func space() throws(DiskError) -> VolumeSpace {
        var volume = statvfs()
        try check(fstatvfs(root, &volume), .space, "")
        return VolumeSpace(
            byteCount: Int(volume.f_blocks) * Int(volume.f_frsize),
            freeByteCount: Int(volume.f_bavail) * Int(volume.f_frsize))
    }

    /// Whether writing over blocks that a file has takes new ones, which a full volume cannot give:
    /// btrfs does that unless the directory says otherwise, as an empty one is made to here.
    package func usesCopyOnWrite() throws(DiskError) -> Bool {
        holdfast_uses_copy_on_write(root, try list("").isEmpty ? 1 : 0) != 0
    }

    private func open(
        _ path: String, _ flags: Int32, _ call: DiskError.Call, _ access: FileAccess
    ) throws(DiskError) -> any File {
        while true {
            let descriptor = openat(root, path, flags | O_CLOEXEC | O_NOFOLLOW, 0o600)
            if descriptor >= 0 {
                return PosixFile(
                    path: path, descriptor: descriptor,
                    direct: access == .reading ? nil : directAccess(to: descriptor, path, access))
            }
            if errno != EINTR { throw DiskError(call, path, code: errno) }
        }
    }

    /// The file that was just opened, once more past the page cache; nil where the file system
    /// cannot do that (tmpfs), and where the name has come to mean another file meanwhile.
    private func directAccess(
        to opened: Int32, _ path: String, _ access: FileAccess
    ) -> DirectAccess? {
        let isReadOnly = access == .readingPastCache
        let descriptor = openat(
            root, path,
            (isReadOnly ? O_RDONLY : O_RDWR) | holdfast_o_direct | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else { return nil }
        let direct = DirectAccess(descriptor: descriptor, isInUse: isReadOnly)
        var one = stat()
        var other = stat()
        guard fstat(opened, &one) == 0, fstat(descriptor, &other) == 0,
            one.st_ino == other.st_ino, one.st_dev == other.st_dev
        else { return nil }
        return direct
    }

    private func name(_ directory: String) -> String {
        directory.isEmpty ? "." : directory
    }

    private func check(
        _ result: Int32, _ call: DiskError.Call, _ path: String
    ) throws(DiskError) {
        guard result >= 0 else { throw DiskError(call, path, code: errno) }
    }

    /// Makes each directory of `path` that is missing, and its name durable.
    private static func makeDirectories(_ path: String) throws(DiskError) {
        if mkdir(path, 0o700) != 0 {
            if errno == EEXIST { return }
            guard errno == ENOENT, let parent = parent(of: path) else {
                throw DiskError(.makeDirectory, path, code: errno)
            }
            try makeDirectories(parent)
            guard mkdir(path, 0o700) == 0 || errno == EEXIST else {
                throw DiskError(.makeDirectory, path, code: errno)
            }
        }
        let descriptor = Glibc.open(parent(of: path) ?? ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        // A parent that may be entered but not read cannot be synced by us: its owner's affair.
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else {
            throw DiskError(.syncDirectory, parent(of: path) ?? ".", code: errno)
        }
    }

    private static func parent(of path: String) -> String? {
        var parts = path.split(separator: "/", omittingEmptySubsequences: true)
        guard parts.popLast() != nil, !parts.isEmpty else {
            return path.hasPrefix("/") ? "/" : nil
        }
        return (path.hasPrefix("/") ? "/" : "") + parts.joined(separator: "/")
    }
}
