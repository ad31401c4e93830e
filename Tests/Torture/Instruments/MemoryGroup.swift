internal import Foundation
internal import HoldfastHarness

/// A memory group of the kernel (cgroup, version 1), below this process's own.
final class MemoryGroup: Sendable {
    private let path: String

    /// - Throws: where there is no memory controller of version 1, or it cannot be used.
    init(_ name: String) throws {
        let tag = ProcessInfo.processInfo.environment["TMPDIR"].map(Self.tag) ?? "holdfast-torture"
        path = "\(try Self.parent())/\(tag).\(name)"
        guard mkdir(path, 0o700) == 0 || errno == EEXIST else {
            throw TestFault("no memory group can be made: \(String(cString: strerror(errno)))")
        }
    }

    /// Each run's own, by its directory for files.
    private static func tag(_ scratch: String) -> String {
        "holdfast-torture-" + (scratch.split(separator: "/").last ?? "")
    }

    private static func parent() throws -> String {
        let groups = try String(contentsOfFile: "/proc/self/cgroup", encoding: .utf8)
        for line in groups.split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3, parts[1].split(separator: ",").contains("memory") else {
                continue
            }
            return "/sys/fs/cgroup/memory\(parts[2] == "/" ? "" : parts[2])"
        }
        throw TestFault("there is no memory controller of cgroup version 1")
    }

    /// Executes what follows as a member of the group.
    var wrapper: [String] {
        ["sh", "-c", #"echo $$ > "$0/cgroup.procs"; exec "$@""#, path]
    }

    /// Takes no effect on what is above it already and cannot be given back.
    func limit(mebibytes: Int) throws {
        let bytes = "\(mebibytes << 20)"
        try write(bytes, to: "memory.limit_in_bytes")
        let set = try read("memory.limit_in_bytes")
        guard set == bytes else {
            throw TestFault("the memory limit is \(set) where \(bytes) was written")
        }
    }

    /// How often something wanted more than the limit.
    var hitCount: Int {
        get throws { Int(try read("memory.failcnt")) ?? 0 }
    }

    private func read(_ name: String) throws -> String {
        try String(contentsOfFile: "\(path)/\(name)", encoding: .utf8)
            .trimmingCharacters(in: .whitespacesAndNewlines)
    }

    private func write(_ text: String, to name: String) throws {
        guard let file = fopen("\(path)/\(name)", "w") else {
            throw TestFault("\(path)/\(name): \(String(cString: strerror(errno)))")
        }
        let isWritten = fputs(text, file) >= 0
        guard fclose(file) == 0, isWritten else {
            throw TestFault("\(path)/\(name): \(String(cString: strerror(errno)))")
        }
    }

    func remove() {
        rmdir(path)
    }

    /// Those of a run that has ended.
    static func removeAll(of scratch: String) {
        guard let parent = try? parent() else { return }
        let names = (try? FileManager.default.contentsOfDirectory(atPath: parent)) ?? []
        for name in names where name.hasPrefix(tag(scratch) + ".") {
            // Processes that were killed leave their group in their own time.
            var tries = 0
            while rmdir("\(parent)/\(name)") != 0, errno == EBUSY, tries < 100 {
                usleep(20_000)
                tries += 1
            }
        }
    }
}
