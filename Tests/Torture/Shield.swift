internal import Foundation
internal import HoldfastHarness

/// Runs torture in a process of its own that can leave nothing behind: as root, in namespaces in which
/// it is process 1 and its mounts are its own, so that all its processes and mounts end with it,
/// however it ends. Its files and memory groups are removed here.
enum Shield {
    /// Were this process killed, the one behind the shield would be killed too.
    private static let command = [
        "setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--pid", "--fork", "--kill-child",
        "--mount-proc", "--",
    ]

    /// Whether this process is behind one.
    static var isUp: Bool { getpid() == 1 }

    /// - Returns: the exit code for this process.
    static func run(_ arguments: [String]) throws -> Int32 {
        let scratch = try TemporaryDirectory()
        setenv("TMPDIR", scratch.path, 1)
        setenv("PATH", (ProcessInfo.processInfo.environment["PATH"] ?? "") + ":/usr/sbin:/sbin", 1)
        let torture = [try BuiltProgram.torture.path] + arguments + ["--inside", scratch.path]
        let isShielded = try geteuid() == 0 && spawn(command + ["true"]) == 0
        let code = try spawn((isShielded ? command : []) + torture)
        MemoryGroup.removeAll(of: scratch.path)
        return code
    }

    /// Runs a program to its end, with all signals that would end this process as its own end.
    private static func spawn(_ command: [String]) throws -> Int32 {
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // A group of its own, which is ended as one.
        posix_spawnattr_setpgroup(&attributes, 0)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP))
        var pointers = command.map { strdup($0) } + [nil]
        defer { for pointer in pointers { free(pointer) } }
        let failure = posix_spawnp(&child, command[0], nil, &attributes, &pointers, environ)
        guard failure == 0 else { return 127 }
        for number in [SIGINT, SIGTERM, SIGHUP] {
            signal(number) { _ in _ = kill(-Shield.child, SIGKILL) }
        }
        var status: Int32 = 0
        while waitpid(child, &status, 0) < 0, errno == EINTR {}
        return status & 0x7F == 0 ? status >> 8 & 0xFF : 128 + (status & 0x7F)
    }

    /// Written before there is a handler that reads it.
    nonisolated(unsafe) private static var child: pid_t = 0
}
