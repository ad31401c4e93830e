internal import Foundation
internal import Glibc
internal import HoldfastHarness
internal import Synchronization

/// A block device of our own, served by `blockdevice`: it writes down all that is written and flushed,
/// and fails, delays or dies when told to.
final class BlockDevice: Sendable {
    private let directory: TemporaryDirectory
    private let server: ChildProcess

    /// The file for a loop device.
    var disk: String { "\(directory.path)/mounted/disk" }
    var logPath: String { directory.path(of: "log") }

    /// See blockdevice.c.
    private static let notAvailableExitCode: Int32 = 77
    private static let running = Mutex<[Int32: ChildProcess]>([:])

    /// - Parameter image: what it holds at first; nil: zeros.
    /// - Throws: `NotAvailable` where it cannot be mounted here.
    init(mebibytes: Int, image: String? = nil) async throws {
        directory = try TemporaryDirectory()
        let mountPoint = directory.path(of: "mounted")
        mkdir(mountPoint, 0o700)
        let server = try ChildProcess(
            try BuiltProgram.blockdevice.path,
            [mountPoint, "\(mebibytes)", directory.path(of: "log")] + (image.map { [$0] } ?? []))
        self.server = server
        guard await server.line(where: { $0 == "ready" }) != nil else {
            let exit = await server.exit()
            let reason = server.standardError.replacing("\n", with: "")
            if exit == .code(Self.notAvailableExitCode) { throw NotAvailable(reason) }
            throw TestFault("the block device ended with \(exit) at its start: \(reason)")
        }
        Self.running.withLock { $0[server.processID] = server }
    }

    /// One of the sentences of `blockdevice.c`.
    func tell(_ sentence: String) throws {
        let file = open("\(directory.path)/mounted/control", O_WRONLY | O_CLOEXEC)
        defer { close(file) }
        let count = write(file, sentence, sentence.utf8.count)
        guard count == sentence.utf8.count else {
            throw TestFault(
                "the device does not take \(sentence): \(String(cString: strerror(errno)))")
        }
    }

    /// The device is gone: from now on everything fails.
    func kill() async {
        server.send(SIGKILL)
        _ = await server.exit()
    }

    /// Takes it away; no file system may be mounted on it.
    func stop() async throws {
        // The loop device is given back a moment after its file system is.
        var tries = 0
        while true {
            do {
                try await Command.run(["umount", "\(directory.path)/mounted"])
                break
            } catch {
                tries += 1
                if tries == 50 { throw error }
                try? await Task.sleep(for: .milliseconds(20))
            }
        }
        _ = await server.exit()
        Self.running.withLock { $0[server.processID] = nil }
    }

    /// Whether the file system can be mounted here, and a file system of our own too. A device that fails
    /// otherwise is not refused by this machine: that is left to the rehearsal.
    static func probe(_ kind: FileSystemKind) async throws(NotAvailable) {
        try await kind.probe()
        do {
            try await BlockDevice(mebibytes: kind.mebibytes).stop()
        } catch let missing as NotAvailable {
            throw missing
        } catch {}
    }

    // MARK: The way out

    /// Ends all devices at once, so that nothing waits for them any more. Touches no mounted file: even
    /// looking at one may wait for ever.
    static func abortAll() {
        for server in running.withLock({ Array($0.values) }) { server.send(SIGKILL) }
        guard let mounts = try? String(contentsOfFile: "/proc/self/mountinfo", encoding: .utf8),
            let parent = ProcessInfo.processInfo.environment["TMPDIR"]
        else { return }
        let control = "\(parent)/fusectl"
        mkdir(control, 0o700)
        guard Glibc.mount("none", control, "fusectl", 0, nil) == 0 else { return }
        for line in mounts.split(separator: "\n") where line.contains(" - fuse.blockdevice ") {
            let fields = line.split(separator: " ")
            guard fields.count > 2, let number = fields[2].split(separator: ":").last,
                let file = fopen("\(control)/\(number)/abort", "w")
            else { continue }
            fputs("1", file)
            fclose(file)
        }
        umount2(control, 0)
    }
}
