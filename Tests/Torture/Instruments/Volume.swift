internal import Foundation
internal import HoldfastHarness

/// A file system on a loop device over a file. Whoever mounts it unmounts it; what is forgotten goes
/// with the namespace that all of torture runs in.
struct Volume: Sendable {
    let mountPoint: String

    /// - Parameters:
    ///   - file: an image, or the disk of a `BlockDevice`.
    ///   - mountPoint: a directory; nil: a fresh one beside the file.
    ///   - isFresh: it is formatted first.
    ///   - isDirect: the loop device goes past the cache of the file.
    static func mount(
        _ kind: FileSystemKind, over file: String, at mountPoint: String? = nil, isFresh: Bool,
        isDirect: Bool = false
    ) async throws -> Volume {
        let mountPoint = mountPoint ?? "\(file).mounted"
        mkdir(mountPoint, 0o700)
        let loop = try await Command.run(
            ["losetup", "--find", "--show"] + (isDirect ? ["--direct-io=on"] : []) + [file]
        ).trimmingCharacters(in: .whitespacesAndNewlines)
        do {
            if isFresh { try await kind.format(loop) }
            try await Command.run([
                "mount", "-t", kind.rawValue, "-o", "noatime", loop, mountPoint,
            ])
        } catch {
            // What is wrong with a file system only the kernel says, and not for long.
            let kernel = try? await Command.run(["sh", "-c", "dmesg | tail -n 20"])
            _ = try? await Command.run(["losetup", "--detach", loop])
            throw TestFault("\(error)\n\(kernel ?? "")")
        }
        // From now on it goes when it is unmounted.
        try await Command.run(["losetup", "--detach", loop])
        return Volume(mountPoint: mountPoint)
    }

    func unmount() async throws {
        try await Command.run(["umount", mountPoint])
    }
}
