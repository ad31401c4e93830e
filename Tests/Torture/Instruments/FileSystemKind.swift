internal import Foundation
internal import HoldfastHarness

/// A file system of the kernel's, made on a small device.
enum FileSystemKind: String, CaseIterable, Sendable {
    case ext4
    case xfs
    case btrfs

    /// Of a device on which a round has room.
    var mebibytes: Int {
        switch self {
        case .ext4, .xfs: 128
        case .btrfs: 256
        }
    }

    /// Of one that is to be filled.
    var mebibytesToFill: Int {
        switch self {
        case .ext4, .xfs: 64
        case .btrfs: 128
        }
    }

    /// - Parameter device: a loop device, or any file.
    func format(_ device: String) async throws {
        switch self {
        case .ext4:
            // Everything now: nothing is to be written behind the broker's back later. Blocks as long as
            // a page of memory: of a write that ends in a page for which a file in memory has no room,
            // the loop driver says that all of it was done (Linux 6.18).
            try await Command.run([
                "mkfs.ext4", "-q", "-F", "-m", "0", "-b", "4096", "-E",
                "lazy_itable_init=0,lazy_journal_init=0,nodiscard", device,
            ])
        case .xfs:
            // Below 300 MiB only for those who test file systems, which it asks for in this way.
            try await Command.run(
                ["mkfs.xfs", "-q", "-f", "-K", device],
                environment: ["TEST_DIR": "1", "TEST_DEV": "1", "QA_CHECK_FS": "1"])
        case .btrfs:
            try await Command.run(["mkfs.btrfs", "-q", "-f", "-K", device])
        }
    }

    /// What the file system's own checker says of one that is not mounted, changing nothing.
    ///
    /// - Throws: where it finds something wrong.
    func check(_ device: String) async throws -> String {
        switch self {
        case .ext4: try await Command.run(["e2fsck", "-f", "-n", device])
        case .xfs: try await Command.run(["xfs_repair", "-n", "-f", device])
        case .btrfs: try await Command.run(["btrfs", "check", "--readonly", device])
        }
    }

    /// Whether one can be made, mounted and unmounted here.
    func probe() async throws(NotAvailable) {
        guard geteuid() == 0 else { throw NotAvailable("only root can mount") }
        guard Shield.isUp else { throw NotAvailable("no namespaces of our own for mounts") }
        _ = try await Command.probe(["sh", "-c", "command -v mkfs.\(rawValue) losetup"])
        do {
            let directory = try await Image.directory()
            let image = try Image.make(mebibytes: mebibytes, in: directory)
            let volume = try await Volume.mount(self, over: image, isFresh: true)
            try await volume.unmount()
        } catch {
            throw NotAvailable("\(error)")
        }
    }
}

enum Image {
    /// Where images lie: in memory, in a file system that goes with our namespace. A sync of the loop device
    /// costs next to nothing there.
    static func directory() async throws -> TemporaryDirectory {
        guard let parent = ProcessInfo.processInfo.environment["TMPDIR"], Shield.isUp else {
            return try TemporaryDirectory()
        }
        let path = "\(parent)/images"
        if mkdir(path, 0o700) == 0 {
            try await Command.run(["mount", "-t", "tmpfs", "none", path])
        }
        return try TemporaryDirectory(in: path)
    }

    /// A file of zeros that takes no space yet.
    static func make(mebibytes: Int, in directory: TemporaryDirectory) throws -> String {
        let path = directory.path(of: "image")
        guard FileManager.default.createFile(atPath: path, contents: nil),
            truncate(path, off_t(mebibytes) << 20) == 0
        else { throw TestFault("no image can be made: \(String(cString: strerror(errno)))") }
        return path
    }
}
